// Refuses a refund that must not happen. An uncaught error ends the run, and its message is what the author of the
// workflow reads: it says which field is wrong, what it holds and what it should hold.

class InvalidRefund extends Error {
  name = 'InvalidRefund';

  constructor(field, value, expected) {
    super(`${field} is ${JSON.stringify(value)}, must be ${expected}`);
  }
}

function check({ order, refund }) {
  const paid = order.payments.reduce((sum, payment) => sum + payment.cents, 0);
  const refunded = order.refunds.reduce((sum, earlier) => sum + earlier.cents, 0);
  const left = paid - refunded;

  if (!Number.isInteger(refund.cents) || refund.cents <= 0) {
    throw new InvalidRefund('refund.cents', refund.cents, 'a whole number of cents above 0');
  }
  if (refund.currency !== order.currency) {
    throw new InvalidRefund('refund.currency', refund.currency, `that of the order (${order.currency})`);
  }
  if (refund.cents > left) {
    throw new InvalidRefund('refund.cents', refund.cents, `at most ${left}: ${paid} paid, ${refunded} refunded before`);
  }
  return { approved: true, cents: refund.cents, leftAfter: left - refund.cents };
}

check(input);
