const { Map, List, Set, OrderedMap, Record, Range, Seq, fromJS, is } = Immutable;
const order = fromJS({ id: 7, lines: [{ sku: 'a', qty: 2 }, { sku: 'b', qty: 1 }] });
const changed = order.setIn(['lines', 0, 'qty'], 9).update('id', (id) => id + 1).mergeIn(['meta'], { paid: true });
const Line = Record({ sku: '', qty: 1 }, 'Line');
({
  order, changed,
  same: [order.get('lines').get(1) === changed.get('lines').get(1), is(Map({ a: List([1]) }), Map({ a: List([1]) }))],
  grouped: order.get('lines').groupBy((line) => line.get('sku')).map((lines) => lines.count()),
  lists: [List([3, 1, 2]).sort(), List([1, 2]).push(3).reverse(), Range(1, Infinity).filter((n) => n % 3 === 0).take(3).toArray()],
  sets: [Set([1, 2, 2]).union([3]).size, Set([1, 2]).intersect([2]).toJS()],
  record: [new Line({ sku: 'c' }), new Line().qty, String(new Line({ sku: 'd' }))],
  lazy: Seq([1, 2, 3, 4]).map((n) => n * n).filter((n) => n > 4).reduce((a, b) => a + b, 0),
  ordered: OrderedMap([['b', 1], ['a', 2]]).keySeq().toArray(),
  batched: Map().withMutations((map) => { for (let at = 0; at < 50; at++) map.set('k' + at, at) }).size,
})
