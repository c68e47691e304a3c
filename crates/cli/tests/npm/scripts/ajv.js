const valid = { id: 7, email: 'ann@example.com', lines: [{ sku: 'a-1', qty: 2 }], created: '2024-02-28T22:15:30Z' };
const check = (value) => (validate(value) ? 'ok' : validate.errors.map(({ instancePath, keyword, message }) => `${instancePath} ${keyword}: ${message}`));
({
  valid: check(valid),
  missing: check({}),
  wrong: check({ ...valid, id: -1, email: 'x', extra: 1 }),
  nested: check({ ...valid, lines: [{ sku: '!', qty: 0.5 }, 5] }),
  date: check({ ...valid, created: 'yesterday' }),
  empty: check({ ...valid, lines: [] }),
  kinds: [check(null), check([]), check('text')],
})
