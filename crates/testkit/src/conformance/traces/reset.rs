//! Resets: nothing of a run is left, from whatever state.

use isolet_core_traits::Abort::{Cancelled, Deadline, NeverSettled};

use crate::conformance::Need;
use crate::conformance::dialect::Program::*;
use crate::conformance::trace::Action::*;
use crate::conformance::trace::{Trace, trace};
use crate::conformance::world::FINGERPRINT;

const REUSE: &[Need] = &[Need::Reuse];

const POLLUTE: &str = "
globalThis.leak = 1; var leaked = 2; function leaky() {}
Array.prototype.leak = 1; Object.prototype.leak = 1; Promise.prototype.then = null; JSON.stringify = null;
Math.random = () => 4; delete globalThis.Map; Object.freeze(Set.prototype); Error.stackTraceLimit = 0;
Object.defineProperty(Object.prototype, '0', { set() { throw 1 }, configurable: true });
Symbol.for('leak'); console.log = null; test.leak = 1; globalThis.test = null; probe.leak = 1;
input.leak = 1; RegExp.prototype.exec = null; parseInt.leak = 1;
1";

pub(super) const ROWS: &[Trace] = &[
    trace("a VM that cannot be used again", &[(Start(Undefined), "done undefined"), (Reset, "Discard")]).needs(&[Need::NoReuse]),
    trace("a VM that was not used", &[(Reset, "Pristine"), (Reset, "Pristine"), (Start(OutputInput), r#"done {"n":1}"#)]).needs(REUSE),
    trace("after an output", &[(Start(Remember), "done 1"), (Reset, "Pristine"), (Start(Remembered), "done null")]).needs(REUSE),
    trace("after a failure", &[(Start(Throw), "failed…"), (Reset, "Pristine"), (Start(Remembered), "done null")]).needs(REUSE),
    trace("after a deadline", &[(Start(Spin), "aborted Deadline…"), (Reset, "Pristine"), (Start(OutputInput), r#"done {"n":1}"#)]).needs(REUSE),
    trace("after memory without end", &[(Start(Alloc), "out of memory"), (Reset, "Pristine"), (Start(OutputInput), r#"done {"n":1}"#)]).needs(REUSE),
    trace("after an oversized output", &[(Start(BigOutput(2 << 20)), "oversized 2097152"), (Reset, "Pristine"), (Start(OutputInput), r#"done {"n":1}"#)]).needs(REUSE),
    trace("while waiting", &[(Start(RememberThenCall), "calls 0:test.echo[7]"), (Reset, "Pristine"), (Start(Remembered), "done null")]).needs(REUSE),
    trace("after an abort while waiting", &[(Start(RememberThenCall), "calls 0:test.echo[7]"), (Abort(Deadline), "aborted Deadline in Host"), (Reset, "Pristine"), (Start(Remembered), "done null")]).needs(REUSE),
    trace("while stalled", &[(Start(Stall), "stalled"), (Reset, "Pristine"), (Start(Remembered), "done null")]).needs(REUSE),
    trace("after an abort while stalled", &[(Start(Stall), "stalled"), (Abort(NeverSettled), "aborted NeverSettled…"), (Reset, "Pristine"), (Start(OutputInput), r#"done {"n":1}"#)]).needs(REUSE),
    trace("after an abort while preempted", &[(StartOnce(Spin), "preempted"), (Abort(Cancelled), "aborted Cancelled…"), (Reset, "Pristine"), (Start(Remembered), "done null")]).needs(&[Need::Reuse, Need::Slice]),
    trace("replies to the run before are ignored", &[(Start(CallTwice), "calls 0:test.echo[1]"), (Reset, "Pristine"), (Start(CallTwice), "calls 0:test.echo[1]"), (Reply(&[(1, "99"), (0, "10")]), "calls 1:test.echo[2]"), (Reply(&[(1, "20")]), "done [10,20]")]).needs(REUSE),
    trace("logs of the run before are gone", &[(Start(Log), "done 1"), (Reset, "Pristine"), (Start(Undefined), "done undefined"), (Logs, ""), (LogsTruncated, "none")]).needs(REUSE),
    trace("the limit of the logs begins again", &[(Start(LogLines(5)), "done 1"), (Reset, "Pristine"), (Start(LogLines(2)), "done 1"), (Logs, "info:line info:line"), (LogsTruncated, "none")]).needs(REUSE).limits(|limits| limits.log_lines = 3),
    trace("warnings of the run before are gone", &[(Start(CallNotAwaited), "done 3"), (Warnings, "calls_not_awaited"), (Reset, "Pristine"), (Start(Undefined), "done undefined"), (Warnings, "")]).needs(REUSE),
    trace("random numbers depend on the seed alone", &[(StartSeeded(Random, 7), "let a"), (Reset, "Pristine"), (StartSeeded(Random, 8), "not a"), (Reset, "Pristine"), (StartSeeded(Random, 7), "is a")]).needs(REUSE),
    trace("many runs on one VM", &[(Start(CallAll), "calls…"), (Reply(&[(0, "1"), (1, "2"), (2, "3")]), "done [1,2,3]"), (Reset, "Pristine"), (Start(Throw), "failed…"), (Reset, "Pristine"), (Start(Stall), "stalled"), (Reset, "Pristine"), (Start(Alloc), "out of memory"), (Reset, "Pristine"), (Start(Spin), "aborted…"), (Reset, "Pristine"), (Start(Call), "calls 0:test.echo[7]"), (Reply(&[(0, "7")]), "done 7")]).needs(REUSE),
    trace("a VM for compiling is used again", &[(CompileTwice(Call), "compiled, Pristine, compiled, Pristine")]).needs(REUSE),
    trace("after a source that was refused", &[(CompileTwice(Invalid), "syntax error at 2:1: SyntaxError: …")]).needs(REUSE),
    trace("the world is as before", &[(Start(JavaScript(FINGERPRINT)), "let a"), (Reset, "Pristine"), (Start(JavaScript(POLLUTE)), "done 1"), (Reset, "Pristine"), (Start(JavaScript(FINGERPRINT)), "is a")]).needs(REUSE),
    trace("pending jobs are gone", &[(Start(JavaScript("const f = () => Promise.resolve().then(f); f(); Promise.resolve().then(() => { globalThis.leak = 1 }); 1")), "done 1"), (Reset, "Pristine"), (Start(JavaScript("await null; await null; typeof leak")), r#"done "undefined""#)]).needs(REUSE),
    trace("jobs of a run that was killed are gone", &[(Start(JavaScript("Promise.resolve().then(() => { globalThis.leak = 1 }); for (;;);")), "aborted Deadline in Script"), (Reset, "Pristine"), (Start(JavaScript("await null; await null; typeof leak")), r#"done "undefined""#)]).needs(REUSE),
    trace("lexical names are free again", &[(Start(JavaScript("const name = 1; let other = 2; class C {} name")), "done 1"), (Reset, "Pristine"), (Start(JavaScript("const name = 3; let other = 4; class C {} name")), "done 3")]).needs(REUSE),
    trace("the last match of a pattern is gone", &[(Start(JavaScript("/secret/.exec('a secret'); 1")), "done 1"), (Reset, "Pristine"), (Start(JavaScript("`${RegExp.lastMatch}${RegExp.input}`.includes('secret')")), "done false")]).needs(REUSE),
];
