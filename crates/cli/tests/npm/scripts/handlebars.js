Handlebars.registerHelper('money', (value) => `€${value.toFixed(2)}`);
Handlebars.registerHelper('loud', function (options) { return options.fn(this).toUpperCase() });
Handlebars.registerPartial('line', Handlebars.templates.line);
({
  receipt: Handlebars.templates.receipt({
    customer: { name: '<Ann & Bob>' },
    lines: [{ qty: 2, name: 'tea', price: 3.5 }, { qty: 1, name: 'cake', price: 12 }],
    raw: '<b>thanks</b>',
  }),
  empty: Handlebars.templates.receipt({ customer: {}, lines: [] }),
  escaped: [Handlebars.escapeExpression('<a>'), new Handlebars.SafeString('<a>').toString(), Handlebars.Utils.isEmpty([])],
  helpers: Object.keys(Handlebars.helpers).sort(),
})
