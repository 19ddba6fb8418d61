// Runs code for Nexus: a line of JSON each way.
//
// Standard input brings a word that marks answers, then requests; standard output takes answers. What code prints goes to standard
// error. The evaluation is that of Node's own prompt: variables last, and `await` may stand at the top. `makeShow` is show.js, which
// stands before this text.
const fs = require('node:fs');
const repl = require('node:repl');
const util = require('node:util');
const { Console } = require('node:console');
const { PassThrough, Readable } = require('node:stream');

const MAX_TEXT = 20000;

const requests = process.stdin;
const printed = process.stderr;
Object.defineProperty(process, 'stdin', { value: Readable.from([]) });
Object.defineProperty(process, 'stdout', { value: printed });
globalThis.console = new Console({ stdout: printed, stderr: printed });

const show = makeShow((value) => util.inspect(value, { depth: 2, breakLength: Infinity }));

// The prompt reads and writes nothing of its own: only its evaluation is used.
const prompt = repl.start({ prompt: '', input: new PassThrough(), output: new PassThrough().resume(), terminal: false, useGlobal: true });
// Where what code throws goes: to whoever waits for its value; what is thrown later, by a timer, is only printed.
let settle = null;
const thrown = (error) => (settle ? settle({ failed: true, error }) : console.error(explain(error)));
process.on('uncaughtException', thrown);
process.on('unhandledRejection', thrown);
// Some versions of Node keep what the prompt evaluates in a domain, which takes errors first.
prompt._domain?.removeAllListeners('error');
prompt._domain?.on('error', thrown);

function explain(error) {
  if (!util.types.isNativeError(error)) return `Uncaught ${util.inspect(error)}`;
  const own = /^\s+at .*(new Promise \(<anonymous>\)$|\(node:|node:internal|at node:|driver\.cjs|REPLServer)/;
  const stack = String(error.stack ?? error).split('\n').filter((line) => !own.test(line)).join('\n');
  return stack.length <= MAX_TEXT ? stack : stack.slice(0, MAX_TEXT) + '…';
}

function evaluate(code) {
  return new Promise((resolve) => {
    settle = resolve;
    prompt.eval(`${code}\n`, prompt.context, 'cell', (error, value) => {
      // Code that is not whole makes the prompt ask for more; here nobody would answer.
      resolve(error ? { failed: true, error: error instanceof repl.Recoverable ? error.err : error } : { value });
    });
  });
}

async function run(code) {
  show.begin();
  const reply = {};
  const { failed, error, value } = await evaluate(code);
  settle = null;
  if (failed) {
    reply.error = explain(error);
  } else if (value !== undefined && !show.takes(value)) {
    reply.value = util.inspect(value, { depth: 4, maxArrayLength: 200, maxStringLength: MAX_TEXT, breakLength: 100 }).slice(0, MAX_TEXT);
  }
  return show.answer(reply);
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
      writeAll(1, `${word}${reply}\n`);
      writeAll(2, `\u001e${word}\u001e\n`);
    }
  }
  process.exit(0);
}

main();
