//! The calls of a run that are being carried out: what the native `console` steps.
//!
//! More than one only when a Proxy's trap logs while the Proxy is read.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::inspect::{DEPTH_USUAL, Inspector, NODES_MAX};
use super::method::{Call, Labels, Line, Method};
use super::reader::{Answer, Exchange, Read, Reader};
use super::text::LINE_MAX;

/// Groups that indent.
const GROUPS_MAX: usize = 20;

/// What a run's console remembers.
#[derive(Debug, Default)]
pub(super) struct Console {
    groups: usize,
    labels: Labels,
    calls: Vec<Running>,
}

struct Running {
    method: Method,
    exchange: Exchange,
    line: Pin<Box<dyn Future<Output = Read<Option<Line>>> + Send>>,
}

/// What the script has to do next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    Question(f64),
    Done(Option<Line>),
}

impl Console {
    /// Begins a call of `method` with `count` arguments within `outer` others, so long after the run's start.
    pub(super) fn begin(&mut self, outer: usize, method: Method, count: usize, now_ms: f64) -> Option<Next> {
        // Those that ended without a word are forgotten.
        self.calls.truncate(outer);
        if method == Method::GroupEnd {
            self.groups = self.groups.saturating_sub(1);
        }
        let exchange = Exchange::default();
        // A trap of a Proxy that logs the Proxy must come to an end: no object is read while another one is.
        let nodes = if outer > 0 { 0 } else { NODES_MAX };
        let inspector = Inspector { reader: Reader(exchange.clone()), nodes, text: LINE_MAX, depth: DEPTH_USUAL };
        let call = Call { method, count, now_ms, inspector, labels: self.labels.clone() };
        self.calls.push(Running { method, exchange, line: Box::pin(call.line()) });
        self.go_on()
    }

    /// Goes on with the call within `outer` others. `None` if there is no such call.
    pub(super) fn answer(&mut self, outer: usize, answer: Answer) -> Option<Next> {
        self.calls.truncate(outer + 1);
        self.calls.get(outer)?.exchange.answer(answer);
        self.go_on()
    }

    fn go_on(&mut self) -> Option<Next> {
        let Running { method, exchange, line } = self.calls.last_mut()?;
        let polled = pin!(line).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(line) = polled else { return Some(Next::Question(exchange.question()?)) };
        let (method, groups) = (*method, self.groups.min(GROUPS_MAX));
        self.calls.pop();
        self.groups += usize::from(method.opens_group());
        Some(Next::Done(match line {
            Ok(line) => line.map(|line| line.finished(groups)),
            Err(_) => Some(Line::unreadable(method)),
        }))
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("method", &self.method).finish_non_exhaustive()
    }
}
