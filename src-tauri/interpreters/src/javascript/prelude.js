// A function of the host's: gives code its world, and the program the functions that make answers.
(host) => {
  'use strict';
  const MAX_TEXT = 20000, MAX_ROWS = 200, MAX_COLUMNS = 50, MAX_LABELS = 500;
  const { stringify } = JSON;
  let tables = [], charts = [];

  // A value as JavaScript would write it, so deep.
  const inspect = (value, depth = 4, seen = []) => {
    if (typeof value === 'string') return depth === 4 ? `'${value}'` : stringify(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'function') return `[Function: ${value.name || '(anonymous)'}]`;
    if (typeof value === 'symbol' || value === null || typeof value !== 'object') return String(value);
    if (value instanceof Error) return String(value);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (seen.includes(value)) return '[Circular]';
    const inner = (it) => inspect(it, depth - 1, [...seen, value]);
    const list = (items, open, close) => {
      if (items.length === 0) return open + close;
      const line = `${open} ${items.join(', ')} ${close}`;
      return line.length <= 100 ? line : `${open}\n${items.map((it) => '  ' + it.replaceAll('\n', '\n  ')).join(',\n')}\n${close}`;
    };
    const cut = (items) => (items.length <= MAX_ROWS ? items : [...items.slice(0, MAX_ROWS), `… ${items.length - MAX_ROWS} more`]);
    const name = value.constructor && value.constructor.name !== 'Object' ? `${value.constructor.name} ` : '';
    if (depth === 0) return Array.isArray(value) ? '[Array]' : `[${name.trim() || 'Object'}]`;
    if (Array.isArray(value)) return list(cut([...value.slice(0, MAX_ROWS + 1)].map(inner)), '[', ']');
    if (ArrayBuffer.isView(value)) return name + list(cut([...value].map(String)), '[', ']');
    if (value instanceof Map) return name + list(cut([...value].map(([key, it]) => `${inner(key)} => ${inner(it)}`)), '{', '}');
    if (value instanceof Set) return name + list(cut([...value].map(inner)), '{', '}');
    const key = (it) => (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(it) ? it : stringify(it));
    return name + list(cut(Object.keys(value).map((it) => `${key(it)}: ${inner(value[it])}`)), '{', '}');
  };

  const cell = (value) =>
    value === null || value === undefined ? ''
      : (typeof value === 'object' ? inspect(value, 2) : String(value)).slice(0, 300);
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

  // Node's names for what is here of Node.
  const asText = (options) => options !== undefined && (typeof options === 'string' || options.encoding !== undefined);
  const stat = (path) => {
    const facts = host.about(path);
    if (facts === undefined) throw new Error(`${path}: there is no such file or folder`);
    const [kind, size, mtimeMs] = facts;
    return { size, mtimeMs, mtime: new Date(mtimeMs), isFile: () => kind === 'file', isDirectory: () => kind === 'directory' };
  };
  const fs = {
    readFileSync: (path, options) => host.read(path, asText(options)),
    writeFileSync: (path, data) => host.write(path, data, false),
    appendFileSync: (path, data) => host.write(path, data, true),
    existsSync: (path) => { try { return host.about(path) !== undefined; } catch { return false; } },
    statSync: stat,
    readdirSync: (path) => host.list(path),
    mkdirSync: (path, options) => host.makeFolder(path, Boolean(options?.recursive)),
    rmSync: (path, options) => {
      if (!(options?.force && host.about(path) === undefined)) host.remove(path, Boolean(options?.recursive));
    },
    unlinkSync: (path) => host.remove(path, false),
    renameSync: (from, to) => host.rename(from, to),
  };
  fs.promises = Object.fromEntries(Object.entries(fs)
    .filter(([name]) => name !== 'existsSync')
    .map(([name, act]) => [name.replace(/Sync$/, ''), async (...all) => act(...all)]));
  const path = {
    sep: '/',
    normalize: (text) => {
      const root = text.startsWith('/') ? '/' : '';
      const parts = [];
      for (const part of text.split('/')) {
        if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
        else if (part !== '' && part !== '.' && !(part === '..' && root)) parts.push(part);
      }
      return root + parts.join('/') || '.';
    },
    join: (...parts) => path.normalize(parts.filter((part) => part !== '').join('/')),
    basename: (text, end = '') => {
      const name = text.replace(/\/+$/, '').split('/').at(-1);
      return end && name !== end && name.endsWith(end) ? name.slice(0, -end.length) : name;
    },
    dirname: (text) => text.replace(/\/+$/, '').replace(/\/?[^/]*$/, '') || (text.startsWith('/') ? '/' : '.'),
    extname: (text) => /[^/.][^/]*?(\.[^/.]*)$/.exec(text)?.[1] ?? '',
  };
  const modules = { fs, path, 'fs/promises': fs.promises };
  globalThis.require = (name) => {
    const found = modules[String(name).replace(/^node:/, '')];
    if (found === undefined) {
      throw new Error(`the module "${name}" is not here: Node.js is not installed, and the built-in engine has only fs, fs/promises and path`);
    }
    return found;
  };

  const answer = (reply) => stringify({ ...reply, tables, charts });
  return {
    begin: () => { tables = []; charts = []; },
    value: (value) => {
      if (value === undefined) return answer({});
      const table = tableOf(value);
      if (table === null) return answer({ value: inspect(value).slice(0, MAX_TEXT) });
      tables.push(table);
      return answer({});
    },
    error: (text) => answer({ error: text.length <= MAX_TEXT ? text : text.slice(0, MAX_TEXT) + '…' }),
  };
}
