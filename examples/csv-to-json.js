// Reads CSV (RFC 4180): quoted fields may hold commas, line breaks and doubled quotes.
// A column whose fields are all numbers, or all booleans, is converted; an empty field is null.

function* rows(text, separator = ',') {
  let row = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char !== '"') field += char;
      else if (text[i + 1] === '"') field += text[i++];
      else quoted = false;
    } else if (char === '"' && field === '') {
      quoted = true;
    } else if (char === separator) {
      row.push(field);
      field = '';
    } else if (char === '\n') {
      row.push(field);
      yield row;
      row = [];
      field = '';
    } else if (char !== '\r') {
      field += char;
    }
  }
  if (quoted) throw new SyntaxError('a quoted field is never closed');
  if (field !== '' || row.length > 0) yield [...row, field];
}

// A leading zero belongs to a code and not to a number, and one such field makes its whole column text.
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?$/;
const BOOLEAN = /^(true|false)$/;

function converterOf(fields) {
  const filled = fields.filter(field => field !== '');
  if (filled.every(field => NUMBER.test(field))) return Number;
  if (filled.every(field => BOOLEAN.test(field))) return field => field === 'true';
  return String;
}

const [header, ...records] = rows(input.csv, input.separator);
const keys = header.map(name => name.trim().toLowerCase().replace(/[^a-z0-9]+/g, '_'));

const complete = records.filter(record => record.length === keys.length);
const converters = keys.map((_, column) => converterOf(complete.map(record => record[column])));
const convert = (field, column) => (field === '' ? null : converters[column](field));

const problems = [];
for (const [index, record] of records.entries()) {
  if (record.length === keys.length) continue;
  problems.push(`record ${index + 1}: ${record.length} fields instead of ${keys.length}`);
  console.warn(problems.at(-1));
}

({
  records: complete.map(record => Object.fromEntries(keys.map((key, column) => [key, convert(record[column], column)]))),
  problems,
});
