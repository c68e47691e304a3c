//! Abstract programs, and how they are written in an engine's language.

use std::borrow::Cow;

/// What a program does, told without a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Program {
    /// Nothing.
    Empty,
    /// Outputs `undefined`.
    Undefined,
    /// Outputs its input.
    OutputInput,
    /// Outputs its context.
    OutputContext,
    /// Outputs this JSON.
    Json(&'static str),
    /// Outputs something that is no JSON.
    OutputFunction,
    /// Outputs a JSON string of so many bytes, quotes included.
    BigOutput(u32),
    /// Throws a `TypeError` with the message `broken` in its first line.
    Throw,
    /// Logs `hello` as info and `careful` as a warning; outputs 1.
    Log,
    /// Logs so many lines `line`; outputs 1.
    LogLines(u32),
    /// Logs `before`, calls `test.echo(7)`, logs `after`; outputs the reply.
    LogCallLog,
    /// Calls `test.echo(7)`, outputs the reply.
    Call,
    /// Calls `test.echo` with 1 and, after the reply, with 2; outputs both replies as an array.
    CallTwice,
    /// Calls `test.echo` with 1, 2 and 3 at once; outputs the three replies as an array.
    CallAll,
    /// Calls `test.echo` with 1, 2 and 3 at once; outputs the reply that comes first.
    CallAny,
    /// Calls `test.echo(7)` and outputs its failure: `[name, code, message, retryable, retryAfterMs]`.
    CallCaught,
    /// Calls `test.echo` with 1 and 2 and outputs 3 without waiting.
    CallNotAwaited,
    /// Calls `test.echo` with 1 without waiting, then with 2 and outputs that reply.
    CallOneNotAwaited,
    /// Calls `test.echo` with a text of so many bytes; outputs `"rejected"` if that fails.
    CallLarge(u32),
    /// Calls `test.echo(7)`, then throws a `TypeError` with the message `broken`.
    CallThenThrow,
    /// Calls `test.echo(7)`, then never ends.
    CallThenSpin,
    /// Calls `test.echo(7)`, then occupies memory without end.
    CallThenAlloc,
    /// Calls `test.echo(7)`, and waits for what can never come.
    CallThenStall,
    /// Never ends, and runs code of its own all the time.
    Spin,
    /// Occupies memory without end.
    Alloc,
    /// Occupies about so many bytes, outputs 1.
    AllocSome(u32),
    /// Waits for what can never come.
    Stall,
    /// Leaves 5 in the VM, outputs 1.
    Remember,
    /// Leaves 5 in the VM, calls `test.echo(7)`, outputs what is left in the VM.
    RememberThenCall,
    /// Outputs what was left in the VM, `null` if nothing.
    Remembered,
    /// Outputs three random numbers as an array.
    Random,
    /// Is not valid: the error is in line 2, column 1.
    Invalid,
    /// This JavaScript, as a classic script. Not for engines of another language.
    JavaScript(&'static str),
}

/// The language of an engine.
pub trait Dialect: Sync {
    /// The source text of a program, or `None` if the language cannot say it.
    fn source(&self, program: Program) -> Option<Cow<'static, str>>;

    /// Whether rows that are written in JavaScript apply.
    fn is_javascript(&self) -> bool;
}

/// JavaScript, as classic scripts.
#[derive(Debug, Clone, Copy, Default)]
pub struct JavaScript;

impl Dialect for JavaScript {
    fn source(&self, program: Program) -> Option<Cow<'static, str>> {
        let text = match program {
            Program::Empty => "",
            Program::Undefined => "undefined",
            Program::OutputInput => "input",
            Program::OutputContext => "context",
            Program::Json(json) => return Some(format!("({json})").into()),
            Program::OutputFunction => "() => 1",
            Program::BigOutput(bytes) => return Some(format!("'x'.repeat({bytes} - 2)").into()),
            Program::Throw => "throw new TypeError('broken')",
            Program::Log => "console.info('hello'); console.warn('careful'); 1",
            Program::LogLines(lines) => {
                return Some(format!("for (let i = 0; i < {lines}; i++) console.log('line'); 1").into());
            }
            Program::LogCallLog => {
                "console.log('before'); const reply = await test.echo(7); console.log('after'); reply"
            }
            Program::Call => "await test.echo(7)",
            Program::CallTwice => "const one = await test.echo(1); const two = await test.echo(2); [one, two]",
            Program::CallAll => "await Promise.all([test.echo(1), test.echo(2), test.echo(3)])",
            Program::CallAny => "await Promise.race([test.echo(1), test.echo(2), test.echo(3)])",
            Program::CallCaught => {
                "let caught = null;\n\
                 try { await test.echo(7) }\n\
                 catch (e) { caught = [e.name, e.code ?? null, e.message, e.retryable, e.retryAfterMs ?? null] }\n\
                 caught"
            }
            Program::CallNotAwaited => "test.echo(1); test.echo(2); 3",
            Program::CallOneNotAwaited => "test.echo(1); await test.echo(2)",
            Program::CallLarge(bytes) => {
                return Some(
                    format!(
                        "let result; try {{ result = await test.echo('x'.repeat({bytes})) }} \
                         catch {{ result = 'rejected' }} result"
                    )
                    .into(),
                );
            }
            Program::CallThenThrow => "await test.echo(7); throw new TypeError('broken')",
            Program::CallThenSpin => "await test.echo(7); for (;;);",
            Program::CallThenAlloc => "await test.echo(7); const a = []; for (;;) a.push({ n: a.length })",
            Program::CallThenStall => "test.echo(7); await new Promise(() => {})",
            Program::Spin => "for (;;);",
            Program::Alloc => "const a = []; for (;;) a.push({ n: a.length })",
            Program::AllocSome(bytes) => {
                let text = format!(
                    "const a = []; for (let i = 0; i < {} / 1000; i++) a.push(String(i).padStart(1000, '0')); 1",
                    bytes
                );
                return Some(text.into());
            }
            Program::Stall => "await new Promise(() => {})",
            Program::Remember => "globalThis.remembered = 5; 1",
            Program::RememberThenCall => "globalThis.remembered = 5; await test.echo(7); globalThis.remembered",
            Program::Remembered => "globalThis.remembered ?? null",
            Program::Random => "[Math.random(), Math.random(), Math.random()]",
            Program::Invalid => "1;\n)",
            Program::JavaScript(text) => text,
        };
        Some(text.into())
    }

    fn is_javascript(&self) -> bool {
        true
    }
}

