//! Places: those of the author's text, in lines and characters from 1.

use crate::conformance::script::Expect::Syntax;
use crate::conformance::script::{Script, js, throws};

pub(super) const ROWS: &[Script] = &[
    // Sources that do not compile: the token at which it shows.
    js("syntax in the first line", "let a = ⟦)⟧;", Syntax),
    js("syntax in the first column", "⟦)⟧", Syntax),
    js("syntax in a later line", "let a = 1;\nlet b = 2;\n  let c = ⟦)⟧;", Syntax),
    js("syntax after letters of two bytes", "let ä = 'öü'; let b = ⟦)⟧;", Syntax),
    js("syntax after letters of four bytes", "let a = '😀😀'; let b = ⟦)⟧;", Syntax),
    js("syntax after a line of four bytes", "'😀'\n'😀' ⟦)⟧", Syntax),
    js("syntax after a tab", "\tlet b = ⟦)⟧;", Syntax),
    js("syntax after other line breaks", "1\r\n2\r\n⟦)⟧", Syntax),
    js("syntax after a hashbang", "#!/bin/isolet\n⟦)⟧", Syntax),
    js("syntax with await around", "await 1;\nconst b = ⟦)⟧;", Syntax),
    js("syntax in the first line of a module", "export default ⟦)⟧", Syntax).module(),
    js("syntax in a later line of a module", "export const ä = 1\nexport default ⟦)⟧", Syntax).module(),
    js("syntax in the first line of a body", "return ⟦)⟧", Syntax).body(),
    js("syntax in the first column of a body", "⟦)⟧", Syntax).body(),
    js("syntax in a later line of a body", "const ä = 1\nreturn ä + ⟦)⟧", Syntax).body(),
    js("syntax in the first line, auto", "let a = ⟦)⟧;", Syntax).kind(isolet_core_traits::SourceKind::Auto),
    js("syntax in a later line, auto", "1\n\nlet a = ⟦)⟧;", Syntax).kind(isolet_core_traits::SourceKind::Auto),
    js("syntax in a module, auto", "const a = 1\nexport default a ⟦)⟧", Syntax)
        .kind(isolet_core_traits::SourceKind::Auto),
    // Uncaught errors: in the expression that throws. Which of its characters is the engine's choice.
    js("thrown in the first line", "⟦throw new Error('x')⟧", throws("Error", &[])),
    js("thrown in a later line", "1;\n\n  ⟦throw new Error('x')⟧", throws("Error", &[])),
    js(
        "thrown after letters of two bytes",
        "const ä = 'öüöüöüöüöüöüöüöüöü'; ⟦throw new Error('x')⟧",
        throws("Error", &[]),
    ),
    js(
        "thrown after letters of four bytes",
        "const a = '😀😀😀😀😀😀😀😀😀😀'; ⟦throw new Error('x')⟧",
        throws("Error", &[]),
    ),
    js("by the language in the first line", "⟦null.x⟧", throws("TypeError", &[])),
    js("by the language in a later line", "const o = {};\nconst p = 1;\n⟦o.a.b⟧", throws("TypeError", &[])),
    js("a name that is not there", "1;\n⟦nowhere⟧", throws("ReferenceError", &[])),
    js(
        "in a function, not where it is called",
        "function f() {\n  ⟦throw new Error('x')⟧\n}\nf()",
        throws("Error", &[]),
    ),
    js("where an error is made, not where it is thrown", "const e = ⟦new Error('x')⟧;\nthrow e", throws("Error", &[])),
    js("in a callback of a builtin", "[1].forEach(() => {\n  ⟦null.x⟧\n})", throws("TypeError", &[])),
    js("in a builtin, where it is called", "1;\n⟦JSON.parse('{')⟧", throws("SyntaxError", &[])),
    js("in a template", "const b = {};\nconst a = ⟦`${b.c.d}`⟧", throws("TypeError", &[])),
    js("after an await", "await null;\n⟦null.x⟧", throws("TypeError", &[])),
    js(
        "in an async function",
        "async function f() {\n  await null;\n  ⟦null.x⟧\n}\nawait f()",
        throws("TypeError", &[]),
    ),
    js("in a module", "const a = 1\n⟦null.x⟧\nexport default a", throws("TypeError", &[])).module(),
    js("in the first line of a module", "⟦null.x⟧; export default 1", throws("TypeError", &[])).module(),
    js("in the default function", "export default () => {\n  ⟦null.x⟧\n}", throws("TypeError", &[])).module(),
    js("in the first line of a body", "⟦null.x⟧", throws("TypeError", &[])).body(),
    js("in a later line of a body", "const a = 1\n⟦null.x⟧\nreturn a", throws("TypeError", &[])).body(),
    js("after other line breaks", "1;\r\n2;\r\n⟦null.x⟧", throws("TypeError", &[])),
    js("far down", "\n", throws("TypeError", &[])).repeated("1;", 5_000, "null.x"),
];
