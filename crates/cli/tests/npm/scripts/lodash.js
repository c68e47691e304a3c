const orders = [
  { id: 1, customer: { name: 'Ann' }, lines: [{ sku: 'a', qty: 2 }, { sku: 'b', qty: 1 }] },
  { id: 2, customer: { name: 'Bob' }, lines: [{ sku: 'a', qty: 5 }] },
];
const copy = _.cloneDeep(orders);
copy[0].lines[0].qty = 99;
({
  bySku: _.mapValues(_.groupBy(_.flatMap(orders, 'lines'), 'sku'), (lines) => _.sumBy(lines, 'qty')),
  untouched: orders[0].lines[0].qty,
  names: _.chain(orders).map('customer.name').sortBy().reverse().value(),
  nested: [_.get(orders, '[1].lines[0].sku'), _.get(orders, 'x.y', 'none'), _.set({}, 'a.b[1]', 2)],
  words: [_.camelCase('Order total-net'), _.kebabCase('orderTotalNet'), _.startCase('order_total'), _.deburr('déjà')],
  lists: [_.chunk([1, 2, 3, 4, 5], 2), _.uniq([1, 1, 2]), _.zipObject(['a', 'b'], [1, 2]), _.difference([1, 2, 3], [2])],
  merged: _.merge({ a: { b: 1 }, c: [1, 2] }, { a: { d: 2 }, c: [3] }),
  equal: [_.isEqual({ a: [1, { b: new Date(0) }] }, { a: [1, { b: new Date(0) }] }), _.isPlainObject(orders[0]), _.isEmpty({})],
  functions: [_.memoize((n) => n * 2)(4), _.curry((a, b) => a + b)(1)(2), _.once(() => 7)()],
  template: _.isFunction(_.template),
  text: [_.truncate('a long text about nothing', { length: 12 }), _.padStart('7', 3, '0'), _.escape('<a & b>')],
})
