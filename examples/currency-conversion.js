// Converts amounts exactly: minor units as BigInt, rates as fractions of integers, half to even at the end.
// JSON has no BigInt: amounts leave as decimal strings, counts as numbers.

const DIGITS = { EUR: 2, USD: 2, CHF: 2, JPY: 0, KWD: 3, IDR: 2 };

/** "12.34" as an integer and the power of ten below it. */
function parseDecimal(text) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) throw new TypeError(`not a decimal number: ${JSON.stringify(text)}`);
  const [, sign, whole, fraction = ''] = match;
  return { units: BigInt(sign + whole + fraction), scale: 10n ** BigInt(fraction.length) };
}

function divideHalfEven(numerator, denominator) {
  const negative = numerator < 0n !== denominator < 0n;
  const [n, d] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator];
  const quotient = n / d;
  const twice = (n % d) * 2n;
  const up = twice > d || (twice === d && quotient % 2n === 1n);
  const rounded = up ? quotient + 1n : quotient;
  return negative ? -rounded : rounded;
}

function format(minor, currency) {
  const digits = DIGITS[currency];
  const text = String(minor < 0n ? -minor : minor).padStart(digits + 1, '0');
  const cut = text.length - digits;
  return `${minor < 0n ? '-' : ''}${text.slice(0, cut)}${digits > 0 ? `.${text.slice(cut)}` : ''}`;
}

function convert(amount, from, to) {
  const { units, scale } = parseDecimal(amount);
  // Rates are all against the base currency, so that two of them make any pair.
  const [source, target] = [parseDecimal(input.rates[from]), parseDecimal(input.rates[to])];
  const numerator = units * target.units * source.scale * 10n ** BigInt(DIGITS[to]);
  return divideHalfEven(numerator, scale * target.scale * source.units);
}

const totals = new Map();
const payments = input.payments.map(({ amount, from, to }) => {
  const minor = convert(amount, from, to);
  totals.set(to, (totals.get(to) ?? 0n) + minor);
  return { from: `${amount} ${from}`, to: `${format(minor, to)} ${to}` };
});

({
  payments,
  totals: Object.fromEntries([...totals].map(([currency, minor]) => [currency, format(minor, currency)])),
  count: payments.length,
});