/// The language of the [fake engine](crate::fake).
#[derive(Debug, Clone, Copy, Default)]
pub struct Fake;

impl Dialect for Fake {
    fn source(&self, program: Program) -> Option<Cow<'static, str>> {
        let text = match program {
            Program::Empty => "",
            Program::Undefined => "undefined",
            Program::OutputInput => "output input",
            Program::OutputContext => "output context",
            Program::Json(json) => return Some(format!("output {json}").into()),
            Program::OutputFunction => "output function",
            Program::BigOutput(bytes) => return Some(format!("big {bytes}").into()),
            Program::Throw => "throw TypeError broken",
            Program::Log => "log info hello; log warn careful; output 1",
            Program::LogLines(lines) => {
                return Some(("log info line\n".repeat(lines as usize) + "output 1").into());
            }
            Program::LogCallLog => "log info before; call test.echo [7]; log info after; output reply",
            Program::Call => "call test.echo [7]; output reply",
            Program::CallTwice => "call test.echo [1]; call test.echo [2]; output replies",
            Program::CallAll => {
                "spawn test.echo [1]; spawn test.echo [2]; spawn test.echo [3]; await all; output replies"
            }
            Program::CallAny => {
                "spawn test.echo [1]; spawn test.echo [2]; spawn test.echo [3]; await any; output reply"
            }
            Program::CallCaught => "try call test.echo [7]; output reply",
            Program::CallNotAwaited => "spawn test.echo [1]; spawn test.echo [2]; output 3",
            Program::CallOneNotAwaited => "spawn test.echo [1]; call test.echo [2]; output reply",
            Program::CallLarge(bytes) => {
                let text = "x".repeat(bytes as usize);
                return Some(format!("try call test.echo [\"{text}\"]; output \"rejected\"").into());
            }
            Program::CallThenThrow => "call test.echo [7]; throw TypeError broken",
            Program::CallThenSpin => "call test.echo [7]; spin",
            Program::CallThenAlloc => "call test.echo [7]; alloc 1MiB; alloc 1GiB",
            Program::CallThenStall => "spawn test.echo [7]; stall",
            Program::Spin => "spin",
            Program::Alloc => "alloc 1MiB; alloc 1GiB",
            Program::AllocSome(bytes) => return Some(format!("alloc {bytes}; output 1").into()),
            Program::Stall => "stall",
            Program::Remember => "remember 5; output 1",
            Program::RememberThenCall => "remember 5; call test.echo [7]; output remembered",
            Program::Remembered => "output remembered",
            Program::Random => "output random",
            Program::Invalid => "free\n)",
            Program::JavaScript(_) => return None,
        };
        Some(text.into())
    }

    fn is_javascript(&self) -> bool {
        false
    }
}
