// A shop's stock and orders: a table that is made on first use, and an order that is taken as a whole or not at all.
await db.execute('CREATE TABLE IF NOT EXISTS stock (sku TEXT PRIMARY KEY, name TEXT NOT NULL, left INTEGER NOT NULL CHECK (left >= 0))');
await db.execute('CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, at TEXT NOT NULL, total INTEGER NOT NULL)');
await db.execute('CREATE TABLE IF NOT EXISTS lines (orders INTEGER REFERENCES orders (id), sku TEXT REFERENCES stock (sku), count INTEGER)');

const catalogue = { tea: { name: 'Tea, 100 g', cents: 450 }, cup: { name: 'Cup', cents: 1290 }, pot: { name: 'Teapot', cents: 3900 } };
for (const [sku, { name }] of Object.entries(catalogue)) {
    await db.execute('INSERT INTO stock VALUES ($1, $2, 10) ON CONFLICT (sku) DO NOTHING', [sku, name]);
}

const order = (items) => db.transaction(async (tx) => {
    const total = Object.entries(items).reduce((sum, [sku, count]) => sum + catalogue[sku].cents * count, 0);
    const { lastInsertId: id } = await tx.execute('INSERT INTO orders (at, total) VALUES ($1, $2)', [new Date(), total]);
    for (const [sku, count] of Object.entries(items)) {
        await tx.execute('UPDATE stock SET left = left - $2 WHERE sku = $1', [sku, count]);
        await tx.execute('INSERT INTO lines VALUES ($1, $2, $3)', [id, sku, count]);
    }
    return { id, total };
});

const taken = await order({ tea: 2, cup: 1 });
// There are not that many: the constraint fails the statement, and with it the whole order.
const refused = await order({ cup: 1, pot: 99 }).catch(({ code }) => code);

({
    taken, refused,
    stock: await db.query('SELECT sku, left FROM stock ORDER BY sku'),
    orders: await db.query('SELECT o.id, o.total, count(*) AS lines FROM orders o JOIN lines l ON l.orders = o.id GROUP BY o.id ORDER BY o.id'),
});
