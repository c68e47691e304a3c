const random = uuid.v4();
({
  named: [uuid.v5('order-7', uuid.v5.URL), uuid.v3('order-7', uuid.v3.DNS), uuid.v5('größe', '9deb20fe-a6e0-355c-81ea-288b009e4f6d')],
  random: [uuid.validate(random), uuid.version(random), random !== uuid.v4()],
  timed: uuid.v1({ msecs: 1709158530123, nsecs: 5678, clockseq: 0x1234, node: [1, 2, 3, 4, 5, 6] }),
  given: uuid.v4({ random: Array.from({ length: 16 }, (_, at) => at) }),
  parsed: [...uuid.parse('9deb20fe-a6e0-355c-81ea-288b009e4f6d')].slice(0, 4),
  written: uuid.stringify(uuid.parse('9deb20fe-a6e0-355c-81ea-288b009e4f6d')),
  wrong: [uuid.validate('x'), uuid.NIL],
})
