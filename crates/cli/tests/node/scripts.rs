//! Small scripts, one for each corner of the language that scripts of customers meet. They use what Node 18 has.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sides::{Ended, isolet, node};

const INPUT: &str =
    r#"{"n": 20, "name": "Zoë 🦀", "list": [3, 1, 2], "nested": {"a": [null, true, 1e21, -0.5]}, "empty": {}}"#;

/// Name, with the extension, and text of scripts that have an output.
#[rustfmt::skip]
const OUTPUTS: &[(&str, &str)] = &[
    ("input.js", "({ ...input, sum: input.list.reduce((a, b) => a + b) })"),
    ("context.js", "({ tenant: context.tenant, user: context.user, frozen: Object.isFrozen(context) })"),
    ("completion-if.js", "let x = 1; if (input.n > 10) { x + 1 } else { x - 1 }"),
    ("completion-loop.js", "let last; for (const n of input.list) { last = n * 2; last }"),
    ("completion-none.js", "const x = 1; function f() {}"),
    ("awaited-promise.js", "Promise.resolve({ then(resolve) { resolve(input.n + 1) } })"),
    ("top-level-await.js", "const n = await Promise.resolve(input.n);\nconst m = await (async () => n * 2)();\n({ n, m })"),
    ("module-value.mjs", "export const other = 1; export default { n: input.n };"),
    ("module-function.mjs", "export default async function ({ n }, { tenant }) { await null; return [n, tenant]; }"),
    ("module-await.mjs", "const n = await Promise.resolve(3); export default n;"),
    ("module-by-syntax.js", "export default input => input.list.length"),
    ("module-strict.mjs", "export default (function () { return this === undefined })()"),
    ("sloppy-this.js", "(function () { return this === globalThis })()"),
    ("classes.js", "class A { #x = 1; static made = 0; static { A.made = 10 } get x() { return this.#x } set x(v) { this.#x = v } static has(o) { return #x in o } }\nclass B extends A { constructor() { super(); this.x = 5 } toString() { return `B${super.x}` } }\nconst b = new B(); [b.x, `${b}`, A.made, A.has(b), A.has({}), b instanceof A, B.name, Object.getPrototypeOf(B) === A]"),
    ("accessors.js", "const o = { get a() { return 1 }, set a(v) { this.b = v }, ['c' + 1]: 2, async *g() {} }; o.a = 7; [o, Object.keys(o), Object.getOwnPropertyNames(class { static m() {} })]"),
    ("generators.js", "function* count(n) { try { for (let i = 0; i < n; i++) { const got = yield i; if (got) yield `got ${got}` } } finally { seen.push('done') } }\nconst seen = []; const g = count(3); seen.push(g.next(), g.next('x'), g.next(), g.return(9), g.next()); function* two() { yield* count(2); yield* 'ab' } [seen, [...two()]]"),
    ("async-generators.js", "async function* numbers() { for (let i = 0; i < 3; i++) { await null; yield i } }\nconst out = [];\nfor await (const n of numbers()) out.push(n);\nfor await (const n of [Promise.resolve('p'), 'q']) out.push(n);\n(out)"),
    ("iterators.js", "const range = { from: 1, to: 4, [Symbol.iterator]() { let n = this.from; const to = this.to; return { next: () => n <= to ? { value: n++, done: false } : { value: undefined, done: true } } } }; const [first, , ...rest] = range; [first, rest, Math.max(...range), Array.from(range, n => n * n)]"),
    ("closures.js", "const fs = []; for (let i = 0; i < 3; i++) fs.push(() => i++); fs[0](); [fs.map(f => f()), (() => { var v = []; for (var i = 0; i < 3; i++) v.push(() => i); return v.map(f => f()) })()]"),
    ("hoisting.js", "const early = [typeof f, typeof v, (() => { try { l } catch (e) { return e.name } let l })()]; function f() {} var v = 1; [early, f(), v]"),
    ("destructuring.js", "const { n, name: [first], nested: { a: [, yes, ...more] }, missing = 'default', ...rest } = input; let [x, y = x + 'b'] = ['a']; [x, y] = [y, x]; ({ n, first, yes, more, missing, rest: Object.keys(rest), x, y })"),
    ("parameters.js", "function f(a, { b = 2, ...c } = {}, ...d) { return [a, b, c, d, arguments.length, f.length] } [f(1), f(1, { b: 3, z: 4 }, 5, 6)]"),
    ("operators.js", "const o = { a: { b: null } }; let q; q ??= 5; q ||= 6; q &&= 7; [o?.a?.b?.c, o.x?.(), o.a.b ?? 'd', q, 2 ** 3 ** 2, -7 % 3, 7 >>> 1, -7 >> 1, -7 >>> 28, 1 < 2 < 3, '5' * '2', '5' + 2, [] + {}, typeof null, void 0, (1, 2)]"),
    ("equality.js", "[null == undefined, null == 0, '' == 0, '1' == 1, NaN === NaN, Object.is(NaN, NaN), Object.is(0, -0), [1] == 1, [NaN].includes(NaN), [NaN].indexOf(NaN)]"),
    ("labels.js", "const seen = []; outer: for (let i = 0; i < 3; i++) { for (let j = 0; j < 3; j++) { if (j === 1) continue outer; if (i === 2) break outer; seen.push([i, j]) } } seen"),
    ("switches.js", "const f = x => { switch (x) { case 1: return 'one'; default: return 'other'; case '1': return 'text'; case NaN: return 'never' } }; [f(1), f('1'), f(NaN)]"),
    ("try-finally.js", "const f = () => { try { return 'try' } finally { seen.push('finally') } }; const g = () => { for (;;) { try { throw 1 } catch { break } finally { seen.push('f2') } } return 'after' }; const seen = []; [f(), g(), (() => { try { throw 1 } finally { return 'swallowed' } })(), seen]"),
    ("errors.js", "class Own extends RangeError { constructor(m, options) { super(m, options); this.name = 'Own' } }\nconst e = new Own('bad', { cause: new Error('why') }); [e instanceof RangeError, `${e}`, e.cause.message, Object.keys(e), new AggregateError([1, 2], 'all').errors, e.stack.includes('Own') || true]"),
    ("error-names.js", "const name = f => { try { f(); return 'none' } catch (e) { return [e.name, e instanceof Error, e.constructor.name] } }; [() => null.x, () => undefined.f(), () => nope, () => { const c = 1; c = 2 }, () => new Array(-1), () => 'a'.repeat(-1), () => (1).toFixed(101), () => decodeURIComponent('%'), () => JSON.parse('{'), () => new RegExp('['), () => BigInt(1.5), () => 1n + 1, () => Symbol() + '', () => Object.defineProperty(Object.freeze({}), 'a', {}), () => { 'use strict'; Object.freeze([1]).push(2) }, () => { class A { constructor() { this.x } } A() }].map(name)"),
    ("regex-groups.js", "const m = /(?<year>\\d{4})-(?<month>\\d\\d)/u.exec('on 2024-02-29'); [m.index, { ...m.groups }, 'a-b-c'.split(/(-)/), 'x1y22'.replace(/\\d+/g, d => `<${d}>`), '2024-02'.replace(/(?<y>\\d+)-(?<m>\\d+)/, '$<m>/$<y>'), [...'a1b2'.matchAll(/([a-z])(\\d)/g)].map(m => m.slice(1))]"),
    ("regex-features.js", "['aBc'.match(/b/i).index, /(?<=\\$)\\d+/.exec('cost $42')[0], /(?<!\\$)\\b\\d+/.exec('$42 17')[0], /^.$/s.test('\\n'), /^\\p{Lu}/u.test('Ä'), /\\p{Script=Greek}/u.test('λ'), /(\\w)\\1/.exec('hello')[0], 'a\\nb'.match(/^b$/m)[0], /a{2,3}?/.exec('aaaa')[0], /[^]/.test('')]"),
    ("regex-sticky.js", "const r = /a+/y; r.lastIndex = 2; const found = r.exec('bbaab'); const d = /b(?<g>c)/d.exec('abc'); [found[0], r.lastIndex, r.exec('bbaab'), r.lastIndex, d.indices[0], d.indices.groups.g, /x/gimsuy.flags]"),
    ("dates-utc.js", "const d = new Date(Date.UTC(2024, 1, 29, 12, 30, 45, 678)); d.setUTCMonth(12); [d.toISOString(), d.getTime(), d.getUTCDay(), new Date('2024-02-29').toISOString(), new Date('2024-02-29T10:00:00+02:00').toJSON(), new Date(8.64e15).toISOString(), new Date(NaN).getTime(), new Date(-1).toISOString()]"),
    ("dates-arithmetic.js", "const day = 86400000, a = Date.UTC(2024, 1, 28), b = Date.UTC(2024, 2, 1); [(b - a) / day, new Date(Date.UTC(2023, 0, 31 + 29)).toISOString(), new Date(Date.UTC(99, 0)).getUTCFullYear(), JSON.stringify({ d: new Date(0) })]"),
    ("dates-local.js", "const d = new Date(2024, 1, 29, 12, 30, 45, 678), old = new Date(-62198755200000); const shown = [String(d), d.toDateString(), d.toTimeString(), d + 1, old.toString(), old.getFullYear(), String(new Date(NaN)), d.getTimezoneOffset(), d.getYear(), d.getHours()]; d.setFullYear(2025, 0); d.setHours(25, 61); shown.concat(d, d.setYear(99), Date.parse('2024-02-03T04:05'), Date.parse('Feb 3 2024 04:05'), Date.parse('2024-02-03'), Date.parse(String(d)), new Date('2/3/2024'), new Date(99, 0), Date().length, Date.prototype.getHours.name, Date.prototype.setHours.length, String(Date.prototype.getDay).replace(/\\s+/g, ' '))"),
    ("json-edges.js", "[undefined, () => 1, Symbol('s'), NaN, Infinity, -0, new Date(NaN), { u: undefined, f() {} }, new Map([[1, 2]]), new Set([1]), Object(1), Object('s'), [,1], /r/]"),
    ("json-stringify.js", "[JSON.stringify({ b: 1, a: [1, { c: 2 }], 2: 0, 1: 0 }, null, 2), JSON.stringify({ a: 1, b: 2, c: { a: 3 } }, ['a', 'c']), JSON.stringify({ a: 5, b: 'x' }, (k, v) => typeof v === 'number' ? v * 2 : v), JSON.stringify('\\u2028\\ud800\"\\\\\\n'), JSON.stringify({ toJSON(k) { return `key ${k}` } }), JSON.stringify(undefined) ?? 'undefined', JSON.stringify([null], null, '--')]"),
    ("json-parse.js", "[JSON.parse('[1e3, -0, 1E-7, 12345678901234567890]'), JSON.parse('{\"__proto__\": 1, \"a\": 2}'), JSON.parse('{\"a\":{\"b\":2}}', function (k, v) { return k === 'b' ? v + 1 : v }), JSON.parse('\"\\\\u00e9\\\\ud83e\\\\udd80\"'), JSON.parse(' null ')]"),
    ("numbers.js", "[0.1 + 0.2, 1 / 3, 1e21, 1e-7, 123456789012345680000, 5e-324, 1.7976931348623157e308, 2 ** 53, 0xff, 0b11, 0o17, 1_000, (25).toString(36), (0.1).toString(3).slice(0, 12), parseInt('12px'), parseFloat('.5e1x'), Number(''), Number(' 12 '), Number('1,2') || 'nan', (1.005).toFixed(2), (1234.5678).toExponential(2), (0.00001234).toPrecision(2)]"),
    ("math.js", "[Math.round(-0.5), Math.round(2.5), Math.trunc(-4.7), Math.sign(-3), Math.hypot(3, 4), Math.cbrt(27), Math.clz32(1), Math.fround(5.5), Math.imul(0xffffffff, 5), Math.max(), Math.min(1, '0'), Math.log2(8), Math.atan2(1, 1), Number.EPSILON > 0, Number.isInteger(5.0), Number.isSafeInteger(2 ** 53)]"),
    ("bigint.js", "[String(2n ** 100n), String(-7n / 2n), String(-7n % 2n), String(BigInt.asUintN(8, 257n)), String(BigInt.asIntN(8, 255n)), 2n > 1, 1n == 1, String(BigInt('0xff')), (255n).toString(16), typeof 1n, String(5n << 70n), String(~5n)]"),
    ("sorting.js", "const rows = Array.from({ length: 40 }, (_, i) => ({ i, k: i % 3 })); [rows.sort((a, b) => a.k - b.k).map(r => r.i), [10, 9, 1, undefined, 'b', , 'B'].sort(), ['é', 'z', 'e', 'Z'].sort(), [3, 1, 2].sort((a, b) => b - a), [5, 25, 100].sort()]"),
    ("arrays.js", "const a = [1, 2, 3, 4, 5]; [a.at(-1), a.slice(-2), a.splice(1, 2, 'x', 'y', 'z'), a, a.flatMap(x => [x, [x]]).flat(), a.findLast(x => typeof x === 'number'), a.findLastIndex(x => x === 'x'), a.copyWithin(0, 3), a.fill(0, 4), a.lastIndexOf('y'), a.reduceRight((s, x) => s + x, ''), [1, [2, [3, [4]]]].flat(Infinity), Array.of(7).concat([8], 9), a.includes(4), [...a.entries()].length, a.join('|')]"),
    ("sparse-arrays.js", "const a = [1, , 3]; a[5] = 6; [a.length, a.map(x => x * 2), 1 in a, Object.keys(a), a.forEach.length, a.filter(() => true), a.indexOf(undefined), a.findIndex(x => x === undefined)]"),
    ("objects.js", "const o = Object.fromEntries([['b', 1], ['a', 2], ['10', 3], ['9', 4]]); [Object.entries(o), Object.assign({}, 'hi', null, { x: 1 }), { ...[7, 8], ...null }, Object.hasOwn(o, 'b'), Object.getOwnPropertyDescriptor({ get a() { return 1 } }, 'a').set === undefined, Object.isFrozen(Object.freeze({})), delete o.b, o]"),
    ("property-order.js", "const o = { z: 1, 2: 'b', a: 2, 1: 'a', [Symbol('s')]: 3, '-1': 4, '01': 5 }; o.b = 6; delete o.z; o.z = 7; [Object.keys(o), JSON.stringify(o), (() => { const seen = []; for (const k in Object.create(o, { own: { enumerable: true, value: 1 } })) seen.push(k); return seen })()]"),
    ("proxies.js", "const seen = []; const p = new Proxy({ a: 1 }, { get(t, k, r) { seen.push(`get ${String(k)}`); return Reflect.get(t, k, r) }, has(t, k) { return k === 'magic' || k in t }, ownKeys: () => ['a', 'b'], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 9 }), deleteProperty: () => true }); [p.a, 'magic' in p, Object.keys(p), delete p.a, { ...p }, seen]"),
    ("symbols.js", "const s = Symbol('tag'); class T { get [Symbol.toStringTag]() { return 'Tee' } static [Symbol.hasInstance](x) { return x === 1 } [Symbol.toPrimitive](hint) { return hint === 'number' ? 42 : hint } } const t = new T(); [String(s), s.description, `${t}`, +t, t + '', Object.prototype.toString.call(t), 1 instanceof T, Symbol.for('k') === Symbol.for('k'), Symbol.keyFor(Symbol.for('k'))]"),
    ("maps-and-sets.js", "const m = new Map([[NaN, 'nan'], [0, 'zero'], ['0', 'text']]); m.set(-0, 'minus').delete('0'); const s = new Set('mississippi'); const seen = []; for (const x of s) { seen.push(x); if (x === 'm') s.add('z') } const k = {}; const w = new WeakMap([[k, 1]]); [m.get(NaN), m.get(0), m.size, [...m.keys()], seen, [...s].join(''), w.get(k), w.has({})]"),
    ("promise-combinators.js", "const late = v => Promise.resolve().then(() => null).then(() => v); const no = v => late().then(() => { throw new Error(v) });\nconst all = await Promise.all([1, late(2), { then(r) { r(3) } }]);\nconst settled = await Promise.allSettled([late(1), no('x')]);\nconst any = await Promise.any([no('a'), late('b')]);\nconst race = await Promise.race([late('slow'), 'fast']);\nconst none = await Promise.any([no('a'), no('b')]).catch(e => [e.name, e.errors.map(e => e.message)]);\n({ all, settled: settled.map(s => [s.status, s.value ?? s.reason.message]), any, race, none })"),
    ("promise-order.js", "const seen = [];\nPromise.resolve().then(() => seen.push(1)).then(() => seen.push(4));\n(async () => { seen.push(0); await null; seen.push(2); await null; seen.push(5) })();\nPromise.reject(new Error()).catch(() => seen.push(3)).finally(() => seen.push(6));\nqueue();\nfunction queue() { Promise.resolve({ then(r) { seen.push('then'); r() } }).then(() => seen.push('after')) }\nfor (let i = 0; i < 10; i++) await null;\n(seen)"),
    ("async-errors.js", "const f = async () => { throw new TypeError('async') }; const seen = [];\ntry { await f() } catch (e) { seen.push(e.name) } finally { seen.push('finally') }\nawait Promise.reject(1).then(null, v => seen.push(v));\nawait f().catch(e => { throw new RangeError('again') }).catch(e => seen.push(e.message));\n(seen)"),
    ("typed-arrays.js", "const b = new ArrayBuffer(16); const v = new DataView(b); v.setFloat32(0, 1.5); v.setInt16(4, -2, true); v.setBigUint64(8, 2n ** 63n); const u = new Uint8Array(b); [Array.from(u), Array.from(new Uint8ClampedArray([300, -5, 1.5])), Array.from(new Int8Array([200])), Array.from(Float64Array.of(1, 2).map(x => x / 3)), u.subarray(2, 4).length, Array.from(u.slice(0, 2).reverse()), Uint16Array.BYTES_PER_ELEMENT, Array.from(new Uint32Array([3, 20, 1]).sort()), new Float32Array([0.1])[0], b.slice(1, 3).byteLength]"),
    ("typed-array-json.js", "({ u: new Uint8Array([1, 2]), f: new Float64Array([0.5, NaN]), b: new ArrayBuffer(2) })"),
    ("string-methods.js", "const s = '  The quick brown fox  '; [s.trim(), s.trimStart().length, s.indexOf('quick'), s.slice(-5, -2), s.substring(9, 2), 'abc'.padStart(5, '12'), 'abc'.padEnd(6, 'xy'), 'a-b-c'.replaceAll('-', '+'), 'abc'.at(-1), 'a,b,,c'.split(',', 3), 'ab'.repeat(3), 'abc'.codePointAt(1), 'Straße'.toUpperCase(), 'İ'.toLowerCase().length, 'abc'.localeCompare('abd') < 0, 'x'.concat(1, null), 'abcabc'.lastIndexOf('b'), 'abc'.includes('bc', 1), 'ab\\0c'.length, 'a\\u{1f980}b'.charAt(1).length]"),
    ("unicode.js", "const { name } = input; [name.length, [...name].length, name.codePointAt(4), String.fromCodePoint(0x1f980, 0xe9), 'e\\u0301'.normalize('NFC') === '\\u00e9', 'ﬁ'.normalize('NFKC'), '👨‍👩‍👧'.length, [...'👨‍👩‍👧'].length, 'ÀÉ'.toLowerCase(), 'ς' === 'Σ'.toLowerCase(), '\\u{1d306}'.split(''). length, encodeURIComponent('ö/🦀'), decodeURIComponent('%F0%9F%A6%80'), encodeURI('a b?c=ü'), escape('ü'), unescape('%u0107')]"),
    ("templates.js", "const tag = (strings, ...values) => strings.raw.map((s, i) => s + (values[i] ?? '')).join('|'); [tag`a\\n${1}b${2}`, `${[1, 2]} ${{}} ${null}`, `line\nbreak`, String.raw`\\u00e9${1}`, ((s) => s[0] === undefined)`\\unicode`]"),
    ("getters-in-output.js", "({ get a() { return input.n }, b: { toJSON() { return 'json' } }, c: Object.create({ inherited: 1 }), d: Object.defineProperty({}, 'hidden', { value: 1 }), [Symbol('s')]: 1 })"),
    ("recursion.js", "const fib = n => n < 2 ? n : fib(n - 1) + fib(n - 2); const depth = n => n === 0 ? 0 : 1 + depth(n - 1); [fib(20), depth(2000)]"),
    ("stack-overflow.js", "const f = () => f() + 1; try { f() } catch (e) { [e.name, e instanceof RangeError] }"),
    ("eval-of-functions.js", "[typeof Function.prototype.call, (function () { return [].slice.call(arguments, 1) })(1, 2, 3), Math.max.apply(null, input.list), ((a, b) => a * b).bind(null, 6)(7), (function f() { return f.name })(), (() => {}).name, new (function () { this.a = new.target !== undefined })().a]"),
    ("globals.js", "var declared = 1; let lexical = 2; globalThis.set = 3; [globalThis.declared, globalThis.lexical, set, typeof undeclared, delete globalThis.set, typeof set, this === globalThis, isNaN('x'), isFinite('1')]"),
    ("weak-references.js", "const o = { a: 1 }; const r = new WeakRef(o); const s = new WeakSet([o]); new FinalizationRegistry(() => {}).register(o, 1); [r.deref().a, s.has(o), s.has({})]"),
    ("getter-on-array.js", "const a = [1, 2]; Object.defineProperty(a, 2, { get: () => 'g', enumerable: true }); class L extends Array { last() { return this[this.length - 1] } } const l = L.from([1, 2, 3]); [a, l.last(), l.map(x => x) instanceof L, l.length]"),
    ("comments.js", "#!/usr/bin/env isolet\n/* one */ 1 // two\n<!-- three\n+ 2"),
    ("semicolons.js", "let a = 1\nlet b = 2\nconst f = () => {\n  return\n  5\n}\n;[a, b] = [b, a]\nlet c = a\n++b\n;[a, b, c, f()]"),
];

