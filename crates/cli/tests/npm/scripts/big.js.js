const price = new Big('19.99');
({
  exact: [new Big(0.1).plus(0.2).toString(), price.times(3).toFixed(2), price.times('0.19').round(2).toString()],
  divided: [new Big(1).div(3).toString(), new Big(10).mod(3).toString(), new Big(2).pow(64).toString(), new Big(2).sqrt().toFixed(10)],
  compared: [price.gt(19), price.eq('19.990'), price.cmp(20)],
  rounded: [new Big('2.5').round(0, Big.roundHalfEven).toString(), new Big('-2.5').round(0, Big.roundUp).toString()],
  forms: [new Big('123456789.123').toExponential(3), new Big('0.00001').toString(), JSON.stringify({ price })],
  failed: (() => { try { return new Big('x') } catch (error) { return error.message } })(),
})
