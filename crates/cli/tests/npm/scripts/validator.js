({
  emails: ['ann@example.com', 'a@b', 'ann+tag@sub.example.co.uk', 'no spaces@example.com'].map((text) => validator.isEmail(text)),
  urls: ['https://example.com/a?b#c', 'ftp://x', 'javascript:alert(1)', 'http://localhost'].map((text) => validator.isURL(text)),
  numbers: [validator.isInt('12', { min: 10, max: 20 }), validator.isFloat('1.5e3'), validator.isDecimal('1,5'), validator.isHexColor('#ff00zz')],
  ids: [validator.isUUID('9deb20fe-a6e0-355c-81ea-288b009e4f6d'), validator.isIBAN('GB29NWBK60161331926819'), validator.isCreditCard('4111111111111111'), validator.isISBN('978-3-16-148410-0')],
  texts: [validator.isAlpha('Größe', 'de-DE'), validator.isJSON('{"a":1}'), validator.isBase64('SGVsbG8='), validator.isISO8601('2024-02-28T22:15:30Z')],
  cleaned: [validator.escape('<a href="x">'), validator.trim('  a '), validator.normalizeEmail('Ann.Smith+tag@GoogleMail.com'), validator.stripLow('a\u0007b')],
  addresses: [validator.isIP('192.168.0.1', 4), validator.isIP('::1'), validator.isFQDN('example.com'), validator.isPort('70000')],
})