/// Name, text and the error's name of scripts that fail.
#[rustfmt::skip]
const ERRORS: &[(&str, &str, &str)] = &[
    ("throw.js", "throw new Error('no')", "Error"),
    ("type-error.js", "input.missing.field", "TypeError"),
    ("reference-error.js", "nope + 1", "ReferenceError"),
    ("range-error.js", "'x'.repeat(-1)", "RangeError"),
    ("uri-error.js", "decodeURI('%')", "URIError"),
    ("bad-json.js", "JSON.parse('{\"a\":')", "SyntaxError"),
    ("bad-regex.js", "new RegExp('(')", "SyntaxError"),
    ("own-error.js", "class PaymentError extends Error { name = 'PaymentError' }\nthrow new PaymentError('declined')", "PaymentError"),
    ("aggregate-error.js", "Promise.any([Promise.reject(1)])", "AggregateError"),
    ("rejected.js", "await Promise.resolve();\nawait Promise.reject(new RangeError('late'));\n(1)", "RangeError"),
    ("throwing-getter.js", "({ get a() { throw new EvalError('in the output') } })", "EvalError"),
    ("throwing-to-json.js", "({ toJSON() { throw new TypeError('in toJSON') } })", "TypeError"),
    ("temporal-dead-zone.js", "x; let x = 1", "ReferenceError"),
    ("assign-to-const.js", "const c = 1; c = 2", "TypeError"),
    ("strict.js", "'use strict'; undeclared = 1", "ReferenceError"),
    ("frozen-context.mjs", "context.tenant = 'other'; export default 1", "TypeError"),
    ("not-iterable.js", "const [a] = 5", "TypeError"),
    ("bigint-mix.js", "1n * 2", "TypeError"),
    ("symbol-to-text.js", "`${Symbol()}`", "TypeError"),
    ("module-throws.mjs", "throw new RangeError('at the top')", "RangeError"),
    ("module-function-throws.mjs", "export default () => { throw new RangeError('inside') }", "RangeError"),
    ("stack-overflow.js", "(function f() { f() })()", "RangeError"),
    ("function-output.js", "() => 1", "OutputError"),
    ("module-without-default.mjs", "export const a = 1", "OutputError"),
    ("never-settled.js", "new Promise(() => {})", "NeverSettled"),
    ("syntax.js", "let = = 1", "SyntaxError"),
    ("syntax-late.js", "const ok = 1;\nfunction f( {", "SyntaxError"),
    ("syntax-module.mjs", "export default {", "SyntaxError"),
];

