//! Plain words about common errors: what the author of a script can do.
//!
//! Everything here goes by an error's name and message, which differ between engines: rules take QuickJS's wording and
//! that of browsers and Node. A hint never decides anything; only [`is_violation`] does, and only about the status.

use isolet_core_traits::{FailureKind, ScriptFailure};

use crate::policy::Capability;

/// What the author can do about `failure`: its own hint if it has one, else what the rules below say.
pub fn hint(failure: &ScriptFailure) -> Option<String> {
    if failure.hint.is_some() {
        return failure.hint.clone();
    }
    if !matches!(failure.kind, FailureKind::Runtime | FailureKind::SandboxViolation) {
        return None;
    }
    missing_name(failure)
        .map(missing)
        .or_else(|| read_of_nothing(failure))
        .or_else(|| known(failure).map(str::to_owned))
}

/// Whether an uncaught failure is a use of something that the policy blocks: code evaluation (`eval`, `Function` and their
/// relatives), a module that is not provided, or a name of what a sandbox does not have.
///
/// Goes by name and message, so a script that throws such an error itself is taken at its word.
pub fn is_violation(failure: &ScriptFailure) -> bool {
    let is_type_error = |message: &str| failure.name == "TypeError" && failure.message.starts_with(message);
    let is_blocked_name = missing_name(failure).is_some_and(|name| {
        BLOCKED.contains(&name) || Capability::ALL.iter().any(|capability| capability.globals().contains(&name))
    });
    let is_evaluation = failure.message == "eval is not supported" && is_type_error("");
    failure.kind == FailureKind::Runtime
        && (is_evaluation || is_type_error("cannot import \"") || failure.name == "EvalError" || is_blocked_name)
}

/// What the author can do about a failure, going by the line of the source at which it is.
///
/// Engines name what they found; what the author wanted is plainer from what stands there.
pub fn about_line(failure: &ScriptFailure, line: &str) -> Option<String> {
    let place = failure.place.filter(|_| failure.name == "SyntaxError")?;
    let at = line.char_indices().nth((place.column as usize).checked_sub(1)?).map_or(line.len(), |(at, _)| at);
    let (before, after) = (line[..at].trim(), &line[at..]);
    let hint = if before.ends_with("await") {
        "await works at the top level and in async functions: put async before the function"
    } else if before.ends_with("import") {
        "import stands at the top level of a module, which gives its output with export default"
    } else if after.starts_with(['\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}']) {
        "these quotes are typographic: write ' or \""
    } else if after.starts_with(':') && before.starts_with('{') {
        "a script that begins with { begins with a block: put an object in parentheses, ({ … })"
    } else if after.starts_with('/') && !after.starts_with("/*") {
        "the regular expression that begins here is not complete, or not valid"
    } else if after.starts_with('<') {
        "JSX must be compiled away first"
    } else if after.starts_with(':') || TYPES.contains(&before) {
        "types of TypeScript must be compiled away first"
    } else {
        return None;
    };
    Some(hint.into())
}

/// What of `Intl` is not there, if a failure's line asks for it: no message names it.
pub fn about_intl(failure: &ScriptFailure, line: &str) -> Option<String> {
    let is_call = matches!(&*failure.message, "not a function" | "not a constructor") && failure.name == "TypeError";
    let name = INTL_MISSING.iter().find(|name| is_call && line.contains(&format!("Intl.{name}")))?;
    Some(format!("Intl.{name} does not exist here: check with ?. or in first, or pass texts that are made as input"))
}

/// Of `Intl`, in the standard but not here.
const INTL_MISSING: &[&str] = &["DisplayNames", "DurationFormat", "Locale", "Segmenter", "supportedValuesOf"];

/// Words that begin a declaration of TypeScript.
const TYPES: &[&str] = &["interface", "type", "enum", "declare", "namespace", "abstract"];

/// The hint of a violation, with the policy that blocks it.
pub fn naming_policy(hint: &str, policy: &str) -> String {
    format!("{hint} (the policy is {policy})")
}

/// Names that lead out of a sandbox elsewhere.
const BLOCKED: &[&str] = &[
    "require",
    "process",
    "module",
    "exports",
    "fs",
    "child_process",
    "os",
    "std",
    "bjson",
    "Worker",
    "SharedWorker",
    "importScripts",
    "fetch",
    "XMLHttpRequest",
    "WebSocket",
    "EventSource",
    "WebAssembly",
    "Deno",
    "Bun",
    "localStorage",
    "sessionStorage",
    "indexedDB",
    "Intl",
];

