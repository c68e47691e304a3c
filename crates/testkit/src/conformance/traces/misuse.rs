//! Calls that the VM's state does not allow: a fault of the run, never a panic.

use isolet_core_traits::Abort::Cancelled;

use crate::conformance::Need;
use crate::conformance::dialect::Program::*;
use crate::conformance::trace::Action::*;
use crate::conformance::trace::{Trace, trace};

pub(super) const ROWS: &[Trace] = &[
    trace("resume without a run", &[(GoOnce, "fault")]),
    trace("replies without a run", &[(Reply(&[(0, "1")]), "fault")]),
    trace("resume after the end", &[(Start(Undefined), "done undefined"), (GoOnce, "fault")]),
    trace(
        "replies after the end",
        &[(Start(Call), "calls 0:test.echo[7]"), (Reply(&[(0, "1")]), "done 1"), (Reply(&[(0, "1")]), "fault")],
    ),
    trace(
        "resume after an abort",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Abort(Cancelled), "aborted Cancelled in Host"),
            (Reply(&[(0, "1")]), "fault"),
        ],
    ),
    trace(
        "go while waiting for replies",
        &[(Start(LogCallLog), "calls 0:test.echo[7]"), (Logs, "info:before"), (GoOnce, "fault"), (Logs, "")],
    ),
    trace("go while stalled", &[(Start(Stall), "stalled"), (GoOnce, "fault")]),
    trace("replies while preempted", &[(StartOnce(Spin), "preempted"), (Reply(&[(0, "1")]), "fault")])
        .needs(&[Need::Slice]),
    trace("a preempted run on another thread", &[(StartOnce(Spin), "preempted"), (Elsewhere(&GoOnce), "fault")])
        .needs(&[Need::Slice]),
    trace("reset while preempted", &[(StartOnce(Spin), "preempted"), (Reset, "Discard")]).needs(&[Need::Slice]),
    trace("start without a reset", &[(Start(Undefined), "done undefined"), (Start(Log), "fault"), (Logs, "")]),
    trace("start while waiting", &[(Start(Call), "calls 0:test.echo[7]"), (Start(Log), "fault"), (Logs, "")]),
    trace(
        "start after an abort without a run",
        &[(Abort(Cancelled), "aborted Cancelled…"), (Start(Log), "fault"), (Logs, "")],
    ),
    trace("start on a VM for compiling", &[(StartOnCompiler(Log), "fault")]),
    trace("compile on a VM for running", &[(CompileOnRunner(Log), "fault")]),
    trace("resume a compilation that is not there", &[(ResumeCompile, "fault")]),
    trace(
        "other VMs go on after a mistake",
        &[(GoOnce, "fault"), (Use(1), ""), (Start(OutputInput), r#"done {"n":1}"#)],
    ),
];
