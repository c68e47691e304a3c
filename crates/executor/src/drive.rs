//! A run from its start to its end: steps on workers, and between them the wait for host calls.
//!
//! ```text
//!                   HostCalls              asked, saved
//!   on a worker ──────────────▶ on its VM ──────────────▶ without VM ──── cancelled, too late: ParkedRun::abort
//!      ▲  ▲                       │   │                        │ replies
//!      │  └─────── replies ───────┘   └ cancelled, too late:   ▼
//!      │                                Vm::abort          in its VM's line ─── the same
//!      └────────────────────────── its VM is back ─────────────┘
//! ```

mod park;
mod step;

use std::pin::{Pin, pin};
use std::time::Duration;

use isolet_core_traits::{
    Abort, CallId, Engine, HostCall, HostReply, Invocation, LogLine, Outcome, ParkedRun, Reset, Step, Vm,
};
use isolet_limits::CpuBudgetSpent;
use isolet_pool::{Lease, Notice, VmLost};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Sleep;
use tracing::Span;

pub(crate) use self::step::reset_and_finish;
use self::step::{Next, Place, ResetVm, Start, StepWork, Stepped};
use crate::budgets::Budget;
use crate::caller::Caller;
use crate::core::Core;
use crate::dispatch::Dispatch;
use crate::run::Run;
use crate::workers::{Claim, Lost};

type Parked<E> = <<E as Engine>::Vm as Vm>::Parked;

/// A run that is over, and what it used.
pub(crate) struct Ended {
    pub(crate) outcome: Result<Outcome, Lost>,
    /// None if its VM is still to be reset.
    pub(crate) reset: Option<Reset>,
    pub(crate) reset_time: Duration,
    pub(crate) run_time: Duration,
    pub(crate) cpu: Duration,
    /// The tenant's budget, if it is used up.
    pub(crate) budget_spent: Option<CpuBudgetSpent>,
    pub(crate) host_wait: Duration,
    pub(crate) preemptions: u64,
}

/// A run on its VM.
pub(crate) struct Drive<'run, E: Engine> {
    core: &'run Core<E>,
    run: &'run mut Run,
    dispatch: &'run mut Dispatch,
    caller: &'run mut Caller,
    /// The tenant's, if it has one.
    budget: Option<Budget>,
    span: Span,
    lines: (UnboundedSender<Vec<LogLine>>, UnboundedReceiver<Vec<LogLine>>),
    granted: Duration,
    /// CPU time that the run is expected to use in all.
    expected: Duration,
    cpu: Duration,
    host_wait: Duration,
    preemptions: u64,
    /// Time for taking the VM back to where it was each time that the run left it.
    parking_reset_time: Duration,
}

impl<'run, E: Engine> Drive<'run, E> {
    pub(crate) fn new(
        core: &'run Core<E>,
        run: &'run mut Run,
        dispatch: &'run mut Dispatch,
        caller: &'run mut Caller,
        budget: Option<Budget>,
    ) -> Self {
        Self {
            core,
            run,
            dispatch,
            caller,
            budget,
            span: Span::none(),
            lines: unbounded_channel(),
            granted: core.clock.now(),
            expected: Duration::ZERO,
            cpu: Duration::ZERO,
            host_wait: Duration::ZERO,
            preemptions: 0,
            parking_reset_time: Duration::ZERO,
        }
    }