/// Globals of other platforms, and what to do without them.
const MISSING: &[(&[&str], &str)] = &[
    (&["require"], "require does not exist here: bundle the library into one file"),
    (
        &["module", "exports"],
        "CommonJS modules do not exist here: bundle into one file, and give the output as the last expression or with \
         export default",
    ),
    (&["process"], "process does not exist here: a script sees no environment, pass what it needs as input or context"),
    (&["Buffer"], "Buffer does not exist here: use Uint8Array, and atob and btoa for base64"),
    (
        &["fs", "path", "os", "child_process"],
        "Node's modules do not exist here: a script reaches no files or processes",
    ),
    (&["__dirname", "__filename"], "a script has no place in a file system: pass what it needs as input"),
    (&["global"], "global is Node's name: use globalThis"),
    (
        &["window", "document", "location", "alert"],
        "there is no browser page here: a script has only the language, console and what the host offers",
    ),
    (
        &["setImmediate", "clearImmediate"],
        "setImmediate is Node's: use queueMicrotask(callback), or setTimeout(callback, 0)",
    ),
    (
        &["setTimeout", "setInterval", "clearTimeout", "clearInterval", "requestAnimationFrame"],
        "timers are not available here: await a host operation, or do the work at once",
    ),
    (
        &["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "axios"],
        "scripts have no network access: use an operation that the host offers, or pass the data as input",
    ),
    (
        &["localStorage", "sessionStorage", "indexedDB"],
        "nothing is kept between runs: return what is to be stored, or use an operation that the host offers",
    ),
    (
        &["Deno", "Bun"],
        "this is neither Deno nor Bun: a script has only the language, console and what the host offers",
    ),
    (
        &["structuredClone"],
        "structuredClone is not available here: JSON.parse(JSON.stringify(value)) copies plain data",
    ),
    (
        &["Proxy", "Reflect", "WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics"],
        "this part of the language is left out here: write it with plain objects, functions and Maps",
    ),
    (
        &["Worker", "SharedWorker", "importScripts", "WebAssembly", "std", "bjson"],
        "scripts have one thread and no other code than their own: do the work here, or in a host operation",
    ),
    (
        &["Intl"],
        "Intl is left out here: format with toFixed, padStart and toISOString, or pass texts that are formatted as input",
    ),
    (
        &[
            "URL",
            "URLSearchParams",
            "TextEncoder",
            "TextDecoder",
            "crypto",
            "performance",
            "navigator",
            "Headers",
            "Event",
            "EventTarget",
            "AbortController",
            "AbortSignal",
        ],
        "this web API is left out here: do without it, or pass the result as input",
    ),
];

fn missing(name: &str) -> String {
    match MISSING.iter().find(|(names, _)| names.contains(&name)) {
        Some((_, hint)) => (*hint).to_owned(),
        None => format!("nothing is named {name} here: check the spelling, or declare it"),
    }
}

/// `require` for `require is not defined` or `'require' is not defined`.
fn missing_name(failure: &ScriptFailure) -> Option<&str> {
    let name = failure.message.strip_suffix(" is not defined")?.trim_matches('\'');
    (failure.name == "ReferenceError" && !name.is_empty() && !name.contains(' ')).then_some(name)
}

/// Reading or setting a property of `undefined` or `null`.
fn read_of_nothing(failure: &ScriptFailure) -> Option<String> {
    if failure.name != "TypeError" {
        return None;
    }
    let (property, nothing) = quickjs_read(&failure.message).or_else(|| v8_read(&failure.message))?;
    if matches!(property, "Symbol.iterator" | "Symbol(Symbol.iterator)") {
        return Some(format!(
            "a list was expected, but the value is {nothing}: check it, or give a default with ?? []"
        ));
    }
    Some(format!(
        "the value whose {property} is asked for is {nothing}: check with ?. or give a default with ??, and await it if \
         it comes from a promise"
    ))
}

/// `cannot read property 'x' of undefined`; `set` likewise.
fn quickjs_read(message: &str) -> Option<(&str, &str)> {
    let lower = message.strip_prefix('c').or_else(|| message.strip_prefix('C'))?;
    let rest = lower.strip_prefix("annot read property '").or_else(|| lower.strip_prefix("annot set property '"))?;
    let (property, nothing) = rest.rsplit_once("' of ")?;
    matches!(nothing, "undefined" | "null").then_some((property, nothing))
}

/// `Cannot read properties of undefined (reading 'x')`; `set` and `setting` likewise.
fn v8_read(message: &str) -> Option<(&str, &str)> {
    let rest = message.strip_prefix("Cannot read properties of ");
    let (nothing, rest) = rest.or_else(|| message.strip_prefix("Cannot set properties of "))?.split_once(" (")?;
    let property = rest.strip_prefix("reading '").or_else(|| rest.strip_prefix("setting '"))?.strip_suffix("')")?;
    Some((property, nothing))
}

/// How a rule looks at a message.
enum Says {
    Exactly(&'static str),
    Starts(&'static str),
    Ends(&'static str),
    Contains(&'static str),
}

use Says::{Contains, Ends, Exactly, Starts};

impl Says {
    fn fits(&self, message: &str) -> bool {
        match self {
            Exactly(text) => message == *text,
            Starts(text) => message.starts_with(text),
            Ends(text) => message.ends_with(text),
            Contains(text) => message.contains(text),
        }
    }
}

/// The first rule for an error's name and message counts.
fn known(failure: &ScriptFailure) -> Option<&'static str> {
    RULES
        .iter()
        .find(|(name, says, _)| *name == failure.name && says.iter().any(|says| says.fits(&failure.message)))
        .map(|(_, _, hint)| *hint)
}

/// An error's name, ways in which engines put it, and what to do about it.
type Rule = (&'static str, &'static [Says], &'static str);

const EVAL: &str = "evaluating strings as code is off (eval, new Function): write the code out, or ask whoever runs the \
                    script to allow it";
const JSON: &str = "JSON.parse was given a text that is not JSON: is it empty, cut off, HTML, or an object already?";
const BIG_INT: &str = "BigInt and Number do not mix: convert one of them with BigInt(x) or Number(x)";

const RULES: &[Rule] = &[
    ("TypeError", &[Exactly("eval is not supported")], EVAL),
    ("EvalError", &[Contains("")], EVAL),
    (
        "TypeError",
        &[Exactly("not a function"), Ends(" is not a function")],
        "what stands before the parentheses is no function: check the name, and whether the value has such a method",
    ),
    (
        "TypeError",
        &[Exactly("not a constructor"), Ends(" is not a constructor")],
        "new needs a class or a function: check the name after new, or call it without new",
    ),
    (
        "TypeError",
        &[Ends(" is not iterable")],
        "a list was expected: for an object's entries use Object.entries(value), and await a promise first",
    ),
    (
        "TypeError",
        &[Exactly("Cannot convert undefined or null to object")],
        "an object was expected, but the value is undefined or null: check it, or give a default with ?? {}",
    ),
    (
        "TypeError",
        &[
            Ends(" is read-only"),
            Exactly("Assignment to constant variable."),
            Starts("Cannot assign to read only property"),
        ],
        "a constant or a frozen value such as context cannot be changed: use let, or change a copy",
    ),
    (
        "TypeError",
        &[Ends("object is not extensible")],
        "a frozen value such as context cannot be changed: change a copy, for example {...value}",
    ),
    (
        "TypeError",
        &[Exactly("BigInt are forbidden in JSON.stringify"), Exactly("Do not know how to serialize a BigInt")],
        "JSON has no BigInt: write it as text with String(value), or as a number with Number(value)",
    ),
    (
        "TypeError",
        &[
            Exactly("cannot convert BigInt to number"),
            Exactly("Cannot convert a BigInt value to a number"),
            Starts("Cannot mix BigInt and other types"),
            Exactly("bigint argument with unary +"),
            Starts("BigInt operands are forbidden"),
        ],
        BIG_INT,
    ),
    (
        "TypeError",
        &[Exactly("circular reference"), Starts("Converting circular structure to JSON")],
        "JSON cannot hold an object that contains itself: leave out the property that leads back",
    ),
    (
        "TypeError",
        &[Starts("cannot import ")],
        "scripts import nothing but what the host provides by name: bundle other libraries into one file",
    ),
    (
        "ReferenceError",
        &[Starts("could not load module")],
        "scripts cannot import packages or files: bundle the library into one file",
    ),
    (
        "ReferenceError",
        &[Exactly("this is not initialized"), Starts("Must call super constructor")],
        "a class that extends another one must call super() before it uses this",
    ),
    (
        "ReferenceError",
        &[Ends(" is not initialized"), Starts("Cannot access '")],
        "a let, const or class is used before the line that declares it: move the declaration up",
    ),
    (
        "RangeError",
        &[Exactly("Maximum call stack size exceeded")],
        "functions call each other too deeply: does the recursion end? A loop needs no stack",
    ),
    (
        "SyntaxError",
        &[Contains(" in JSON"), Contains("JSON input"), Starts("unexpected token: "), Ends("is not valid JSON")],
        JSON,
    ),
    (
        "SyntaxError",
        &[Exactly("unexpected token in expression: ''"), Exactly("Unexpected end of input")],
        "the script ends too early: a brace, a bracket or a parenthesis is not closed",
    ),
    (
        "SyntaxError",
        &[Exactly("return not in a function")],
        "return works inside functions only: a script's output is the value of its last expression",
    ),
    (
        "SyntaxError",
        &[Exactly("missing initializer for variable")],
        "const needs a value; types of TypeScript must be compiled away first",
    ),
    ("NonError", &[Contains("")], "throw new Error(message) instead of a plain value: then the line is known"),
];

#[cfg(test)]
mod tests {
    use isolet_core_traits::Place;

    use super::*;

    fn failure(error: &str) -> ScriptFailure {
        let (name, message) = error.split_once(": ").expect("NAME: MESSAGE");
        ScriptFailure::new(FailureKind::Runtime, name, message)
    }

    #[test]
    fn common_errors_have_hints() {
        for (error, part) in [
            ("ReferenceError: require is not defined", "bundle the library into one file"),
            ("ReferenceError: 'require' is not defined", "bundle the library into one file"),
            ("ReferenceError: process is not defined", "pass what it needs as input"),
            ("ReferenceError: module is not defined", "export default"),
            ("ReferenceError: exports is not defined", "export default"),
            ("ReferenceError: Buffer is not defined", "Uint8Array"),
            ("ReferenceError: fs is not defined", "no files"),
            ("ReferenceError: window is not defined", "no browser page"),
            ("ReferenceError: document is not defined", "no browser page"),
            ("ReferenceError: setTimeout is not defined", "timers are not available"),
            ("ReferenceError: setInterval is not defined", "timers are not available"),
            ("ReferenceError: fetch is not defined", "no network access"),
            ("ReferenceError: localStorage is not defined", "nothing is kept"),
            ("ReferenceError: Deno is not defined", "neither Deno nor Bun"),
            ("ReferenceError: Bun is not defined", "neither Deno nor Bun"),
            ("ReferenceError: __dirname is not defined", "no place in a file system"),
            ("ReferenceError: totl is not defined", "nothing is named totl here"),
            ("TypeError: eval is not supported", "evaluating strings as code is off"),
            ("EvalError: Code generation from strings disallowed", "evaluating strings as code is off"),
            ("TypeError: not a function", "no function"),
            ("TypeError: order.total is not a function", "no function"),
            ("TypeError: not a constructor", "after new"),
            ("TypeError: cannot read property 'price' of undefined", "whose price is asked for is undefined"),
            ("TypeError: cannot read property 'it's' of null", "whose it's is asked for is null"),
            ("TypeError: cannot set property 'x' of undefined", "?."),
            ("TypeError: Cannot read property 'x' of undefined", "?."),
            ("TypeError: Cannot read properties of undefined (reading 'x')", "whose x is asked for is undefined"),
            ("TypeError: cannot read property 'Symbol.iterator' of undefined", "a list was expected"),
            ("TypeError: value is not iterable", "Object.entries"),
            ("TypeError: Cannot convert undefined or null to object", "?? {}"),
            ("TypeError: 'c' is read-only", "use let"),
            ("TypeError: object is not extensible", "change a copy"),
            ("TypeError: cannot convert BigInt to number", "do not mix"),
            ("TypeError: Cannot mix BigInt and other types, use explicit conversions", "do not mix"),
            ("TypeError: BigInt are forbidden in JSON.stringify", "String(value)"),
            ("TypeError: circular reference", "contains itself"),
            ("TypeError: cannot import \"lodash\": no modules are provided to this script", "bundle other libraries"),
            ("ReferenceError: could not load module 'lodash'", "bundle the library"),
            ("ReferenceError: setImmediate is not defined", "setTimeout(callback, 0)"),
            ("ReferenceError: Intl is not defined", "toFixed"),
            ("ReferenceError: this is not initialized", "super()"),
            ("SyntaxError: unexpected token in expression: ''", "is not closed"),
            ("ReferenceError: x is not initialized", "before the line"),
            ("RangeError: Maximum call stack size exceeded", "does the recursion end?"),
            ("SyntaxError: Unexpected end of JSON input", "not JSON"),
            ("SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)", "not JSON"),
            ("SyntaxError: unexpected token: '<'", "not JSON"),
            ("SyntaxError: return not in a function", "last expression"),
            ("SyntaxError: missing initializer for variable", "TypeScript"),
            ("NonError: oops", "throw new Error"),
        ] {
            let hint = hint(&failure(error)).unwrap_or_default();
            assert!(hint.contains(part), "{error}: {hint:?}");
        }
    }

    #[test]
    fn other_errors_have_none() {
        for error in [
            "Error: not a function",
            "Error: require is not defined",
            "ReferenceError:  is not defined",
            "ReferenceError: the price is not defined",
            "TypeError: cannot read property 'x' of a",
            "TypeError: cannot read property",
            "SyntaxError: unexpected token in expression: ';'",
            "SyntaxError: expecting ';'",
            "RangeError: invalid array length",
            "AppError: JSON input",
        ] {
            assert_eq!(hint(&failure(error)), None, "{error}");
        }
        let of_host = ScriptFailure::new(FailureKind::Host, "TypeError", "not a function");
        assert_eq!(hint(&of_host), None);
    }

    #[test]
    fn the_line_tells_what_was_meant() {
        for (line, column, part) in [
            ("  await g();", 9, "put async before"),
            ("if (a) { import x from 'y'; }", 17, "top level of a module"),
            ("const a = \u{201c}hello\u{201d};", 11, "typographic"),
            ("{ \"a\": 1, \"b\": 2 }", 6, "in parentheses"),
            ("const a = /(b/;", 11, "regular expression"),
            ("/* never", 1, ""),
            ("const a = <div>x</div>;", 11, "JSX"),
            ("interface A { x: number }", 11, "TypeScript"),
            ("function f(ä: number) {}", 13, "TypeScript"),
            ("const a = [1, 2;", 16, ""),
            ("}", 99, ""),
            ("", 1, ""),
        ] {
            let place = Some(Place { line: 1, column });
            let failure = ScriptFailure { place, ..failure("SyntaxError: expecting ';'") };
            let hint = about_line(&failure, line).unwrap_or_default();
            assert!(hint.contains(part) && hint.is_empty() == part.is_empty(), "{line}: {hint:?}");
        }
        let place = Some(Place { line: 1, column: 9 });
        assert_eq!(about_line(&ScriptFailure { place, ..failure("TypeError: x") }, "  await g();"), None);
    }

    #[test]
    fn an_own_hint_comes_first() {
        let hinted = ScriptFailure { hint: Some("own".into()), ..failure("TypeError: not a function") };
        assert_eq!(hint(&hinted).as_deref(), Some("own"));
        assert_eq!(hint(&ScriptFailure::never_settled()), ScriptFailure::never_settled().hint);
    }

    #[test]
    fn what_the_policy_blocks_is_a_violation() {
        for (error, expected) in [
            ("ReferenceError: require is not defined", true),
            ("ReferenceError: 'process' is not defined", true),
            ("ReferenceError: fetch is not defined", true),
            ("ReferenceError: Proxy is not defined", true),
            ("ReferenceError: setTimeout is not defined", true),
            ("ReferenceError: Intl is not defined", true),
            ("ReferenceError: Buffer is not defined", false),
            ("ReferenceError: requires is not defined", false),
            ("TypeError: require is not defined", false),
            ("TypeError: cannot import \"fs\": no modules are provided to this script", true),
            ("TypeError: eval is not supported", true),
            ("EvalError: anything", true),
            ("Error: eval is not supported", false),
            ("TypeError: eval is not supported here", false),
            ("ReferenceError: eval is not defined", false),
        ] {
            assert_eq!(is_violation(&failure(error)), expected, "{error}");
        }
        let of_host = ScriptFailure::new(FailureKind::Host, "EvalError", "anything");
        assert!(!is_violation(&of_host));
        assert_eq!(naming_policy("do this", "strict"), "do this (the policy is strict)");
    }
}
