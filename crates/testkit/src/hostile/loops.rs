//! Interpreted code that never ends, wherever the engine calls it from.

use super::*;

pub(super) const ROWS: &[Hostile] = &[
    // Plain loops, and handlers around them: the end of a run is no exception that a script could catch.
    script("empty loop", "for (;;) {}", TIMEOUT),
    script("loop in a catch-all", "for (;;) try { for (;;); } catch {} finally { continue }", TIMEOUT),
    script("throw and catch in a loop", "for (;;) try { throw new Error('x') } catch {}", TIMEOUT),
    script("finally that undoes return", "(() => { for (;;) try { return 1 } finally { continue } })()", TIMEOUT),
    script("loop in finally after a throw", "try { throw 1 } finally { for (;;); }", TIMEOUT),
    script(
        "labels that lead to each other",
        "a: for (;;) b: for (;;) { if (input) continue a; else break b }",
        TIMEOUT,
    ),
    script("exponential recursion", "const f = n => n < 2 ? n : f(n - 1) + f(n - 2); f(80)", TIMEOUT),
    body("loop in a function body", "for (;;) {}\nreturn 1", TIMEOUT),
    module("loop while a module is evaluated", "for (;;) {}\nexport default 1", TIMEOUT),
    module("loop in the default function", "export default function () { for (;;); }", TIMEOUT),
    script("loop in a static block", "class A { static { for (;;); } }", TIMEOUT),
    script("loop in a computed key", "class A { [(() => { for (;;); })()]() {} }", TIMEOUT),
    script("loop in a default parameter", "((a = (() => { for (;;); })()) => a)()", TIMEOUT),
    // Loops behind an operator or a conversion.
    script("loop in a getter", "({ get a() { for (;;); } }).a", TIMEOUT),
    script("loop in a setter", "({ set a(v) { for (;;); } }).a = 1", TIMEOUT),
    script("loop in a proxy's get", "new Proxy({}, { get() { for (;;); } }).a", TIMEOUT),
    script("loop in a proxy's has, through with", "with (new Proxy({}, { has() { for (;;); } })) { a }", TIMEOUT),
    script(
        "loop in a proxy's getPrototypeOf",
        "new Proxy({}, { getPrototypeOf() { for (;;); } }) instanceof Object",
        TIMEOUT,
    ),
    script("loop in Symbol.toPrimitive", "+{ [Symbol.toPrimitive]() { for (;;); } }", TIMEOUT),
    script("loop in valueOf", "1 + { valueOf() { for (;;); } }", TIMEOUT),
    script("loop in toString of a property key", "({})[{ toString() { for (;;); } }]", TIMEOUT),
    script("loop in Symbol.hasInstance", "1 instanceof { [Symbol.hasInstance]() { for (;;); } }", TIMEOUT),
    script(
        "loop behind arguments",
        "(function (a) { arguments[0] = { valueOf() { for (;;); } }; return +a })(1)",
        TIMEOUT,
    ),
    // Loops in a callback of a builtin.
    script("loop in a comparator", "[2, 1].sort(() => { for (;;); })", TIMEOUT),
    script("loop in a replacer function", "'a'.replace(/a/, () => { for (;;); })", TIMEOUT),
    script("loop in a reviver", "JSON.parse('[1]', () => { for (;;); })", TIMEOUT),
    script("loop in a replacer of JSON", "JSON.stringify([1], () => { for (;;); })", TIMEOUT),
    script(
        "loop in a species constructor",
        "const a = [1]; a.constructor = { get [Symbol.species]() { for (;;); } }; a.map(x => x)",
        TIMEOUT,
    ),
    script(
        "loop in exec of a regular expression",
        "const r = /a/g; r.exec = () => { for (;;); }; 'a'.match(r)",
        TIMEOUT,
    ),
    script("loop in length of an array-like", "Array.from({ get length() { for (;;); } })", TIMEOUT),
    // Iterators and generators: closing one runs code of the script.
    script("endless generator", "function* g() { for (;;) yield 1 } for (const x of g()); 1", TIMEOUT),
    script(
        "generator that loops in finally",
        "function* g() { try { yield 1 } finally { for (;;); } } for (const x of g()) break",
        TIMEOUT,
    ),
    script(
        "generator that refuses to return",
        "function* g() { for (;;) try { yield 1 } finally { continue } } const i = g(); i.next(); for (;;) i.return(1)",
        TIMEOUT,
    ),
    script(
        "iterator that loops when closed",
        "const [a] = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }), return() { for (;;); } }) }; a",
        TIMEOUT,
    ),
    script(
        "iterator that is never done",
        "new Set({ [Symbol.iterator]: () => ({ next: () => ({ value: 1 }) }) })",
        TIMEOUT,
    ),
];
