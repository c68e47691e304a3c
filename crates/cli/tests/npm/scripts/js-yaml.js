const text = `
order: &order
  id: 7
  total: 19.90
  paid: yes
  when: 2024-02-28T22:15:30Z
  tags: [a, 'b c', "d\\te"]
copy:
  <<: *order
  id: 8
note: >
  folded
  text
raw: |
  line 1
  line 2
empty: ~
number: [0x1f, 1_000, .5, -.inf]
`;
const parsed = jsyaml.load(text);
({
  parsed,
  written: jsyaml.dump({ a: [1, { b: 'x: y' }], c: null, d: 'multi\nline', e: true, f: '007' }),
  sorted: jsyaml.dump({ b: 1, a: 2 }, { sortKeys: true, flowLevel: 0 }),
  all: jsyaml.loadAll('a: 1\n---\nb: 2'),
  failed: (() => { try { return jsyaml.load('a: [1') } catch (error) { return [error.name, error.mark.line] } })(),
  unsafe: (() => { try { return jsyaml.load('!!js/function "function () {}"') } catch (error) { return error.name } })(),
})
