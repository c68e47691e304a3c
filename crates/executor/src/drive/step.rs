//! One step of a run on its worker.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    Abort, End, EngineError, HostReply, Interrupt, Invocation, LogLine, Outcome, Reset, Resume, RunLimits, Step, Vm,
};
use tokio::sync::mpsc::UnboundedSender;

use crate::cpu;
use crate::panics::catch;
use crate::workers::{Lost, Slice, Work};

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
    vm: V,
    next: Next<V>,
    interrupt: Arc<Interrupt>,
    lines: UnboundedSender<Vec<LogLine>>,
    /// What the run may still use, if that is limited.
    cpu_left: Option<Duration>,
    /// CPU time of what is not the run's own doing.
    upkeep: Duration,
}

/// A VM after a step; if the run is over, after its reset as well.
pub(super) struct Stepped<V> {
    pub(super) vm: V,
    pub(super) step: Step,
    pub(super) reset: ResetVm,
    /// CPU time of what is not the run's own doing: bringing it back, the reset.
    pub(super) upkeep: Duration,
}

impl<V: Vm> StepWork<V> {
    pub(super) fn new(
        vm: V,
        next: Next<V>,
        interrupt: Arc<Interrupt>,
        lines: UnboundedSender<Vec<LogLine>>,
        cpu_left: Option<Duration>,
    ) -> Self {
        Self { vm, next, interrupt, lines, cpu_left, upkeep: Duration::ZERO }
    }

    fn perform(&mut self) -> Result<Step, EngineError> {
        let vm = &mut self.vm;
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

    fn over(mut self, step: Step) -> Stepped<V> {
        let reset = match &step {
            Step::Done(Outcome { end: End::EngineFault, .. }) => ResetVm::DISCARD,
            Step::Done(_) => ResetVm::of(&mut self.vm, &self.interrupt),
            _ => ResetVm::DISCARD,
        };
        Stepped { vm: self.vm, step, reset, upkeep: self.upkeep + reset.cpu }
    }
}

impl<V: Vm<Program: Send + 'static> + 'static> Work for StepWork<V> {
    type Output = Result<Stepped<V>, Lost>;

    fn slice(mut self) -> Slice<Self> {
        let performed = self.perform();
        let logged = self.vm.take_logs();
        if !logged.is_empty() {
            // Nobody listens any more if the run's task is gone.
            let _ = self.lines.send(logged);
        }
        match performed {
            Ok(Step::Preempted) => Slice::Preempted(self),
            Ok(step) => Slice::Over(Ok(self.over(step))),
            Err(error) => {
                tracing::warn!(target: "isolet", %error, "a parked run could not be brought back");
                Slice::Over(Err(Lost::Vm))
            }
        }
    }

    /// A run is ended at the slice in which it has used up its CPU time.
    fn has_used(&mut self, cpu: Duration) {
        if self.cpu_left.is_some_and(|cpu_left| cpu.saturating_sub(self.upkeep) >= cpu_left) {
            self.interrupt.request(Abort::CpuTime);
        }
    }
}

/// What a reset achieved, and its time.
#[derive(Clone, Copy)]
pub(super) struct ResetVm {
    pub(super) reset: Reset,
    pub(super) time: Duration,
    cpu: Duration,
}

impl ResetVm {
    /// The VM is not reset, and if nobody goes on with it, not used again.
    pub(super) const DISCARD: Self = Self { reset: Reset::Discard, time: Duration::ZERO, cpu: Duration::ZERO };

    /// Resets the VM while its memory is still in this core's caches. A panic here does not take the outcome with it.
    pub(super) fn of<V: Vm>(vm: &mut V, interrupt: &Interrupt) -> Self {
        let (time, cpu) = (interrupt.elapsed(), cpu::thread_time());
        let reset = catch(|| vm.reset()).unwrap_or(Reset::Discard);
        Self { reset, time: interrupt.elapsed().saturating_sub(time), cpu: cpu::thread_time().saturating_sub(cpu) }
    }
}
