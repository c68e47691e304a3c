//! One step of a run on its worker.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    Abort, End, EngineError, HostReply, Interrupt, Invocation, LogLine, Outcome, Reset, Resume, RunLimits, Step, Vm,
};
use isolet_pool::{Lease, VmLater};
use tokio::sync::mpsc::UnboundedSender;
use tracing::Span;

use crate::budgets::Budget;
use crate::core::tell_bytes;
use crate::cpu;
use crate::panics::catch;
use crate::spans;
use crate::task::Task;
use crate::workers::{Lost, Over, Slice, Turn, Work};

/// A VM of which a run has used more is reset once the run is reported: giving memory back takes milliseconds.
const QUICKLY_RESET_BYTES: u64 = 4 << 20;

/// How a run goes on.
pub(super) enum Next<V: Vm> {
    Start(Box<Start<V::Program>>),
    Go,
    Replies(Vec<HostReply>),
    /// Comes back to its VM, which is pristine, with replies.
    Unpark(Box<V::Parked>, Vec<HostReply>),
    Abort(Abort),
}

pub(super) struct Start<P> {
    pub(super) program: P,
    pub(super) invocation: Invocation,
    pub(super) limits: RunLimits,
    pub(super) interrupt: Arc<Interrupt>,
}

/// A step on its worker.
pub(super) struct StepWork<V: Vm> {
    pub(super) place: Place<V>,
    pub(super) next: Next<V>,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) lines: UnboundedSender<Vec<LogLine>>,
    /// What the run may still use, if that is limited.
    pub(super) cpu_left: Option<Duration>,
    /// The tenant's, if it has one, and how much of this step's CPU time it was charged with.
    pub(super) budget: Option<Budget>,
    pub(super) charged: Duration,
    /// The run's task, if nobody listens to its console.
    pub(super) task: Option<Arc<Task>>,
    /// CPU time of what is not the run's own doing.
    pub(super) upkeep: Duration,
    /// The run's.
    pub(super) span: Span,
}

/// Where the VM is.
pub(super) enum Place<V> {
    /// Still in the pool: the run has not begun.
    Pool(VmLater<V>),
    Here(V),
    /// With whoever took it.
    Taken,
}

impl<V> Place<V> {
    fn take(&mut self, worker: usize) -> Option<V> {
        match std::mem::replace(self, Self::Taken) {
            Self::Pool(vm) => vm.take(worker),
            Self::Here(vm) => Some(vm),
            Self::Taken => None,
        }
    }
}

/// A VM after a step; if the run is over, mostly after its reset as well.
pub(super) struct Stepped<V> {
    pub(super) vm: V,
    pub(super) step: Step,
    /// None if it is not reset.
    pub(super) reset: Option<ResetVm>,
    /// CPU time of the last slice, the reset aside.
    pub(super) cpu: Duration,
    /// CPU time in all slices of what is not the run's own doing.
    pub(super) upkeep: Duration,
}

impl<V: Vm<Program: Send + 'static> + 'static> StepWork<V> {
    fn perform(&mut self, vm: &mut V) -> Result<Step, EngineError> {
        Ok(match std::mem::replace(&mut self.next, Next::Go) {
            Next::Start(start) => {
                let Start { program, invocation, limits, interrupt } = *start;
                vm.start(&program, invocation, limits, interrupt)
            }
            Next::Go => vm.resume(Resume::Go),
            Next::Replies(replies) => vm.resume(Resume::Replies(replies)),
            Next::Unpark(parked, replies) => {
                let before = cpu::thread_time();
                vm.unpark(*parked)?;
                self.upkeep += cpu::thread_time().saturating_sub(before);
                vm.resume(Resume::Replies(replies))
            }
            Next::Abort(why) => Step::Done(vm.abort(why)),
        })
    }

    fn over(self, mut vm: V, step: Step, cpu: Duration) -> Slice<Self> {
        if let Some(budget) = &self.budget {
            budget.charge(cpu);
        }
        let reset = match &step {
            Step::Done(Outcome { end: End::EngineFault, .. }) => Some(ResetVm::DISCARD),
            Step::Done(Outcome { memory_peak_bytes: ..=QUICKLY_RESET_BYTES, .. }) => {
                Some(ResetVm::of(&mut vm, || self.interrupt.elapsed()))
            }
            _ => None,
        };
        // Failures are logged, and the log is not ours.
        let task = self.task.filter(|_| matches!(step, Step::Done(Outcome { end: End::Output(_), .. })));
        let output = Ok(Stepped { vm, step, reset, cpu, upkeep: self.upkeep });
        Slice::Over(Over { output, cpu: cpu + reset.map_or(Duration::ZERO, |reset| reset.time), task })
    }
}

impl<V: Vm<Program: Send + 'static> + 'static> Work for StepWork<V> {
    type Output = Result<Stepped<V>, Lost>;

    fn slice(mut self, turn: Turn) -> Slice<Self> {
        let _step = spans::step(&self.span, turn.worker).entered();
        let Some(mut vm) = self.place.take(turn.worker) else { return Slice::Over(Over::now(Err(Lost::Vm), turn)) };
        let performed = self.perform(&mut vm);
        let logged = vm.take_logs();
        if !logged.is_empty() {
            // Nobody listens any more if the run's task is gone.
            let _ = self.lines.send(logged);
        }
        match performed {
            Ok(Step::Preempted) => Slice::Preempted(Self { place: Place::Here(vm), ..self }),
            Ok(step) => self.over(vm, step, turn.cpu()),
            Err(error) => {
                tracing::warn!(target: "isolet", %error, "a parked run could not be brought back");
                Slice::Over(Over::now(Err(Lost::Vm), turn))
            }
        }
    }

    /// A run is ended at the slice in which it has used up its CPU time, or its tenant has.
    fn has_used(&mut self, cpu: Duration) {
        let used = cpu.saturating_sub(std::mem::replace(&mut self.charged, cpu));
        if self.budget.as_ref().is_some_and(|budget| budget.charge(used)) {
            self.interrupt.request(Abort::CpuTime);
        }
        if self.cpu_left.is_some_and(|cpu_left| cpu.saturating_sub(self.upkeep) >= cpu_left) {
            self.interrupt.request(Abort::CpuTime);
        }
    }
}

/// Takes a lease's VM back to where it was and ends the lease.
pub(crate) fn reset_and_finish<V: Vm>(mut lease: Lease<V>, cpu_used: Duration) {
    let reset = lease.vm().map_or(Reset::Discard, |vm| ResetVm::of(vm, || Duration::ZERO).reset);
    tell_bytes(&mut lease);
    lease.finish(reset, cpu_used);
}

/// What a reset achieved, and its time.
#[derive(Clone, Copy)]
pub(super) struct ResetVm {
    pub(super) reset: Reset,
    pub(super) time: Duration,
}

impl ResetVm {
    /// The VM is not reset, and if nobody goes on with it, not used again.
    pub(super) const DISCARD: Self = Self { reset: Reset::Discard, time: Duration::ZERO };

    /// Resets the VM while its memory is still in this core's caches. A panic here does not take the outcome with it.
    pub(super) fn of<V: Vm>(vm: &mut V, now: impl Fn() -> Duration) -> Self {
        let _reset = spans::reset().entered();
        let began = now();
        let reset = catch(|| vm.reset()).unwrap_or(Reset::Discard);
        Self { reset, time: now().saturating_sub(began) }
    }
}
