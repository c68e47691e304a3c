const environment = new nunjucks.Environment(null, { autoescape: true });
environment.addFilter('money', (value) => `€${value.toFixed(2)}`);
({
  letter: environment.render('letter.html', {
    name: '<Ann & Bob>',
    lines: [{ qty: 2, name: 'tea', price: 3.5 }, { qty: 1, name: 'cake', price: 12 }],
    raw: '<b>thanks</b>',
  }),
  empty: environment.render('letter.html', { lines: [] }),
  filters: environment.render('filters.html', { list: [3, 1, 2], text: 'order total' }),
  missing: (() => { try { return environment.render('none.html') } catch (error) { return /none.html/.test(error.message) } })(),
})
