// Turns a payment provider's webhook into the events of one's own system.
// A module: its default export is called with the input and the context.

const HANDLERS = {
  'payment.succeeded': payment => ({ type: 'invoice_paid', invoice: payment.metadata.invoice, amount: amountOf(payment) }),
  'payment.failed': payment => ({
    type: 'invoice_overdue',
    invoice: payment.metadata.invoice,
    reason: payment.failure?.code ?? 'unknown',
  }),
  'refund.created': refund => ({ type: 'credit_issued', invoice: refund.metadata.invoice, amount: amountOf(refund) }),
};

const amountOf = ({ amount, currency }) => ({ value: amount / 100, currency: currency.toUpperCase() });

export default function (input, context) {
  const events = [];
  const ignored = [];
  for (const entry of input.events) {
    const handler = HANDLERS[entry.type];
    if (!handler) {
      ignored.push(entry.type);
      continue;
    }
    events.push({
      key: `${context.tenant}:${entry.id}`,
      at: new Date(entry.created * 1000).toISOString(),
      ...handler(entry.data),
    });
  }
  if (ignored.length > 0) console.warn('ignored', ignored.length, 'events:', ignored.join(', '));

  // Providers deliver more than once and out of order: one event a key, oldest first.
  const unique = new Map(events.map(event => [event.key, event]));
  return { events: [...unique.values()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)), ignored };
}
