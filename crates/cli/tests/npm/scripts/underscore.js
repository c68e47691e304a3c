const people = [{ name: 'Ann', age: 31 }, { name: 'Bob', age: 25 }, { name: 'Cid', age: 31 }];
({
  groups: _.groupBy(people, 'age'),
  sorted: _.pluck(_.sortBy(people, 'age'), 'name'),
  found: _.findWhere(people, { age: 25 }),
  counts: _.countBy(people, (person) => (person.age > 30 ? 'old' : 'young')),
  lists: [_.range(0, 10, 3), _.zip([1, 2], ['a', 'b']), _.flatten([1, [2, [3]]]), _.without([1, 2, 3], 2)],
  chained: _.chain([1, 2, 3, 4]).filter((n) => n % 2).map((n) => n * n).reduce((a, b) => a + b).value(),
  objects: [_.pick({ a: 1, b: 2 }, 'a'), _.omit({ a: 1, b: 2 }, 'a'), _.defaults({ a: 1 }, { a: 2, b: 3 }), _.invert({ a: 'b' })],
  equal: _.isEqual({ a: [1, 2] }, { a: [1, 2] }),
  escaped: _.escape('<b>"quoted"</b>'),
})
