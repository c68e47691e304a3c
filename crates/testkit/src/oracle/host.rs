//! What the host of a case does: how it answers calls, and what happens to a run that waits.

use isolet_core_traits::{
    Abort, CallId, HostCall, HostFailure, HostFailureKind, HostInterface, HostReply, Payload, RunLimits,
};

use super::case::Case;
use super::choices::chosen;
use crate::conformance::stage::{self, Checked, ensure};
use crate::conformance::world;

/// A run may wait so often; then it is ended.
const WAITS_MAX: usize = 24;

/// What happens to a run that waits.
pub(super) enum Turn {
    /// It goes on with these replies, of which one at least is for a call that is outstanding.
    Replies(Vec<HostReply>),
    /// The same, after it was parked.
    ParkedReplies(Vec<HostReply>),
    /// It is ended; while it is parked, if that is possible.
    ParkedAbort(Abort),
    /// It is ended.
    Abort(Abort),
    /// It is told to end, and goes on with these replies.
    Cancel(Vec<HostReply>),
}

/// The host of one run.
pub(super) struct Host<'case> {
    case: &'case Case,
    interface: &'case HostInterface,
    calls: Vec<HostCall>,
    outstanding: Vec<CallId>,
    waits: usize,
}

impl<'case> Host<'case> {
    pub(super) fn new(case: &'case Case, interface: &'case HostInterface) -> Self {
        Self { case, interface, calls: Vec::new(), outstanding: Vec::new(), waits: 0 }
    }

    /// All calls that were made.
    pub(super) fn into_calls(self) -> Vec<HostCall> {
        self.calls
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.outstanding.is_empty()
    }

    /// Checks what a step reports.
    pub(super) fn take(&mut self, calls: Vec<HostCall>, cancelled: &[CallId]) -> Checked<()> {
        for call in calls {
            stage::inspect_call(&call, self.calls.last().map(|last| last.id.0), &self.case.limits)?;
            ensure(self.interface.operation(call.operation).is_some(), || format!("no operation: {call:?}"))?;
            inspect_buffers(&call.payload)?;
            self.outstanding.push(call.id);
            self.calls.push(call);
        }
        for id in cancelled {
            ensure(self.outstanding.contains(id), || format!("{id:?} is cancelled, but not outstanding"))?;
        }
        self.outstanding.retain(|id| !cancelled.contains(id));
        let RunLimits { host_calls_pending, .. } = self.case.limits;
        ensure(self.is_waited_for(), || "the run waits for no call".into())?;
        ensure(self.outstanding.len() <= host_calls_pending, || format!("{} calls wait", self.outstanding.len()))
    }

    /// What happens now that the run waits.
    pub(super) fn turn(&mut self) -> Turn {
        let turn = self.case.turns.get(self.waits).copied().unwrap_or_default();
        self.waits += 1;
        let detail = turn >> 3;
        let mut replies: Vec<HostReply> = self.outstanding.iter().filter_map(|id| self.answer(*id)).collect();
        if replies.is_empty() || self.waits > WAITS_MAX {
            return Turn::Abort(Abort::Deadline);
        }
        match turn % 8 {
            2 => replies.truncate(1 + usize::from(detail)),
            3 => {
                let (unknown, again) = (CallId(u32::MAX - u32::from(detail)), replies.clone());
                let late = self.calls.iter().filter(|call| !self.outstanding.contains(&call.id)).map(|call| call.id);
                let others = late.chain([unknown]).map(|call| HostReply { call, ..replies[0].clone() });
                replies = others.chain(replies.iter().cloned()).chain(again).collect();
            }
            4 => replies.reverse(),
            6 if detail & 1 == 0 => return Turn::ParkedAbort(aborts(detail)),
            6 => replies.truncate(1),
            7 if detail & 1 == 0 => return Turn::Abort(aborts(detail)),
            _ => {}
        }
        self.outstanding.retain(|id| !replies.iter().any(|reply| reply.call == *id));
        match turn % 8 {
            5 | 6 => Turn::ParkedReplies(replies),
            7 => Turn::Cancel(replies),
            _ => Turn::Replies(replies),
        }
    }

    /// `None` if the host never answers it.
    fn answer(&self, id: CallId) -> Option<HostReply> {
        let at = self.calls.iter().position(|call| call.id == id)?;
        let choice = self.case.replies[at % self.case.replies.len()];
        if choice == 0 {
            return world::answer(&self.calls[at]);
        }
        reply(choice).map(|result| HostReply { call: id, result })
    }
}

