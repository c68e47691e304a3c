//! The console's lines.

use isolet_core_traits::Abort;

use crate::conformance::script::Expect::{Aborts, Json, Syntax};
use crate::conformance::script::{Script, js, throws};

pub(super) const ROWS: &[Script] = &[
    js("levels", "console.trace('a'); console.debug('b'); console.info('c'); console.log('d'); console.warn('e'); console.error('f'); 1", Json("1")).logs(&["trace:a", "debug:b", "info:c", "info:d", "warn:e", "error:f"]),
    js("no lines", "1", Json("1")).logs(&[]),
    js("a line of many scripts", "console.log('äöü€😀'); 1", Json("1")).logs(&["info:äöü€😀"]),
    js("a line with line breaks", r"console.log('a\nb\u0000'); 1", Json("1")).logs(&["info:a\nb\0"]),
    js("a lone surrogate", r"console.log('a\ud800'); 1", Json("1")).logs(&["info:a\u{fffd}"]),
    js("an empty line", "console.log(''); 1", Json("1")).logs(&["info:"]),
    js("lines before an error", "console.log('a'); throw new Error('x')", throws("Error", &[])).logs(&["info:a"]),
    js("lines around a call", "console.log('a'); await test.echo(1); console.log('b'); 1", Json("1")).logs(&["info:a", "info:b"]),
    js("lines before a deadline", "console.log('a'); for (;;);", Aborts(Abort::Deadline, None)).logs(&["info:a"]).limits(super::limits::short),
    js("lines while the output is read", "({ get a() { console.log('read'); return 1 } })", Json(r#"{"a":1}"#)).logs(&["info:read"]),
    js("no lines of a source that does not compile", "console.log('a'); (", Syntax).logs(&[]),
    js("a line cut at a character", "console.log('ää'); console.log('b'); 1", Json("1")).logs(&["info:ä"]).limits(|limits| limits.log_bytes = 3),
    js("a line of a million characters is cut", "console.log('x'.repeat(1 << 20)); 1", Json("1")).logs(&["info:xxxxxxxx"]).limits(|limits| limits.log_bytes = 8),
    js("a flood of lines", "for (let i = 0; i < 20000; i++) console.log(i); 1", Json("1")).logs(&["info:0", "info:1"]).limits(|limits| limits.log_lines = 2),
];
