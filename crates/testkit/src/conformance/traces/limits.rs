//! Memory, and console lines.

use crate::conformance::Need;
use crate::conformance::dialect::Program::*;
use crate::conformance::trace::Action::*;
use crate::conformance::trace::{Trace, trace};

pub(super) const ROWS: &[Trace] = &[
    trace("memory without end", &[(Start(Alloc), "out of memory")]),
    trace(
        "memory without end after a wait",
        &[(Start(CallThenAlloc), "calls 0:test.echo[7]"), (Reply(&[(0, "1")]), "out of memory")],
    ),
    trace("memory below the limit", &[(Start(AllocSome(4 << 20)), "done 1")])
        .limits(|limits| limits.memory_bytes = 16 << 20),
    trace("the same memory over a lower limit", &[(Start(AllocSome(4 << 20)), "out of memory")])
        .limits(|limits| limits.memory_bytes = 2 << 20),
    trace(
        "one VM's memory is not another's",
        &[(Start(Alloc), "out of memory"), (Use(1), ""), (Start(AllocSome(4 << 20)), "done 1")],
    ),
    trace(
        "memory is given back by a reset",
        &[
            (Start(AllocSome(4 << 20)), "done 1"),
            (Reset, "Pristine"),
            (Start(AllocSome(4 << 20)), "done 1"),
            (Reset, "Pristine"),
            (Start(AllocSome(4 << 20)), "done 1"),
            (Reset, "Pristine"),
            (Start(AllocSome(4 << 20)), "done 1"),
        ],
    )
    .needs(&[Need::Reuse]),
    trace(
        "a run after one that was out of memory",
        &[(Start(Alloc), "out of memory"), (Reset, "Pristine"), (Start(AllocSome(4 << 20)), "done 1")],
    )
    .needs(&[Need::Reuse]),
    trace(
        "lines up to the limit",
        &[(Start(LogLines(3)), "done 1"), (Logs, "info:line info:line info:line"), (LogsTruncated, "none")],
    )
    .limits(|limits| limits.log_lines = 3),
    trace(
        "lines over the limit",
        &[(Start(LogLines(5)), "done 1"), (Logs, "info:line info:line info:line"), (LogsTruncated, "2 lines")],
    )
    .limits(|limits| limits.log_lines = 3),
    trace(
        "bytes of lines over the limit",
        &[(Start(LogLines(5)), "done 1"), (Logs, "info:line info:line info:li"), (LogsTruncated, "3 lines")],
    )
    .limits(|limits| limits.log_bytes = 10),
    trace("no lines at all", &[(Start(LogLines(2)), "done 1"), (Logs, ""), (LogsTruncated, "2 lines")])
        .limits(|limits| limits.log_lines = 0),
    trace(
        "taking lines does not lift the limit",
        &[
            (Start(LogCallLog), "calls 0:test.echo[7]"),
            (Logs, "info:before"),
            (Reply(&[(0, "1")]), "done 1"),
            (Logs, ""),
            (LogsTruncated, "1 lines"),
        ],
    )
    .limits(|limits| limits.log_lines = 1),
];
