Decimal.set({ precision: 30, rounding: Decimal.ROUND_HALF_UP });
({
  exact: [new Decimal('0.1').plus('0.2').toString(), new Decimal('1e-20').plus(1).toString()],
  functions: [new Decimal(2).sqrt().toString(), Decimal.exp(1).toString(), Decimal.ln(10).toFixed(20), Decimal.sin(1).toFixed(15), Decimal.acos(-1).toString()],
  powers: [new Decimal(2).pow('0.5').toFixed(20), Decimal.log2(1024).toString(), new Decimal('1.5').toFraction().toString()],
  rounded: [new Decimal('2.675').toDecimalPlaces(2).toString(), new Decimal('1234.5678').toSignificantDigits(6).toString(), new Decimal('7.3').toNearest('0.5').toString()],
  forms: [new Decimal(255).toHexadecimal(), new Decimal('0xff.8').toString(), JSON.stringify(new Decimal('1.10'))],
  compared: [new Decimal('1.0').eq(1), Decimal.max(1, '3', 2).toString(), new Decimal(NaN).isNaN()],
})
