//! One call of a builtin that runs for seconds, or for ever, without a line of the script.

use super::*;

/// A row that only an engine that stops natives can end in time.
const fn native(name: &'static str, source: &'static str, allowed: &'static [Status]) -> Hostile {
    script(name, source, allowed).requires(Requirement::KillInNatives)
}

pub(super) const ROWS: &[Hostile] = &[
    // Array methods on lengths that nobody has.
    // The separators fill the memory about when the time is up.
    // Goes on joining behind a failed allocation, without polling.
    script("join of a huge length", "Array.prototype.join.call({ length: 2 ** 32 }).length", TIMEOUT_OR_MEMORY)
        .requires(Requirement::HardMemory),
    native(
        "join of a huge length with nothing between",
        "Array.prototype.join.call({ length: 2 ** 53 - 1 }, '').length",
        TIMEOUT,
    ),
    native("shift of a huge length", "Array.prototype.shift.call({ length: 2 ** 53 - 1 })", TIMEOUT),
    native("unshift of a huge length", "Array.prototype.unshift.call({ length: 2 ** 53 - 3 }, 1)", TIMEOUT),
    native("reverse of a huge length", "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })", TIMEOUT),
    native("splice of a huge length", "Array.prototype.splice.call({ length: 2 ** 53 - 2 }, 0, 1)", TIMEOUT),
    native("sort of a huge length", "Array.prototype.sort.call({ length: 2 ** 53 - 1 })", TIMEOUT),
    native("indexOf in a huge length", "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)", TIMEOUT),
    native("includes in a huge length", "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)", TIMEOUT),
    native("lastIndexOf in a huge length", "Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)", TIMEOUT),
    native("copyWithin of a huge length", "Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 1, 0)", TIMEOUT),
    native(
        "fill of a huge length",
        "Array.prototype.fill.call(new Proxy({ length: 2 ** 53 - 1 }, {}), 0, 2 ** 52, 2 ** 52 + 2 ** 40)",
        TIMEOUT_OR_MEMORY,
    ),
    native(
        "slice of a huge length",
        "Array.prototype.slice.call({ length: 2 ** 53 - 1 }, 0, 2 ** 32 - 1).length",
        TIMEOUT,
    ),
    native(
        "concat of huge lengths",
        "Array.prototype.concat.call([], { length: 2 ** 32, [Symbol.isConcatSpreadable]: true }).length",
        TIMEOUT,
    ),
    native("flat of a huge length", "Array.prototype.flat.call({ length: 2 ** 53 - 1 }).length", TIMEOUT),
    native(
        "forEach of a huge length with holes",
        "Array.prototype.forEach.call({ length: 2 ** 53 - 1 }, x => x)",
        TIMEOUT,
    ),
    native(
        "reduce of a huge length with holes",
        "Array.prototype.reduce.call({ length: 2 ** 53 - 1 }, (a, b) => a, 0)",
        TIMEOUT,
    ),
    script("raw strings of a huge length", "String.raw({ raw: { length: 2 ** 53 - 1 } })", TIMEOUT_OR_MEMORY)
        .requires(Requirement::HardMemory),
    native(
        "builtins in a catch-all loop",
        "for (;;) try { Array.prototype.reverse.call({ length: 2 ** 53 - 1 }) } catch {} finally { continue }",
        TIMEOUT,
    ),
    native(
        "builtin in an async catch-all",
        "await (async () => Array.prototype.shift.call({ length: 2 ** 53 - 1 }))().catch(() => 1)",
        TIMEOUT,
    ),
    // Quadratic searches.
    native("quadratic indexOf", "const t = 'a'.repeat(2 << 20); t.indexOf('a'.repeat(1 << 20) + 'b')", TIMEOUT),
    native("quadratic lastIndexOf", "const t = 'a'.repeat(2 << 20); t.lastIndexOf('a'.repeat(1 << 20) + 'b')", TIMEOUT),
    native("quadratic includes", "'a'.repeat(2 << 20).includes('a'.repeat(1 << 20) + 'b')", TIMEOUT),
    native("quadratic split", "'a'.repeat(2 << 20).split('a'.repeat(1 << 20) + 'b').length", TIMEOUT),
    native("quadratic replaceAll", "'a'.repeat(2 << 20).replaceAll('a'.repeat(1 << 20) + 'b', '').length", TIMEOUT),
    // Big numbers, sorting, text.
    native(
        "decimal digits of a huge integer",
        "let n = (1n << 1000000n) - 3n, s = 0; for (;;) s += n.toString().length",
        TIMEOUT,
    ),
    native("power of a huge integer", "for (;;) 3n ** 500000n", TIMEOUT),
    native(
        "division of huge integers",
        "const a = (1n << 1000000n) - 1n, b = (1n << 500000n) - 1n; for (;;) a / b",
        TIMEOUT,
    ),
    native("integer from many digits", "const s = '7'.repeat(300000); for (;;) BigInt(s)", TIMEOUT),
    script(
        "typed array sorted again and again",
        "const a = new Float64Array(1 << 20); for (;;) { for (let i = 0; i < a.length; i += 64) a[i] = (i * \
         7919) % 1000003; a.sort() }",
        TIMEOUT,
    ),
    native("buffer filled again and again", "const a = new Uint8Array(16 << 20); for (;;) a.fill(7)", TIMEOUT),
    native(
        "normalization of long text",
        "const s = 'a\\u0301\\u0327'.repeat(100000); for (;;) s.normalize('NFC').normalize('NFD')",
        TIMEOUT_OR_MEMORY,
    ),
    native("case of long text", "const s = '\\u0130'.repeat(300000); for (;;) s.toLowerCase()", TIMEOUT),
    script("dates without end", "for (;;) new Date(2020, 1, 1).toString()", TIMEOUT),
    // JSON of a value whose parts are shared: thirty levels, a billion leaves.
    native(
        "shared parts to JSON",
        "let a = []; for (let i = 0; i < 30; i++) a = [a, a]; JSON.stringify(a).length",
        TIMEOUT_OR_MEMORY,
    ),
    native(
        "shared parts that print nothing",
        "let a; for (let i = 0; i < 40; i++) a = { a, b: a, toJSON: undefined }; JSON.stringify(a, ['a', 'b']).length",
        TIMEOUT_OR_MEMORY,
    ),
    native(
        "shared parts flattened",
        "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; a.flat(Infinity).length",
        TIMEOUT,
    ),
    script(
        "shared parts to string",
        "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; String(a).length",
        TIMEOUT_OR_MEMORY,
    ),
    native(
        "parse of long text again and again",
        "const s = '[' + '1,'.repeat(500000) + '1]'; for (;;) JSON.parse(s)",
        TIMEOUT,
    ),
    // Regular expressions that backtrack: the engine may poll inside them.
    script("backtracking over repetitions", "/(a+)+$/.test('a'.repeat(40) + 'b')", TIMEOUT),
    script("backtracking over empty repetitions", "/(a*)*b/.test('a'.repeat(40))", TIMEOUT),
    script("backtracking over alternatives", "/^(a|a)*$/.test('a'.repeat(40) + 'b')", TIMEOUT),
    script(
        "backtracking through back-references",
        "/(.*)(.*)(.*)(.*)(.*)\\1\\2\\3\\4\\5x/.test('a'.repeat(300))",
        TIMEOUT,
    ),
    script("backtracking in a lookbehind", "/(?<=^(a+)+)c/.test('b' + 'a'.repeat(40) + 'c')", TIMEOUT),
    script("backtracking in a catch-all", "for (;;) try { /(x+x+)+y/.test('x'.repeat(60)) } catch {}", TIMEOUT),
    script("backtracking in split", "('a'.repeat(40) + 'b').split(/(?:a+)+$/)", TIMEOUT),
    script("quadratic pattern", "/a*b/.test('a'.repeat(1 << 16))", TIMEOUT),
];
