const sum = ['0.1', '0.2', '0.3'].reduce((total, part) => total.plus(part), new BigNumber(0));
({
  exact: [sum.toString(), new BigNumber('9007199254740993').plus(1).toFixed()],
  formatted: [new BigNumber('1234567.891').toFormat(2), new BigNumber('1234.5').toFormat({ groupSeparator: '.', decimalSeparator: ',', groupSize: 3 })],
  bases: [new BigNumber(255).toString(16), new BigNumber('ff', 16).toNumber(), new BigNumber('0b101').toString()],
  divided: [new BigNumber(1).div(3).dp(5).toString(), new BigNumber(17).idiv(5).toString(), new BigNumber(2).pow(100).toFixed()],
  rounded: [new BigNumber('2.345').dp(2, BigNumber.ROUND_HALF_EVEN).toString(), new BigNumber('99.995').toFixed(2)],
  kinds: [new BigNumber('x').isNaN(), new BigNumber(1).div(0).toString(), BigNumber.max(1, '3', 2).toString(), BigNumber.isBigNumber(sum)],
})
