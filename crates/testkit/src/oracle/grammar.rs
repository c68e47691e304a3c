//! Scripts as templates: `@` and a letter stand for any row of that letter's table.
//!
//! The first row of each table refers to nothing that could refer back to it: it is taken where a script must end. Loops
//! without end have cheap bodies, because an engine may ask for an interrupt once in ten thousand calls only.
//!
//! Rows are only to be added at the end, and then they change what saved inputs of the generator mean. What must keep
//! its meaning is saved as text.

mod expressions;
mod statements;
mod values;
mod web;

/// Comes before every generated script.
pub(super) const PRELUDE: &str = "\
var a = [3, 1, 2], b = { x: 1, get y() { return a.length } }, c = 'ab\u{e4}\u{1f600}', d = 7n, e = null;
var f = (...v) => v.length, g = function* () { yield 1; yield* a }, h = new Uint8Array(8), seen = [];
var queue, with_, using, reg, n, x, y;
const say = v => { try { seen.push(typeof v === 'object' ? Object.prototype.toString.call(v) : String(v).slice(0, 40)) } catch (x) { seen.push('?') } };
";

pub(super) fn table(letter: char) -> &'static [&'static str] {
    match letter {
        'T' => statements::TOP,
        'S' => statements::STATEMENTS,
        'E' => expressions::EXPRESSIONS,
        'e' => statements::ENDLESS,
        'A' => values::ATOMS,
        'V' => values::VARIABLES,
        'N' => values::NUMBERS,
        'l' => values::LENGTHS,
        'C' => values::TEXTS,
        'K' => values::KEYS,
        'F' => values::FUNCTIONS,
        'O' => values::OBJECTS,
        'R' => values::REGEXES,
        'P' => statements::PATTERNS,
        'M' => expressions::METHODS,
        'Y' => expressions::BUFFERS,
        'W' => statements::WAITS,
        'B' => expressions::OPERATORS,
        'H' => statements::CLASS_BODIES,
        'U' => statements::CLASS_HEADS,
        'J' => statements::DERIVED_HEADS,
        'I' => expressions::ITERABLES,
        'G' => expressions::BIG,
        'D' => values::DESCRIPTORS,
        'Q' => values::TRAPS,
        'L' => statements::LAST,
        'X' => values::ERRORS,
        'Z' => values::GLOBALS,
        'w' => web::WEB,
        _ => &["0"],
    }
}
