// Runs one script under Node as isolet would, so that a test can compare the two.
//
//     node run.mjs FILE INPUT.json
//
// prints one line: {"output": …} or {"error": {"name": …, "message": …}}. Wrong usage exits with 2; console output of
// the script goes to stderr.
//
// The kind is found by syntax, as isolet's `auto` does: `.mjs`, or a source that only parses as a module, is a module;
// anything else is a classic script whose last expression is the output.
// Node has no classic scripts with top-level await. Such a script is put into an async function, and its last
// expression statement is returned; it must end with one, not with a block or a loop.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import vm from 'node:vm';

// Modules in a context of their own need a flag.
if (!vm.SourceTextModule) {
  const flags = ['--experimental-vm-modules', '--no-warnings'];
  const child = spawnSync(process.execPath, [...flags, ...process.argv.slice(1)], { stdio: 'inherit' });
  process.exit(child.status ?? 2);
}

const [file, inputFile, ...rest] = process.argv.slice(2);
if (!inputFile || rest.length > 0) {
  console.error('usage: node run.mjs FILE INPUT.json');
  process.exit(2);
}
const source = read(file);
const sandbox = newSandbox(read(inputFile), basename(file));

// A promise that nobody can settle lets Node run out of work.
let printed = false;
process.on('exit', () => {
  if (!printed) print({ error: { name: 'NeverSettled', message: 'the output never settled' } });
  process.exitCode = 0;
});

try {
  const value = await run();
  if (typeof value === 'function' || typeof value === 'symbol') throw outputError(`a ${typeof value} is no JSON`);
  const json = sandbox.stringify(value);
  print({ output: json === undefined ? null : JSON.parse(json) });
} catch (thrown) {
  print({ error: describe(thrown) });
}

async function run() {
  if (file.endsWith('.mjs')) return runModule();
  const script = parse(source) ?? parse(inAsyncFunction());
  return script ? script.runInContext(sandbox.context) : runModule();
}

async function runModule() {
  const module = new vm.SourceTextModule(source, { context: sandbox.context, identifier: file });
  await module.link(specifier => {
    throw new Error(`import of ${JSON.stringify(specifier)}: no modules are provided`);
  });
  await module.evaluate();
  if (!('default' in module.namespace)) {
    throw outputError('a module needs a default export');
  }
  const value = await module.namespace.default;
  return typeof value === 'function' ? value(sandbox.global.input, sandbox.global.context) : value;
}

/** The script as a call of an async function that returns its last expression; null if there is none. */
function inAsyncFunction() {
  // The first cut that leaves statements before it and one expression after it begins the last statement.
  for (const cut of statementStarts()) {
    const head = source.slice(0, cut);
    const last = source.slice(cut).replace(/;\s*$/, '');
    // These begin a declaration or a block, though between parentheses they would begin an expression.
    if (/^\s*(?:function|async\s+function|class|\{|$)/.test(last)) continue;
    // Each part must parse by itself, or a parenthesis of one could close the other.
    const alone = parse(`(async function () { return (\n${last}\n) })`) && parse(`(async function () {\n${head}\n})`);
    if (alone) return `(async function () {${head}\nreturn (\n${last}\n)}).call(globalThis)`;
  }
  return null;
}

function* statementStarts() {
  yield 0;
  for (const match of source.matchAll(/[;\n}]/g)) yield match.index + 1;
}

function parse(text) {
  if (text === null) return null;
  try {
    return new vm.Script(text, { filename: file });
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** A realm with the language, `input`, `context` and `console`, and nothing of Node. */
function newSandbox(inputText, scriptName) {
  const global = Object.create(null);
  const context = vm.createContext(global);
  const inside = code => vm.runInContext(code, context);
  inside('delete globalThis.WebAssembly; delete globalThis.console;');
  const caller = { tenant: 'acme', user: null, organization: null, script: scriptName, execution: 'example' };
  const parseInside = inside('JSON.parse');
  const freezeInside = inside('Object.freeze');
  global.input = parseInside(inputText);
  global.context = freezeInside(parseInside(JSON.stringify(caller)));
  global.console = inside('({})');
  for (const level of ['log', 'info', 'warn', 'error', 'debug']) {
    global.console[level] = (...args) => console.error(`[${level}]`, ...args);
  }
  return { context, global, stringify: inside('JSON.stringify') };
}

function outputError(message) {
  return Object.assign(new Error(message), { name: 'OutputError' });
}

function describe(thrown) {
  // Not `instanceof`: the script's Error is another realm's.
  const isError = typeof thrown === 'object' && thrown !== null && 'message' in thrown;
  return isError
    ? { name: String(thrown.name), message: String(thrown.message) }
    : { name: 'Error', message: String(thrown) };
}

function print(result) {
  printed = true;
  process.stdout.write(JSON.stringify(result) + '\n');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    console.error(`failed to read ${path}: ${error.message}`);
    process.exit(2);
  }
}
