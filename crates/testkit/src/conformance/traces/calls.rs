//! Host calls: in what order they are reported, and what replies do.

use isolet_core_traits::HostFailureKind::{BadArguments, Denied, Failed, RateLimited};

use crate::conformance::Need;
use crate::conformance::dialect::Program::*;
use crate::conformance::trace::Action::*;
use crate::conformance::trace::{Trace, trace};

const ALL: &str = "calls 0:test.echo[1] 1:test.echo[2] 2:test.echo[3]";

pub(super) const ROWS: &[Trace] = &[
    trace(
        "a call and its reply",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Reply(&[(0, r#"{"a":[1,null]}"#)]), r#"done {"a":[1,null]}"#),
            (Warnings, ""),
        ],
    ),
    trace(
        "one call after another",
        &[
            (Start(CallTwice), "calls 0:test.echo[1]"),
            (Reply(&[(0, "10")]), "calls 1:test.echo[2]"),
            (Reply(&[(1, "20")]), "done [10,20]"),
        ],
    ),
    trace(
        "calls at once, replies at once",
        &[(Start(CallAll), ALL), (Reply(&[(0, "10"), (1, "20"), (2, "30")]), "done [10,20,30]"), (Warnings, "")],
    ),
    trace(
        "replies one by one",
        &[
            (Start(CallAll), ALL),
            (Reply(&[(0, "10")]), "calls"),
            (Reply(&[(1, "20")]), "calls"),
            (Reply(&[(2, "30")]), "done [10,20,30]"),
        ],
    ),
    trace(
        "replies in another order",
        &[(Start(CallAll), ALL), (Reply(&[(2, "30")]), "calls"), (Reply(&[(1, "20"), (0, "10")]), "done [10,20,30]")],
    ),
    trace(
        "a reply to an unknown call is ignored",
        &[
            (Start(CallAll), ALL),
            (Reply(&[(9, "90")]), "calls"),
            (Reply(&[(u32::MAX, "0"), (1, "20")]), "calls"),
            (Reply(&[(0, "10"), (2, "30")]), "done [10,20,30]"),
        ],
    ),
    trace(
        "a second reply is ignored",
        &[
            (Start(CallAll), ALL),
            (Reply(&[(0, "10"), (0, "11")]), "calls"),
            (Reply(&[(0, "12")]), "calls"),
            (Reply(&[(1, "20"), (2, "30")]), "done [10,20,30]"),
        ],
    ),
    trace(
        "a reply to the call before is ignored",
        &[
            (Start(CallTwice), "calls 0:test.echo[1]"),
            (Reply(&[(0, "10"), (1, "99")]), "calls 1:test.echo[2]"),
            (Reply(&[(0, "11")]), "calls"),
            (Reply(&[(1, "20")]), "done [10,20]"),
        ],
    ),
    trace("the first reply is enough", &[(Start(CallAny), ALL), (Reply(&[(1, "20")]), "done 20")]),
    trace(
        "of several replies the first one counts",
        &[(Start(CallAny), ALL), (Reply(&[(2, "30"), (0, "10")]), "done 30")],
    ),
    trace("calls that nobody awaits", &[(Start(CallNotAwaited), "done 3"), (Warnings, "calls_not_awaited")]),
    trace(
        "a call that nobody awaits beside one that is",
        &[
            (Start(CallOneNotAwaited), "calls 0:test.echo[1] 1:test.echo[2]"),
            (Reply(&[(1, "20")]), "done 20"),
            (Warnings, "calls_not_awaited"),
        ],
    ),
    trace(
        "a call that nobody awaits is answered in time",
        &[
            (Start(CallOneNotAwaited), "calls 0:test.echo[1] 1:test.echo[2]"),
            (Reply(&[(0, "10"), (1, "20")]), "done 20"),
            (Warnings, ""),
        ],
    ),
    trace(
        "a failure that is caught",
        &[
            (Start(CallCaught), "calls 0:test.echo[7]"),
            (Fail(0, RateLimited), r#"done ["RateLimitedError","E_TEST","told to fail",true,1500]"#),
        ],
    ),
    trace(
        "a failure that is not caught: the host's",
        &[(Start(Call), "calls 0:test.echo[7]"), (Fail(0, Failed), "failed Host FailedError: told to fail")],
    ),
    trace(
        "a failure that is not caught: the author's",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Fail(0, BadArguments), "failed Runtime BadArgumentsError: told to fail"),
        ],
    ),
    trace(
        "a failure that is not caught: a rate",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Fail(0, RateLimited), "failed RateLimited RateLimitedError: told to fail"),
        ],
    ),
    trace(
        "a failure that is not caught: the policy's",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Fail(0, Denied), "failed SandboxViolation DeniedError: told to fail"),
        ],
    ),
    trace(
        "one failure of three",
        &[(Start(CallAll), ALL), (Fail(1, Denied), "failed SandboxViolation DeniedError: told to fail")],
    ),
    trace(
        "an error after a reply",
        &[(Start(CallThenThrow), "calls 0:test.echo[7]"), (Reply(&[(0, "1")]), "failed Runtime TypeError: broken")],
    ),
    trace("a call over the limit of its payload", &[(Start(CallLarge(1000)), r#"done "rejected""#)])
        .limits(|limits| limits.host_payload_bytes = 1000),
    trace(
        "a call within the limit of its payload",
        &[(Start(CallLarge(100)), "calls 0:test.echo[\"xxx…"), (Reply(&[(0, "1")]), "done…")],
    )
    .limits(|limits| limits.host_payload_bytes = 1000),
    trace(
        "calls count from 0 in each run",
        &[
            (Start(Call), "calls 0:test.echo[7]"),
            (Reply(&[(0, "1")]), "done 1"),
            (Reset, "Pristine"),
            (Start(Call), "calls 0:test.echo[7]"),
            (Reply(&[(0, "2")]), "done 2"),
        ],
    )
    .needs(&[Need::Reuse]),
];
