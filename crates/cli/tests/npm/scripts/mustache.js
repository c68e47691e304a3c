const receipt = 'Hello {{customer.name}},{{#lines}}\n {{qty}} x {{name}} at {{#money}}{{price}}{{/money}}{{/lines}}{{^lines}} nothing{{/lines}}\n{{{raw}}} {{&raw}} {{raw}}\n{{> footer}}{{! a comment }}';
const view = {
  customer: { name: '<Ann & Bob>' },
  lines: [{ qty: 2, name: 'tea', price: 3.5 }, { qty: 1, name: 'cake', price: 12 }],
  money: () => (text, render) => `€${Number(render(text)).toFixed(2)}`,
  raw: '<b>thanks</b>',
};
({
  full: Mustache.render(receipt, view, { footer: 'Yours, {{customer.name}}' }),
  empty: Mustache.render(receipt, { lines: [] }),
  tags: Mustache.render('<% a %>', { a: 1 }, {}, ['<%', '%>']),
  parsed: Mustache.parse('a {{b}} {{#c}}d{{/c}}').map((token) => token[0]),
  failed: (() => { try { return Mustache.render('{{#a}}', {}) } catch (error) { return error.message } })(),
})
