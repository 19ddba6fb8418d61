// What both JavaScript engines of `run_code` make of values: tables and charts. A function of how a value in a cell is written.
(inspect) => {
  'use strict';
  const MAX_ROWS = 200, MAX_COLUMNS = 50, MAX_LABELS = 500;
  // Code may replace what it finds in its world.
  const { stringify } = JSON;
  let tables = [], charts = [];

  const cell = (value) =>
    value === null || value === undefined ? ''
      : (typeof value === 'object' ? inspect(value) : String(value)).slice(0, 300);
  const number = (value) => (Number.isFinite(Number(value)) && value !== null && value !== '' ? Number(value) : null);
  const isRecord = (value) => {
    if (value === null || typeof value !== 'object') return false;
    const prototype = Object.getPrototypeOf(value);
    return prototype === null || prototype === Object.prototype;
  };
  const tableOf = (value) => {
    if (!Array.isArray(value) || value.length === 0 || !value.every(isRecord)) return null;
    const head = value.slice(0, MAX_ROWS);
    const columns = [...new Set(head.flatMap((row) => Object.keys(row)))].slice(0, MAX_COLUMNS);
    return { columns, rows: head.map((row) => columns.map((name) => cell(row[name]))), total_rows: value.length };
  };

  globalThis.showTable = (rows) => {
    const table = tableOf(rows);
    if (table === null) throw new TypeError('rows must be an array of plain objects');
    tables.push(table);
  };
  globalThis.showChart = (labels, series, title = '', kind = 'line') => {
    if (isRecord(title)) ({ title = '', kind = 'line' } = title);
    if (kind !== 'line' && kind !== 'bar') throw new TypeError('kind must be "line" or "bar"');
    const all = Array.isArray(series) ? { '': series } : series;
    for (const [name, values] of Object.entries(all)) {
      if (!Array.isArray(values) || values.length !== labels.length) {
        throw new TypeError(`series ${stringify(name)} must have a value for each of the ${labels.length} labels`);
      }
    }
    charts.push({
      kind,
      title: String(title),
      labels: labels.map(cell).slice(0, MAX_LABELS),
      series: Object.entries(all).map(([name, values]) => ({ name, values: values.map(number).slice(0, MAX_LABELS) })),
    });
  };

  return {
    begin: () => { tables = []; charts = []; },
    // A value that is a table is shown as one, and needs no words.
    takes: (value) => {
      const table = tableOf(value);
      if (table !== null) tables.push(table);
      return table !== null;
    },
    // The answer's line.
    answer: (reply) => stringify({ ...reply, tables, charts }),
  };
}
