// A function of the host's and of show.js: gives code its world, and the program the functions that make answers.
(host, makeShow) => {
  'use strict';
  const MAX_TEXT = 20000, MAX_ITEMS = 200;
  const { stringify } = JSON;

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
    const cut = (items) => (items.length <= MAX_ITEMS ? items : [...items.slice(0, MAX_ITEMS), `… ${items.length - MAX_ITEMS} more`]);
    const name = value.constructor && value.constructor.name !== 'Object' ? `${value.constructor.name} ` : '';
    if (depth === 0) return Array.isArray(value) ? '[Array]' : `[${name.trim() || 'Object'}]`;
    if (Array.isArray(value)) return list(cut([...value.slice(0, MAX_ITEMS + 1)].map(inner)), '[', ']');
    if (ArrayBuffer.isView(value)) return name + list(cut([...value].map(String)), '[', ']');
    if (value instanceof Map) return name + list(cut([...value].map(([key, it]) => `${inner(key)} => ${inner(it)}`)), '{', '}');
    if (value instanceof Set) return name + list(cut([...value].map(inner)), '{', '}');
    const key = (it) => (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(it) ? it : stringify(it));
    return name + list(cut(Object.keys(value).map((it) => `${key(it)}: ${inner(value[it])}`)), '{', '}');
  };

  const show = makeShow((value) => inspect(value, 2));

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

  return {
    begin: show.begin,
    value: (value) => show.answer(value === undefined || show.takes(value) ? {} : { value: inspect(value).slice(0, MAX_TEXT) }),
    error: (text) => show.answer({ error: text.length <= MAX_TEXT ? text : text.slice(0, MAX_TEXT) + '…' }),
  };
}
