const order = { customer: { name: 'Ann' }, lines: [{ sku: 'a', qty: 2, price: 9.5 }, { sku: 'b', qty: 1, price: 20 }, { sku: 'a', qty: 1, price: 9.5 }] };
const ask = async (query, bindings) => jsonata(query).evaluate(order, bindings);
({
  total: await ask('$sum(lines.(qty * price))'),
  filtered: await ask('lines[qty > 1].sku'),
  grouped: await ask('lines{ sku: $sum(qty) }'),
  mapped: await ask('lines.{ "sku": $uppercase(sku), "dear": price > 10 }'),
  sorted: await ask('lines^(>price, sku).price'),
  text: await ask('customer.name & " has " & $count(lines) & " lines"'),
  functions: await ask('( $f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(6) )'),
  bound: await ask('lines[sku = $wanted].qty', { wanted: 'b' }),
  missing: (await ask('nothing.here')) ?? null,
  regex: await ask('$replace("2024-02-28", /(\\d+)-(\\d+)-(\\d+)/, "$3.$2.$1")'),
  failed: await ask('$sum("x")').catch((error) => error.code),
})
