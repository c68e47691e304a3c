// A sales report as plain text, with aligned columns and a bar for each region.
// A module by its syntax: the default export is the output itself, computed while the module is evaluated.

function groupBy(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(row[key], [...(groups.get(row[key]) ?? []), row]);
  return groups;
}

const sum = rows => rows.reduce((total, row) => total + row.amount, 0);
const grouped = number => String(number).replace(/\B(?=(\d{3})+$)/g, ',');

/** Rows of cells as lines; the first column to the left, the others to the right. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]));
  return rows.map(row => row.map(pad).join('  ').trimEnd());
}

const bar = (amount, most) => '█'.repeat(Math.round((amount / most) * 20)) || '▏';

const regions = [...groupBy(input.sales, 'region')]
  .map(([region, rows]) => ({ region, count: rows.length, amount: sum(rows) }))
  .sort((a, b) => b.amount - a.amount);
const most = regions[0].amount;
const total = sum(input.sales);
const nameWidth = Math.max(...regions.map(({ region }) => region.length));

const lines = [
  input.title,
  '='.repeat(input.title.length),
  '',
  ...table([
    ['Region', 'Sales', 'Amount', 'Share'],
    ...regions.map(({ region, count, amount }) => [
      region,
      String(count),
      grouped(amount),
      `${((amount / total) * 100).toFixed(1)} %`,
    ]),
    ['Total', String(input.sales.length), grouped(total), '100.0 %'],
  ]),
  '',
  ...regions.map(({ region, amount }) => `${region.padEnd(nameWidth)}  ${bar(amount, most)}`),
];

console.info('report of', lines.length, 'lines');
export default lines.join('\n');
