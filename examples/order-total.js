// Prices an order: quantity discounts by line, a discount by order value, tax by region.
// All arithmetic is in cents, so that nothing depends on how floating point rounds.

const TAX_PERCENT = { DE: 19, FR: 20, CH: 8.1, US: 0 };

// From this quantity on, so much off the line.
const QUANTITY_TIERS = [
  { from: 100, percent: 15 },
  { from: 25, percent: 10 },
  { from: 10, percent: 5 },
];

// From this subtotal (in cents) on, so much off the order.
const ORDER_TIERS = [
  { from: 100_000, percent: 3 },
  { from: 50_000, percent: 2 },
];

const percentOf = (cents, percent) => Math.round((cents * percent) / 100);
const tierFor = (tiers, amount) => tiers.find(tier => amount >= tier.from)?.percent ?? 0;
const money = cents => (cents / 100).toFixed(2);

function priceLine({ sku, quantity, unitCents }) {
  const gross = quantity * unitCents;
  const discountPercent = tierFor(QUANTITY_TIERS, quantity);
  return { sku, quantity, discountPercent, net: gross - percentOf(gross, discountPercent) };
}

const lines = input.lines.map(priceLine);
const subtotal = lines.reduce((sum, line) => sum + line.net, 0);
const orderDiscount = percentOf(subtotal, tierFor(ORDER_TIERS, subtotal));
const taxable = subtotal - orderDiscount;

const taxPercent = TAX_PERCENT[input.region];
if (taxPercent === undefined) console.warn('no tax rate for region, using 0:', input.region);
const tax = percentOf(taxable, taxPercent ?? 0);

// The last expression is the output.
({
  lines: lines.map(line => ({ ...line, net: money(line.net) })),
  subtotal: money(subtotal),
  discount: money(orderDiscount),
  tax: money(tax),
  total: money(taxable + tax),
  currency: input.currency,
});
