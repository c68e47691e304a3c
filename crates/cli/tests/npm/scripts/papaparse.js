const text = 'id,name,price,when\n1,"Ann, ""the first""",9.5,2024-02-28\n2,Bob,20,\n\n3,"multi\nline",x,2024-03-01\n';
const parsed = Papa.parse(text, { header: true, dynamicTyping: true, skipEmptyLines: true });
const streamed = [];
Papa.parse('a;b\n1;2\n3;4', { step: ({ data }) => streamed.push(data) });
({
  rows: parsed.data,
  errors: parsed.errors,
  meta: [parsed.meta.delimiter, parsed.meta.fields],
  guessed: Papa.parse('a\tb\n1\t2').data,
  streamed,
  transformed: Papa.parse('A,B\n1,2', { header: true, transformHeader: (name) => name.toLowerCase(), transform: (value) => value + '!' }).data,
  written: [Papa.unparse([{ a: 1, b: 'x, "y"' }, { a: null, b: 'line\nbreak' }]), Papa.unparse({ fields: ['a', 'b'], data: [[1, 2]] }, { delimiter: ';', quotes: true })],
  broken: Papa.parse('a,b\n"1,2', { header: true }).errors.map((error) => error.code),
})
