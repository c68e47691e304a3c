({
  encoded: [he.encode('foo © bar ≠ baz 𝌆 qux'), he.encode('<ü>', { useNamedReferences: true }), he.encode('ü', { decimal: true })],
  decoded: [he.decode('foo &copy; bar &ne; baz &#x1D306; qux'), he.decode('&amp;lt; &#8364; &unknown; &notit;')],
  escaped: he.escape('<img src="x" onerror=\'y\'> & `z`'),
  attribute: he.decode('foo&ampbar', { isAttributeValue: true }),
  round: he.decode(he.encode('größe & 日本 🦀', { encodeEverything: true })),
  strict: (() => { try { return he.decode('&#x110000;', { strict: true }) } catch (error) { return error.message } })(),
})