    /// Its steps are within this span.
    pub(crate) fn within(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// Steps the VM of `lease` until the run is over and, if that is quick, the VM is reset.
    pub(crate) async fn until_end(
        mut self,
        lease: &mut Lease<E::Vm>,
        program: E::Program,
        invocation: Invocation,
    ) -> Ended {
        let (limits, interrupt) = (self.run.limits.run_limits(), self.run.interrupt.clone());
        interrupt.start(limits.wall_time);
        self.expected = lease.expected_cpu();
        let mut next = Next::Start(Box::new(Start { program, invocation, limits, interrupt }));
        let mut place = Place::Pool(lease.vm_later());
        loop {
            let stepped = match self.step(place, next).await {
                Ok(stepped) => stepped,
                Err(lost) => return self.ended(Err(lost), Some(ResetVm::DISCARD)),
            };
            lease.put_vm(stepped.vm);
            next = match stepped.step {
                Step::Done(outcome) => return self.ended(Ok(outcome), stepped.reset),
                Step::HostCalls { calls, cancelled } => match self.host_calls(lease, calls, &cancelled).await {
                    Waited::GoesOn(next) => next,
                    Waited::Over(outcome) => return self.ended(outcome, Some(ResetVm::DISCARD)),
                },
                Step::Stalled => Next::Abort(Abort::NeverSettled),
                Step::Preempted => Next::Go,
            };
            let Some(vm) = lease.take_vm() else { return self.ended(Err(Lost::Vm), Some(ResetVm::DISCARD)) };
            place = Place::Here(vm);
        }
    }

    /// For what is left of it.
    fn claim(&self) -> Claim {
        self.run.claim(self.expected.saturating_sub(self.cpu))
    }

    /// One step on a worker, with the console lines passed on as they come.
    async fn step(&mut self, place: Place<E::Vm>, next: Next<E::Vm>) -> Result<Stepped<E::Vm>, Lost> {
        let (interrupt, lines) = (self.run.interrupt.clone(), self.lines.0.clone());
        let cpu_left = self.run.limits.cpu_time.map(|cpu_time| cpu_time.saturating_sub(self.cpu));
        let (task, upkeep) = (self.run.quiet_task(), Duration::ZERO);
        let budget = self.budget.clone();
        if budget.as_ref().is_some_and(|budget| budget.check().is_err()) {
            interrupt.request(Abort::CpuTime);
        }
        let span = self.span.clone();
        let charged = Duration::ZERO;
        let work = StepWork { place, next, interrupt, lines, cpu_left, budget, charged, task, upkeep, span };
        let mut work = self.core.workers.run(self.claim(), work);
        if work.is_imminent() && self.core.counters.in_flight() == 1 {
            self.run.end_is_imminent();
        }
        let mut is_hurried = false;
        let worked = loop {
            tokio::select! {
                biased;
                Some(lines) = self.lines.1.recv() => self.run.log(lines),
                worked = &mut work => break worked,
                _ = self.caller.gone(), if !is_hurried => {
                    is_hurried = true;
                    self.run.interrupt.request(Abort::Cancelled);
                    work.hurry();
                }
            }
        };
        while let Ok(lines) = self.lines.1.try_recv() {
            self.run.log(lines);
        }
        let worked = worked?;
        let stepped = worked.output?;
        self.cpu += (worked.cpu + stepped.cpu).saturating_sub(stepped.upkeep);
        self.preemptions += worked.preemptions;
        Ok(stepped)
    }

    /// Has calls made and waits until the run can go on, or must end. Meanwhile it may leave its VM.
    async fn host_calls(
        &mut self,
        lease: &mut Lease<E::Vm>,
        calls: Vec<HostCall>,
        cancelled: &[CallId],
    ) -> Waited<E::Vm> {
        self.dispatch.cancel(cancelled);
        self.dispatch.submit(calls);
        let (began, mut parked) = (self.core.clock.now(), None);
        let mut deadline = pin!(tokio::time::sleep(self.run.interrupt.remaining().unwrap_or(Duration::MAX)));
        let heard = self.hear(lease, &mut parked, deadline.as_mut()).await;
        self.host_wait += self.core.clock.now().saturating_sub(began);
        match (heard, parked) {
            (Heard::Replies(replies), None) => {
                lease.go_on();
                Waited::GoesOn(Next::Replies(replies))
            }
            (Heard::Replies(replies), Some(parked)) => self.come_back(lease, parked, replies, deadline).await,
            (Heard::End(why), None) => Waited::GoesOn(Next::Abort(why)),
            (Heard::End(why), Some(parked)) => Waited::Over(Ok(parked.abort(why))),
            (Heard::Lost(lost), _) => Waited::Over(Err(lost)),
        }
    }

    /// Waits for replies or the end. If the pool asks for the VM, the run is saved into `parked`.
    async fn hear(
        &mut self,
        lease: &mut Lease<E::Vm>,
        parked: &mut Option<Parked<E>>,
        mut deadline: Pin<&mut Sleep>,
    ) -> Heard {
        if self.core.parks {
            lease.wait();
        }
        loop {
            let notice = tokio::select! {
                biased;
                _ = self.caller.gone() => return Heard::End(Abort::Cancelled),
                replies = self.dispatch.replies() => return Heard::Replies(replies),
                () = &mut deadline => return Heard::End(Abort::Deadline),
                notice = lease.notice() => notice,
            };
            let saved = if notice == Notice::Park { self.park(lease).await } else { Err(Lost::Vm) };
            match saved {
                Ok(saved) => *parked = saved,
                Err(lost) => return Heard::Lost(lost),
            }
        }
    }

    /// Waits for the VM of a parked run. Replies that come meanwhile go with it.
    async fn come_back(
        &mut self,
        lease: &mut Lease<E::Vm>,
        parked: Parked<E>,
        mut replies: Vec<HostReply>,
        mut deadline: Pin<&mut Sleep>,
    ) -> Waited<E::Vm> {
        loop {
            tokio::select! {
                biased;
                _ = self.caller.gone() => return Waited::Over(Ok(parked.abort(Abort::Cancelled))),
                back = lease.unpark() => return match back {
                    Ok(()) => Waited::GoesOn(Next::Unpark(Box::new(parked), replies)),
                    Err(VmLost) => Waited::Over(Err(Lost::Vm)),
                },
                () = &mut deadline => return Waited::Over(Ok(parked.abort(Abort::Deadline))),
                more = self.dispatch.replies() => replies.extend(more),
            }
        }
    }

    fn ended(self, outcome: Result<Outcome, Lost>, reset: Option<ResetVm>) -> Ended {
        let reset_time = reset.map_or(Duration::ZERO, |reset| reset.time);
        Ended {
            outcome,
            reset: reset.map(|reset| reset.reset),
            reset_time: self.parking_reset_time + reset_time,
            run_time: self.core.clock.now().saturating_sub(self.granted).saturating_sub(reset_time),
            cpu: self.cpu,
            budget_spent: self.budget.and_then(|budget| budget.check().err()),
            host_wait: self.host_wait,
            preemptions: self.preemptions,
        }
    }
}

/// What ends the wait for the host.
enum Heard {
    Replies(Vec<HostReply>),
    End(Abort),
    Lost(Lost),
}

/// What came of the wait.
enum Waited<V: Vm> {
    /// The lease has the VM for it.
    GoesOn(Next<V>),
    /// The run is over, and whatever VM the lease has is not to be used again.
    Over(Result<Outcome, Lost>),
}
