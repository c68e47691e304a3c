// Checks a document against a small part of JSON Schema and lists every violation with its path.

const typeOf = value =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
const isType = (value, type) => typeOf(value) === type || (type === 'number' && typeOf(value) === 'integer');

const FORMATS = {
  email: /^[^\s@]+@[^\s@]+\.[^\s@]+$/,
  date: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/,
};

/** One check for each keyword: yields the violations of `value`. */
const KEYWORDS = {
  *type(types, value, path) {
    const allowed = [types].flat();
    if (!allowed.some(type => isType(value, type))) yield { path, message: `is ${typeOf(value)}, must be ${allowed.join(' or ')}` };
  },
  *enum(values, value, path) {
    if (!values.includes(value)) yield { path, message: `must be one of ${values.map(v => JSON.stringify(v)).join(', ')}` };
  },
  *minimum(least, value, path) {
    if (typeof value === 'number' && value < least) yield { path, message: `is ${value}, must be at least ${least}` };
  },
  *maximum(most, value, path) {
    if (typeof value === 'number' && value > most) yield { path, message: `is ${value}, must be at most ${most}` };
  },
  *minLength(least, value, path) {
    if (typeof value === 'string' && [...value].length < least) yield { path, message: `must have at least ${least} characters` };
  },
  *pattern(pattern, value, path) {
    if (typeof value === 'string' && !new RegExp(pattern, 'u').test(value)) yield { path, message: `must match ${pattern}` };
  },
  *format(format, value, path) {
    if (typeof value === 'string' && !FORMATS[format].test(value)) yield { path, message: `is no ${format}` };
  },
  *required(names, value, path) {
    if (typeOf(value) !== 'object') return;
    for (const name of names) if (!Object.hasOwn(value, name)) yield { path: `${path}/${name}`, message: 'is missing' };
  },
  *properties(schemas, value, path) {
    if (typeOf(value) !== 'object') return;
    for (const [name, schema] of Object.entries(schemas)) {
      if (Object.hasOwn(value, name)) yield* validate(schema, value[name], `${path}/${name}`);
    }
  },
  *additionalProperties(allowed, value, path, { properties = {} }) {
    if (allowed || typeOf(value) !== 'object') return;
    for (const name of Object.keys(value)) if (!Object.hasOwn(properties, name)) yield { path: `${path}/${name}`, message: 'is not allowed' };
  },
  *items(schema, value, path) {
    if (typeOf(value) !== 'array') return;
    for (const [index, item] of value.entries()) yield* validate(schema, item, `${path}/${index}`);
  },
  *uniqueItems(unique, value, path) {
    if (!unique || typeOf(value) !== 'array') return;
    if (new Set(value.map(item => JSON.stringify(item))).size < value.length) yield { path, message: 'has equal items' };
  },
};

function* validate(schema, value, path = '') {
  for (const [keyword, argument] of Object.entries(schema)) {
    const check = KEYWORDS[keyword];
    if (!check) throw new Error(`unknown keyword ${keyword} at ${path || '/'}`);
    yield* check(argument, value, path, schema);
  }
}

export default function ({ schema, documents }) {
  return documents.map(document => {
    const errors = [...validate(schema, document)];
    return { valid: errors.length === 0, errors };
  });
}
