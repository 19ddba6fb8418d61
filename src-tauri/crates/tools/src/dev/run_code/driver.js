// Runs code for Nexus: a line of JSON each way.
//
// Standard input brings a word that marks answers, then requests; standard output takes answers. What code prints goes to standard
// error. The evaluation is that of Node's own prompt: variables last, and `await` may stand at the top.
'use strict';
const fs = require('node:fs');
const repl = require('node:repl');
const util = require('node:util');
const { Console } = require('node:console');
const { PassThrough, Readable } = require('node:stream');

const MAX_TEXT = 20000, MAX_ROWS = 200, MAX_COLUMNS = 50, MAX_LABELS = 500;

const requests = process.stdin;
const printed = process.stderr;
Object.defineProperty(process, 'stdin', { value: Readable.from([]) });
Object.defineProperty(process, 'stdout', { value: printed });
globalThis.console = new Console({ stdout: printed, stderr: printed });

let tables = [], charts = [];

const cell = (value) =>
  value === null || value === undefined ? ''
    : (typeof value === 'object' ? util.inspect(value, { depth: 2, breakLength: Infinity }) : String(value)).slice(0, 300);
const number = (value) => (Number.isFinite(Number(value)) && value !== null && value !== '' ? Number(value) : null);
const isRecord = (value) => {
  if (value === null || typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
};

function tableOf(value) {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isRecord)) return null;
  const head = value.slice(0, MAX_ROWS);
  const columns = [...new Set(head.flatMap((row) => Object.keys(row)))].slice(0, MAX_COLUMNS);
  return { columns, rows: head.map((row) => columns.map((name) => cell(row[name]))), total_rows: value.length };
}

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
      throw new TypeError(`series ${JSON.stringify(name)} must have a value for each of the ${labels.length} labels`);
    }
  }
  charts.push({
    kind,
    title: String(title),
    labels: labels.map(cell).slice(0, MAX_LABELS),
    series: Object.entries(all).map(([name, values]) => ({ name, values: values.map(number).slice(0, MAX_LABELS) })),
  });
};

// The prompt reads and writes nothing of its own: only its evaluation is used.
const prompt = repl.start({ prompt: '', input: new PassThrough(), output: new PassThrough().resume(), terminal: false, useGlobal: true });
prompt.removeAllListeners('exit');
process.on('uncaughtException', (error) => console.error('Uncaught', explain(error)));
process.on('unhandledRejection', (error) => console.error('Uncaught (in promise)', explain(error)));

function explain(error) {
  if (!(error instanceof Error) && !util.types.isNativeError(error)) return `Uncaught ${util.inspect(error)}`;
  const own = /^\s+at .*(\(node:|node:internal|at node:|driver\.cjs|REPLServer)/;
  const stack = String(error.stack ?? error).split('\n').filter((line) => !own.test(line)).join('\n');
  return stack.length <= MAX_TEXT ? stack : stack.slice(0, MAX_TEXT) + '…';
}

function evaluate(code) {
  return new Promise((resolve) => {
    prompt.eval(`${code}\n`, prompt.context, 'cell', (error, value) => {
      // Code that is not whole makes the prompt ask for more; here nobody would answer.
      resolve(error ? { error: error instanceof repl.Recoverable ? error.err : error } : { value });
    });
  });
}

async function run(code) {
  tables = [];
  charts = [];
  const reply = {};
  const { error, value } = await evaluate(code);
  if (error !== undefined) {
    reply.error = explain(error);
  } else if (value !== undefined) {
    const table = tableOf(value);
    if (table) tables.push(table);
    else reply.value = util.inspect(value, { depth: 4, maxArrayLength: 200, maxStringLength: MAX_TEXT, breakLength: 100 }).slice(0, MAX_TEXT);
  }
  return { ...reply, tables, charts };
}

function writeAll(file, text) {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(file, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

async function main() {
  let word = null;
  let pending = '';
  requests.setEncoding('utf8');
  for await (const piece of requests) {
    pending += piece;
    for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 1);
      if (word === null) {
        word = line;
        continue;
      }
      const reply = await run(JSON.parse(line).code);
      // Not before all that was printed has left.
      await new Promise((resolve) => printed.write('', resolve));
      writeAll(1, `${word}${JSON.stringify(reply)}\n`);
      writeAll(2, `\u001e${word}\u001e\n`);
    }
  }
  process.exit(0);
}

main();
