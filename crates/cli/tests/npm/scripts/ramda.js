const total = R.pipe(R.map(R.converge(R.multiply, [R.prop('qty'), R.prop('price')])), R.sum);
const lines = [{ sku: 'a', qty: 2, price: 9.5 }, { sku: 'b', qty: 1, price: 20 }, { sku: 'c', qty: 3, price: 1 }];
({
  total: total(lines),
  grouped: R.map(R.length, R.groupBy((line) => (line.price > 5 ? 'dear' : 'cheap'), lines)),
  lens: R.over(R.lensPath(['a', 'b']), R.inc, { a: { b: 1 } }),
  sorted: R.pluck('sku', R.sortWith([R.descend(R.prop('price'))], lines)),
  evolved: R.evolve({ qty: R.add(1) }, lines[0]),
  lists: [R.splitEvery(2, [1, 2, 3]), R.transpose([[1, 2], [3, 4]]), R.uniq([1, 1, 2]), R.aperture(2, [1, 2, 3])],
  logic: [R.cond([[R.gt(0), R.always('low')], [R.T, R.always('high')]])(5), R.both(R.is(Number), R.lt(3))(4)],
  paths: [R.path(['a', 0, 'b'], { a: [{ b: 7 }] }), R.pathOr('none', ['x'], {}), R.equals([1, { a: 2 }], [1, { a: 2 }])],
  merged: R.mergeDeepRight({ a: { b: 1, c: 2 } }, { a: { b: 3 } }),
  transduced: R.into([], R.compose(R.map(R.inc), R.filter(R.lt(2))), [1, 2, 3]),
})