fn aborts(detail: u8) -> Abort {
    chosen(&[Abort::Cancelled, Abort::Deadline, Abort::CpuTime], detail >> 1)
}

/// Replies of all kinds, good and bad. Buffers are told by their lengths.
const REPLIES: &[(&str, &[usize])] = &[
    ("7", &[]),
    ("[7,{\"$buffer\":0},{\"$$x\":{\"$bigint\":\"5\"}}]", &[9]),
    ("{\"$bigint\":\"-123456789012345678901234567890\"}", &[]),
    ("{\"$bigint\":\"\"}", &[]),
    ("{\"$bigint\":\"0x10\"}", &[]),
    ("{\"$bigint\":{\"toString\":1}}", &[]),
    ("{\"$bigint\":[7]}", &[]),
    ("{\"$bigint\":1e300}", &[]),
    ("{\"$buffer\":0}", &[]),
    ("{\"$buffer\":0}", &[0]),
    ("{\"$buffer\":-1}", &[1]),
    ("{\"$buffer\":0.5}", &[1]),
    ("{\"$buffer\":\"0\"}", &[1]),
    ("[{\"$buffer\":1},{\"$buffer\":0},{\"$buffer\":1}]", &[3, 70_000]),
    ("{\"$buffer\":0,\"x\":1}", &[1]),
    ("{\"$$buffer\":0,\"$bigint\":\"1\",\"$$$y\":{\"$buffer\":0}}", &[5]),
    ("{\"__proto__\":{\"x\":1},\"then\":null,\"constructor\":{}}", &[]),
    ("{\"then\":1,\"toJSON\":2,\"length\":3,\"0\":4}", &[]),
    ("\"\\ud800\\u0000\\udc00x\u{1f600}\"", &[]),
    ("[1,", &[]),
    ("", &[]),
    ("{\"a\":1}x", &[]),
    ("nul\u{0}", &[]),
    ("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{\"$bigint\":\"1\"}]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", &[]),
    ("-0", &[]),
    ("1e400", &[]),
    ("{\"a\":[{\"b\":[]},{\"b\":[{}]}],\"a\":2,\"1\":1,\"01\":1,\"-1\":2,\"4294967295\":3}", &[]),
];

const FAILURES: [HostFailureKind; 4] =
    [HostFailureKind::Failed, HostFailureKind::BadArguments, HostFailureKind::RateLimited, HostFailureKind::Denied];

/// The reply that a byte means; `None` for none.
fn reply(choice: u8) -> Option<Result<Payload, HostFailure>> {
    let choice = usize::from(choice);
    if let Some((json, buffers)) = REPLIES.get(choice % (REPLIES.len() + 9)) {
        let buffers = buffers.iter().map(|bytes| vec![choice as u8; *bytes]).collect();
        return Some(Ok(Payload { json: (*json).to_owned(), buffers }));
    }
    match choice % (REPLIES.len() + 9) - REPLIES.len() {
        at @ 0..4 => Some(Err(world::host_failure(FAILURES[at]))),
        4 => Some(Err(HostFailure::new(FAILURES[0], "", ""))),
        5 => Some(Err(HostFailure::new(FAILURES[1], "n\u{0}me\u{1f600}".repeat(300), "m".repeat(9_000)))),
        6 => {
            let deep = format!("{}1{}", "[".repeat(512), "]".repeat(512));
            Some(Ok(Payload { json: deep, buffers: Vec::new() }))
        }
        7 => {
            let large = format!("[{}1]", "{\"key\":\"value\",\"n\":[1,2,3]},".repeat(400));
            Some(Ok(Payload { json: large, buffers: Vec::new() }))
        }
        _ => None,
    }
}

/// Tags refer to buffers that are there. Inside of a JSON string the quotes of a tag would be escaped.
fn inspect_buffers(payload: &Payload) -> Checked<()> {
    for part in payload.json.split("{\"$buffer\":").skip(1) {
        let index = part.split('}').next().and_then(|index| index.parse::<usize>().ok());
        let is_there = index.is_some_and(|index| index < payload.buffers.len());
        ensure(is_there, || format!("a tag refers to no buffer of {}: {}", payload.buffers.len(), payload.json))?;
    }
    Ok(())
}
