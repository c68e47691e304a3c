//! Runs that do not end by themselves: deadlines, requests, preemption, stalling, aborting.

use isolet_core_traits::Abort::{Cancelled, CpuTime, Deadline, NeverSettled};

use crate::conformance::Need;
use crate::conformance::dialect::Program::*;
use crate::conformance::trace::Action::*;
use crate::conformance::trace::{Trace, trace};

pub(super) const ROWS: &[Trace] = &[
    trace("an endless run meets its deadline", &[(Start(Spin), "aborted Deadline in Script")]),
    trace(
        "an endless run is cancelled by another thread",
        &[(StartAndRequest(Spin, Cancelled), "aborted Cancelled in Script")],
    ),
    trace("an endless run is out of CPU time", &[(StartAndRequest(Spin, CpuTime), "aborted CpuTime in Script")]),
    trace("a run that ends is not preempted for ever", &[(Start(CallNotAwaited), "done 3")]),
    trace(
        "an endless run is preempted, again and again",
        &[
            (StartOnce(Spin), "preempted"),
            (GoOnce, "preempted"),
            (GoOnce, "preempted"),
            (Abort(Cancelled), "aborted Cancelled in Script"),
        ],
    )
    .needs(&[Need::Slice]),
    trace(
        "a preempted run is told to end",
        &[(StartOnce(Spin), "preempted"), (Request(CpuTime), ""), (GoOnce, "aborted CpuTime in Script")],
    )
    .needs(&[Need::Slice]),
    trace(
        "a preempted run meets its deadline",
        &[(StartOnce(Spin), "preempted"), (Expire, ""), (GoOnce, "aborted Deadline in Script")],
    )
    .needs(&[Need::Slice]),
    trace(
        "another VM runs while one is preempted",
        &[
            (StartOnce(Spin), "preempted"),
            (Use(1), ""),
            (Start(OutputInput), r#"done {"n":1}"#),
            (Use(0), ""),
            (GoOnce, "preempted"),
            (Abort(Deadline), "aborted Deadline in Script"),
        ],
    )
    .needs(&[Need::Slice]),
    trace(
        "two VMs are preempted in turn",
        &[
            (StartOnce(Spin), "preempted"),
            (Use(1), ""),
            (StartOnce(Spin), "preempted"),
            (Use(0), ""),
            (GoOnce, "preempted"),
            (Abort(Cancelled), "aborted Cancelled in Script"),
            (Use(1), ""),
            (GoOnce, "preempted"),
            (Abort(Cancelled), "aborted Cancelled in Script"),
        ],
    )
    .needs(&[Need::Slice]),
    trace(
        "a run that waits for nothing stalls",
        &[(Start(Stall), "stalled"), (Abort(NeverSettled), "aborted NeverSettled…")],
    ),
    trace("a stalled run is cancelled", &[(Start(Stall), "stalled"), (Abort(Cancelled), "aborted Cancelled…")]),
    trace(
        "a run stalls once nothing is outstanding",
        &[
            (Start(CallThenStall), "calls 0:test.echo[7]"),
            (Reply(&[(0, "1")]), "stalled"),
            (Abort(NeverSettled), "aborted NeverSettled…"),
        ],
    ),
    trace(
        "a waiting run is aborted",
        &[(Start(Call), "calls 0:test.echo[7]"), (Abort(Deadline), "aborted Deadline in Host")],
    ),
    trace(
        "a finished run is aborted",
        &[(Start(Undefined), "done undefined"), (Abort(Cancelled), "aborted Cancelled…")],
    ),
    trace("a VM without a run is aborted", &[(Abort(Cancelled), "aborted Cancelled…")]),
    trace(
        "a run is aborted twice",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Abort(Deadline), "aborted Deadline in Host"),
            (Abort(Cancelled), "aborted Cancelled…"),
        ],
    ),
    trace(
        "a waiting run is told to end",
        &[
            (Start(LogCallLog), "calls 0:test.echo[7]"),
            (Request(Cancelled), ""),
            (Reply(&[(0, "1")]), "aborted Cancelled…"),
            (Logs, "info:before"),
        ],
    ),
    trace(
        "the deadline comes while waiting",
        &[
            (Start(LogCallLog), "calls 0:test.echo[7]"),
            (Expire, ""),
            (Reply(&[(0, "1")]), "aborted Deadline…"),
            (Logs, "info:before"),
        ],
    ),
    trace(
        "an endless run after a wait",
        &[(Start(CallThenSpin), "calls 0:test.echo[7]"), (Reply(&[(0, "1")]), "aborted Deadline in Script")],
    ),
    trace(
        "a waiting run moves between threads",
        &[
            (Elsewhere(&Start(CallTwice)), "calls 0:test.echo[1]"),
            (Elsewhere(&Reply(&[(0, "10")])), "calls 1:test.echo[2]"),
            (Reply(&[(1, "20")]), "done [10,20]"),
        ],
    ),
    trace(
        "logs are there after each step",
        &[
            (Start(LogCallLog), "calls 0:test.echo[7]"),
            (Logs, "info:before"),
            (Logs, ""),
            (Reply(&[(0, "5")]), "done 5"),
            (Logs, "info:after"),
            (Logs, ""),
        ],
    ),
    trace(
        "logs may be taken late",
        &[
            (Start(LogCallLog), "calls 0:test.echo[7]"),
            (Reply(&[(0, "5")]), "done 5"),
            (Logs, "info:before info:after"),
        ],
    ),
    trace(
        "logs of a run that failed",
        &[(Start(LogCallLog), "calls 0:test.echo[7]"), (Abort(Cancelled), "aborted Cancelled…"), (Logs, "info:before")],
    ),
    trace("logs have levels", &[(Start(Log), "done 1"), (Logs, "info:hello warn:careful"), (LogsTruncated, "none")]),
];
