//! Compiling and starting: input, context and every kind of end.

use isolet_core_traits::Abort::{Cancelled, CpuTime, Deadline};

use crate::conformance::dialect::Program::*;
use crate::conformance::trace::Action::*;
use crate::conformance::trace::{Trace, trace};

pub(super) const ROWS: &[Trace] = &[
    trace("an empty script has no output", &[(Start(Empty), "done undefined")]),
    trace("undefined is no output", &[(Start(Undefined), "done undefined"), (Warnings, "")]),
    trace("the input is there", &[(Start(OutputInput), r#"done {"n":1}"#)]),
    trace("the context is there", &[(Start(OutputContext), r#"done {"tenant":"acme","user":{"id":7}}"#)]),
    trace(
        "JSON comes out as it is",
        &[(Start(Json(r#"{"a":[1,"x;y",null,{"b":false}]}"#)), r#"done {"a":[1,"x;y",null,{"b":false}]}"#)],
    ),
    trace("a text with quotes and other letters", &[(Start(Json(r#""\"ä€😀\\\n""#)), r#"done "\"ä€😀\\\n""#)]),
    trace("a function is no output", &[(Start(OutputFunction), "failed Output…")]),
    trace("an uncaught error", &[(Start(Throw), "failed Runtime TypeError: broken")]),
    trace(
        "an output of just the limit",
        &[(Start(BigOutput(64)), r#"done "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx""#)],
    )
    .limits(|limits| limits.output_bytes = 64),
    trace("an output over the limit", &[(Start(BigOutput(65)), "oversized 65")])
        .limits(|limits| limits.output_bytes = 64),
    trace("an output far over the limit", &[(Start(BigOutput(2 << 20)), "oversized 2097152")]),
    trace(
        "a program runs on many VMs",
        &[
            (Start(OutputInput), r#"done {"n":1}"#),
            (Use(1), ""),
            (Start(OutputInput), r#"done {"n":1}"#),
            (Use(2), ""),
            (Elsewhere(&Start(OutputInput)), r#"done {"n":1}"#),
        ],
    ),
    trace("VMs do not see each other", &[(Start(Remember), "done 1"), (Use(1), ""), (Start(Remembered), "done null")]),
    trace(
        "equal seeds give equal numbers",
        &[
            (StartSeeded(Random, 7), "let a"),
            (Use(1), ""),
            (StartSeeded(Random, 7), "is a"),
            (Use(2), ""),
            (StartSeeded(Random, 8), "not a"),
        ],
    ),
    trace(
        "the seed 0 is as good as any",
        &[
            (StartSeeded(Random, 0), "let a"),
            (Use(1), ""),
            (StartSeeded(Random, 0), "is a"),
            (Use(2), ""),
            (StartSeeded(Random, 1), "not a"),
            (Use(3), ""),
            (StartSeeded(Random, u64::MAX), "not a"),
        ],
    ),
    trace("cancelled before the start", &[(StartRequested(Log, Cancelled), "aborted Cancelled…"), (Logs, "")]),
    trace("out of CPU time before the start", &[(StartRequested(Log, CpuTime), "aborted CpuTime…"), (Logs, "")]),
    trace("the deadline is over before the start", &[(StartExpired(Log), "aborted Deadline…"), (Logs, "")]),
    trace("a request stands before a deadline", &[(StartRequested(Spin, CpuTime), "aborted CpuTime…")]),
    trace("a valid source compiles", &[(Compile(Spin), "compiled")]),
    trace("an invalid source is refused with its place", &[(Compile(Invalid), "syntax error at 2:1: SyntaxError: …")]),
    trace("cancelled before compiling", &[(CompileRequested(Log, Cancelled), "aborted Cancelled")]),
    trace("out of CPU time before compiling", &[(CompileRequested(Log, CpuTime), "aborted CpuTime")]),
    trace("the deadline is over before compiling", &[(CompileRequested(Log, Deadline), "aborted Deadline")]),
];
