// Runs one script of the libraries' under Node, with the library as Node has it, and prints its output as JSON.
//
//     node node.mjs FOLDER SCRIPT LIBRARY
//
// A script's last expression begins with `({` on a line of its own.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';

const [folder, script, library] = process.argv.slice(2);
const require = createRequire(join(resolve(folder), 'package.json'));
const prepared = name => vm.runInThisContext(readFileSync(join(folder, 'prepared', name), 'utf8'));
const globals = {
  ajv: () => {
    prepared('ajv.js');
    return {};
  },
  'big.js': () => ({ Big: require('big.js') }),
  'bignumber.js': () => ({ BigNumber: require('bignumber.js') }),
  'date-fns': () => ({ dateFns: require('date-fns') }),
  dayjs: () => ({
    dayjs: require('dayjs'),
    dayjs_plugin_utc: require('dayjs/plugin/utc'),
    dayjs_plugin_customParseFormat: require('dayjs/plugin/customParseFormat'),
    dayjs_plugin_relativeTime: require('dayjs/plugin/relativeTime'),
  }),
  'decimal.js': () => ({ Decimal: require('decimal.js') }),
  handlebars: () => {
    globalThis.Handlebars = require('handlebars/runtime').create();
    prepared('handlebars.js');
    return {};
  },
  he: () => ({ he: require('he') }),
  immutable: () => ({ Immutable: require('immutable') }),
  'js-yaml': () => ({ jsyaml: require('js-yaml') }),
  jsonata: () => ({ jsonata: require('jsonata') }),
  lodash: () => ({ _: require('lodash') }),
  luxon: () => ({ luxon: require('luxon') }),
  marked: () => ({}),
  moment: () => ({ moment: require('moment') }),
  mustache: () => ({ Mustache: require('mustache') }),
  nunjucks: () => {
    globalThis.window = globalThis;
    prepared('nunjucks.js');
    return { nunjucks: require('nunjucks/browser/nunjucks-slim') };
  },
  papaparse: () => ({ Papa: require('papaparse') }),
  ramda: () => ({ R: require('ramda') }),
  underscore: () => ({ _: require('underscore') }),
  uuid: () => ({ uuid: require('uuid') }),
  validator: () => ({ validator: require('validator') }),
  zod: () => ({}),
};
Object.assign(globalThis, globals[library]());

globalThis.load = async name => import(pathToFileURL(require.resolve(name)));
const body = readFileSync(script, 'utf8')
  .replace(/^import (.*) from '(.*)';$/gm, "const $1 = await load('$2');")
  .replace(/^export default /m, 'return ')
  .replace(/^\(\{(?![\s\S]*^\(\{)/m, 'return ({');
// In this context, so that the prepared code's names are found.
const run = vm.runInThisContext(`(async () => {\n${body}\n})`);
process.stdout.write(JSON.stringify(await run()));