#[test]
fn outputs_are_the_same_under_node() {
    let folder = Folder::new("node-outputs");
    let files: Vec<_> = OUTPUTS.iter().map(|(name, text)| folder.file(name, text)).collect();
    let mut differences = Vec::new();
    for ((file, by_isolet), (name, _)) in files.iter().zip(isolet(&files, &folder.input)).zip(OUTPUTS) {
        let by_node = node(file, &folder.input);
        if by_isolet != by_node || !matches!(by_node, Ended::Output(_)) {
            differences.push(format!("{name}\n   node: {by_node}\n isolet: {by_isolet}"));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn errors_have_the_same_names_under_node() {
    let folder = Folder::new("node-errors");
    let files: Vec<_> = ERRORS.iter().map(|(name, text, _)| folder.file(name, text)).collect();
    let mut differences = Vec::new();
    for ((file, by_isolet), (name, _, error)) in files.iter().zip(isolet(&files, &folder.input)).zip(ERRORS) {
        let expected = Ended::Error((*error).to_owned());
        let by_node = node(file, &folder.input);
        if by_node != expected || by_isolet != expected {
            differences.push(format!("{name}, expected {expected}\n   node: {by_node}\n isolet: {by_isolet}"));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

/// Scripts and their input on disk.
struct Folder {
    path: PathBuf,
    input: PathBuf,
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("a folder for the scripts");
        let input = path.join("input.json");
        fs::write(&input, INPUT).expect("the input is written");
        Self { path, input }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, text).expect("the script is written");
        path
    }
}
