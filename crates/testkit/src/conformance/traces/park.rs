//! Parking: a run that waits leaves its VM to others, and comes back as it was.

use isolet_core_traits::Abort::{Cancelled, Deadline};

use crate::conformance::Need;
use crate::conformance::dialect::Program::*;
use crate::conformance::trace::Action::*;
use crate::conformance::trace::{Trace, trace};

const PARK: &[Need] = &[Need::Park, Need::Reuse];
const ALL: &str = "calls 0:test.echo[1] 1:test.echo[2] 2:test.echo[3]";

pub(super) const ROWS: &[Trace] = &[
    trace(
        "an engine that does not park",
        &[(Start(Call), "calls 0:test.echo[7]"), (Park, "Unsupported"), (Reply(&[(0, "1")]), "done 1")],
    )
    .needs(&[Need::NoPark]),
    trace(
        "there and back",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "1")]), "done 1"),
        ],
    )
    .needs(PARK),
    trace(
        "again and again",
        &[
            (Start(CallTwice), "calls 0:test.echo[1]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(1), "unparked"),
            (Reply(&[(0, "10")]), "calls 1:test.echo[2]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(2), "unparked"),
            (Reply(&[(1, "20")]), "done [10,20]"),
        ],
    )
    .needs(PARK),
    trace(
        "another run in between",
        &[
            (Start(RememberThenCall), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Start(Remembered), "done null"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "1")]), "done 5"),
        ],
    )
    .needs(PARK),
    trace(
        "a hostile run in between",
        &[
            (Start(RememberThenCall), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Start(Alloc), "out of memory"),
            (Reset, "Pristine"),
            (Start(Spin), "aborted…"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "1")]), "done 5"),
        ],
    )
    .needs(PARK),
    trace(
        "two runs in turn",
        &[
            (Start(CallTwice), "calls 0:test.echo[1]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Start(CallAll), ALL),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "10")]), "calls 1:test.echo[2]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(1), "unparked"),
            (Reply(&[(0, "1"), (1, "2"), (2, "3")]), "done [1,2,3]"),
            (Reset, "Pristine"),
            (Unpark(2), "unparked"),
            (Reply(&[(1, "20")]), "done [10,20]"),
        ],
    )
    .needs(PARK),
    trace(
        "some replies before, some after",
        &[
            (Start(CallAll), ALL),
            (Reply(&[(1, "20")]), "calls"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(1, "99"), (2, "30")]), "calls"),
            (Reply(&[(0, "10")]), "done [10,20,30]"),
        ],
    )
    .needs(PARK),
    trace(
        "logs before and after",
        &[
            (Start(LogCallLog), "calls 0:test.echo[7]"),
            (Logs, "info:before"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Start(Log), "done 1"),
            (Logs, "info:hello warn:careful"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "1")]), "done 1"),
            (Logs, "info:after"),
        ],
    )
    .needs(PARK),
    trace(
        "the limit of the logs goes on",
        &[
            (Start(LogCallLog), "calls 0:test.echo[7]"),
            (Logs, "info:before"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "1")]), "done 1"),
            (Logs, ""),
            (LogsTruncated, "1 lines"),
        ],
    )
    .needs(PARK)
    .limits(|limits| limits.log_lines = 1),
    trace(
        "a parked run is told to end",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Request(Cancelled), ""),
            (Reply(&[(0, "1")]), "aborted Cancelled…"),
        ],
    )
    .needs(PARK),
    trace(
        "a parked run is aborted",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Abort(Deadline), "aborted Deadline in Host"),
            (Reset, "Pristine"),
            (Start(Remembered), "done null"),
        ],
    )
    .needs(PARK),
    trace(
        "a parked run is ended while its VM serves another",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Start(CallTwice), "calls 0:test.echo[1]"),
            (AbortParked(0, Deadline), "aborted Deadline in Host"),
            (Reply(&[(0, "10")]), "calls 1:test.echo[2]"),
            (Reply(&[(1, "20")]), "done [10,20]"),
        ],
    )
    .needs(PARK),
    trace(
        "what a parked run has logged counts when it is ended",
        &[
            (Start(LogCallLog), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (AbortParked(0, Cancelled), "aborted Cancelled in Host"),
            (LogsTruncated, "1 lines"),
        ],
    )
    .needs(PARK)
    .limits(|limits| limits.log_lines = 0),
    trace(
        "what natives keep goes with the run",
        &[
            (
                Start(JavaScript("const n = probe.keep('kept'); await test.echo(7); probe.release(n)")),
                "calls 0:test.echo[7]",
            ),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Start(JavaScript("let r; try { probe.release(1) } catch (e) { r = e.name } r")), "done \"TypeError\""),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "1")]), "done \"kept\""),
        ],
    )
    .needs(PARK),
    trace(
        "a parked run is dropped",
        &[
            (Start(RememberThenCall), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (DropParked(0), ""),
            (Start(Remembered), "done null"),
        ],
    )
    .needs(PARK),
    trace(
        "a parked run goes on with another thread",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Elsewhere(&Unpark(0)), "unparked"),
            (Elsewhere(&Reply(&[(0, "1")])), "done 1"),
        ],
    )
    .needs(PARK),
    trace(
        "a parked run that occupies memory after it came back",
        &[
            (Start(CallThenAlloc), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "1")]), "out of memory"),
            (Reset, "Pristine"),
            (Start(OutputInput), r#"done {"n":1}"#),
        ],
    )
    .needs(PARK),
    trace(
        "random numbers go on where they were",
        &[
            (StartSeeded(JavaScript("Math.random(); await test.echo(1); Math.random()"), 7), "calls 0:test.echo[1]"),
            (Reply(&[(0, "1")]), "let a"),
            (Reset, "Pristine"),
            (StartSeeded(JavaScript("Math.random(); await test.echo(1); Math.random()"), 7), "calls 0:test.echo[1]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (StartSeeded(Random, 9), "let b"),
            (Reset, "Pristine"),
            (Unpark(0), "unparked"),
            (Reply(&[(0, "1")]), "is a"),
        ],
    )
    .needs(PARK),
    trace(
        "another VM refuses it",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Use(1), ""),
            (Unpark(0), "refused"),
            (Start(OutputInput), r#"done {"n":1}"#),
        ],
    )
    .needs(PARK),
    trace(
        "a VM that was not reset refuses it",
        &[(Start(Call), "calls 0:test.echo[7]"), (Park, "parked"), (Unpark(0), "refused")],
    )
    .needs(PARK),
    trace(
        "a VM with another run refuses it",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Park, "parked"),
            (Reset, "Pristine"),
            (Start(Call), "calls 0:test.echo[7]"),
            (Unpark(0), "refused"),
            (Reply(&[(0, "1")]), "done 1"),
        ],
    )
    .needs(PARK),
    trace(
        "no run, nothing to park",
        &[(Park, "NotWaiting"), (Start(OutputInput), r#"done {"n":1}"#), (Park, "NotWaiting")],
    )
    .needs(PARK),
    trace(
        "a stalled run does not park",
        &[(Start(Stall), "stalled"), (Park, "NotWaiting"), (Abort(Cancelled), "aborted Cancelled…")],
    )
    .needs(PARK),
    trace(
        "a preempted run does not park",
        &[
            (StartOnce(Spin), "preempted"),
            (Park, "NotWaiting"),
            (GoOnce, "preempted"),
            (Abort(Cancelled), "aborted Cancelled…"),
        ],
    )
    .needs(&[Need::Park, Need::Slice]),
];
