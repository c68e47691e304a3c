// A schema in steps: each runs once, in order, and is written down with what it did. Run it as often as you like.
const steps = [
    ['customers', 'CREATE TABLE customers (id INTEGER PRIMARY KEY, mail TEXT NOT NULL UNIQUE)'],
    ['names', "ALTER TABLE customers ADD COLUMN name TEXT NOT NULL DEFAULT ''"],
    ['by name', 'CREATE INDEX customers_by_name ON customers (lower(name))'],
];

await db.execute('CREATE TABLE IF NOT EXISTS migrations (step INTEGER PRIMARY KEY, name TEXT NOT NULL)');
const done = await db.transaction(async (tx) => {
    const [{ last }] = await tx.query('SELECT coalesce(max(step), 0) AS last FROM migrations');
    for (const [at, [name, sql]] of steps.entries()) {
        if (at < last) continue;
        await tx.execute(sql);
        await tx.execute('INSERT INTO migrations VALUES ($1, $2)', [at + 1, name]);
    }
    return steps.slice(last).map(([name]) => name);
});

({ done, columns: (await db.query("SELECT sql FROM sqlite_schema WHERE name = 'customers'")).length });
