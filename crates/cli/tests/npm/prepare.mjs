// Compiles what libraries would make of text at run time into code, which scripts may bring.
//
//     node prepare.mjs FOLDER
//
// FOLDER holds `node_modules`; what is made goes to its `prepared`.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const folder = resolve(process.argv[2]);
const require = createRequire(join(folder, 'package.json'));
const prepared = join(folder, 'prepared');
mkdirSync(prepared, { recursive: true });
const write = (name, text) => writeFileSync(join(prepared, name), text);

write('ajv.js', ajv());
write('handlebars.js', handlebars());
write('nunjucks.js', nunjucks());

function ajv() {
  const Ajv = require('ajv').default;
  const standalone = require('ajv/dist/standalone').default;
  const checker = new Ajv({ allErrors: true, code: { source: true, optimize: true } });
  require('ajv-formats').default(checker);
  const schema = {
    type: 'object',
    required: ['id', 'email', 'lines'],
    additionalProperties: false,
    properties: {
      id: { type: 'integer', minimum: 1 },
      email: { type: 'string', format: 'email', maxLength: 50 },
      created: { type: 'string', format: 'date-time' },
      lines: {
        type: 'array',
        minItems: 1,
        uniqueItems: true,
        items: {
          type: 'object',
          required: ['sku', 'qty'],
          properties: { sku: { type: 'string', pattern: '^[a-z]-\\d+$' }, qty: { type: 'integer', minimum: 1 } },
        },
      },
    },
  };
  return `const validate = ${bundled(standalone(checker, checker.compile(schema)), require)};\n`;
}

/** The text of a CommonJS module as an expression, with all that it requires in it. */
function bundled(text, from) {
  const parts = text.replace(/(?<!')require\(("[^"]+")\)/g, (_, quoted) => {
    const path = from.resolve(JSON.parse(quoted));
    return bundled(readFileSync(path, 'utf8'), createRequire(path));
  });
  return `(() => { const module = { exports: {} }, { exports } = module;\n${parts}\nreturn module.exports; })()`;
}

function handlebars() {
  const compiler = require('handlebars');
  const templates = {
    receipt: 'Hello {{customer.name}},{{#each lines}}\n {{@index}}: {{> line this}}{{else}} nothing{{/each}}\n{{#loud}}{{#if raw}}{{{raw}}} {{raw}}{{/if}}{{/loud}}{{#with customer}}{{#unless name}}nobody{{/unless}}{{/with}}',
    line: '{{qty}} x {{name}} at {{money price}}',
  };
  const parts = Object.entries(templates).map(([name, text]) => `${name}: Handlebars.template(${compiler.precompile(text)})`);
  return `Handlebars.templates = { ${parts.join(',\n')} };\n`;
}

function nunjucks() {
  const compiler = require('nunjucks');
  const environment = new compiler.Environment(null, { autoescape: true });
  environment.addFilter('money', value => value);
  const templates = {
    'base.html': '<main>{% block body %}{% endblock %}</main>',
    'letter.html': '{% extends "base.html" %}{% block body %}Hello {{ name or "you" }},{% for line in lines %}\n {{ loop.index }}: {{ line.qty }} x {{ line.name }} at {{ line.price | money }}{% else %} nothing{% endfor %}\n{{ raw | safe }} {{ raw }}{% endblock %}',
    'filters.html': '{{ list | sort | join("-") }} {{ text | title }} {% set n = list | length %}{{ n ** 2 }} {% macro twice(a) %}{{ a }}{{ a }}{% endmacro %}{{ twice("x") }} {{ "a" if n > 2 else "b" }}',
  };
  const parts = Object.entries(templates).map(([name, text]) => compiler.precompileString(text, { name, env: environment }));
  return parts.join('\n');
}
