//! A run from its start to its end: steps on workers, and between them the wait for host calls.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    Abort, CallId, End, Engine, HostCall, HostReply, Interrupt, Invocation, LogLine, Outcome, Reset, Resume, RunLimits,
    Step, Vm,
};
use isolet_pool::Lease;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::caller::Caller;
use crate::core::Core;
use crate::cpu;
use crate::dispatch::Dispatch;
use crate::panics::catch;
use crate::run::Run;
use crate::workers::{Lost, Slice, Work};

/// A run that is over, and what it used.
pub(crate) struct Ended {
    pub(crate) outcome: Result<Outcome, Lost>,
    pub(crate) reset: Reset,
    pub(crate) reset_time: Duration,
    pub(crate) run_time: Duration,
    pub(crate) cpu: Duration,
    pub(crate) host_wait: Duration,
    pub(crate) preemptions: u64,
}

/// A run on its VM.
pub(crate) struct Drive<'run, E: Engine> {
    core: &'run Core<E>,
    run: &'run mut Run,
    dispatch: &'run mut Dispatch,
    caller: &'run mut Caller,
    lines: (UnboundedSender<Vec<LogLine>>, UnboundedReceiver<Vec<LogLine>>),
    granted: Duration,
    cpu: Duration,
    host_wait: Duration,
    preemptions: u64,
}

impl<'run, E: Engine> Drive<'run, E> {
    pub(crate) fn new(
        core: &'run Core<E>,
        run: &'run mut Run,
        dispatch: &'run mut Dispatch,
        caller: &'run mut Caller,
    ) -> Self {
        Self {
            core,
            run,
            dispatch,
            caller,
            lines: unbounded_channel(),
            granted: core.clock.now(),
            cpu: Duration::ZERO,
            host_wait: Duration::ZERO,
            preemptions: 0,
        }
    }

    /// Steps the VM of `lease` until the run is over and the VM is reset.
    pub(crate) async fn until_end(
        mut self,
        lease: &mut Lease<E::Vm>,
        program: E::Program,
        invocation: Invocation,
    ) -> Ended {
        let (limits, interrupt) = (self.run.limits.run_limits(), self.run.interrupt.clone());
        let mut next = Next::Start(Box::new(Start { program, invocation, limits, interrupt }));
        while let Some(vm) = lease.take_vm() {
            let stepped = match self.step(vm, next).await {
                Ok(stepped) => stepped,
                Err(lost) => return self.ended(Err(lost), Reset::Discard, Duration::ZERO),
            };
            lease.put_vm(stepped.vm);
            next = match stepped.step {
                Step::Done(outcome) => return self.ended(Ok(outcome), stepped.reset, stepped.reset_time),
                Step::HostCalls { calls, cancelled } => self.host_calls(calls, &cancelled).await,
                Step::Stalled => Next::Abort(Abort::NeverSettled),
                Step::Preempted => Next::Go,
            };
        }
        self.ended(Err(Lost::Stopped), Reset::Discard, Duration::ZERO)
    }

    /// One step on a worker, with the console lines passed on as they come.
    async fn step(&mut self, vm: E::Vm, next: Next<E::Program>) -> Result<Stepped<E::Vm>, Lost> {
        let lines = self.lines.0.clone();
        let mut work = pin!(self.core.workers.run(StepWork { vm, next, interrupt: self.run.interrupt.clone(), lines }));
        let worked = loop {
            tokio::select! {
                biased;
                Some(lines) = self.lines.1.recv() => self.run.log(lines),
                worked = &mut work => break worked,
            }
        };
        while let Ok(lines) = self.lines.1.try_recv() {
            self.run.log(lines);
        }
        let worked = worked?;
        self.cpu += worked.cpu.saturating_sub(worked.output.reset_cpu);
        self.preemptions += worked.preemptions;
        Ok(worked.output)
    }

    /// Has calls made and waits until the run can go on, or must end.
    async fn host_calls(&mut self, calls: Vec<HostCall>, cancelled: &[CallId]) -> Next<E::Program> {
        self.dispatch.cancel(cancelled);
        self.dispatch.submit(calls);
        let began = self.core.clock.now();
        let deadline = tokio::time::sleep(self.run.interrupt.remaining().unwrap_or(Duration::MAX));
        let next = tokio::select! {
            biased;
            () = self.caller.gone() => Next::Abort(Abort::Cancelled),
            replies = self.dispatch.replies() => Next::Replies(replies),
            () = deadline => Next::Abort(Abort::Deadline),
        };
        self.host_wait += self.core.clock.now().saturating_sub(began);
        next
    }

    fn ended(self, outcome: Result<Outcome, Lost>, reset: Reset, reset_time: Duration) -> Ended {
        Ended {
            outcome,
            reset,
            reset_time,
            run_time: self.core.clock.now().saturating_sub(self.granted).saturating_sub(reset_time),
            cpu: self.cpu,
            host_wait: self.host_wait,
            preemptions: self.preemptions,
        }
    }
}

/// How a run goes on.
enum Next<P> {
    Start(Box<Start<P>>),
    Go,
    Replies(Vec<HostReply>),
    Abort(Abort),
}

struct Start<P> {
    program: P,
    invocation: Invocation,
    limits: RunLimits,
    interrupt: Arc<Interrupt>,
}

/// A step on its worker.
struct StepWork<V: Vm> {
    vm: V,
    next: Next<V::Program>,
    interrupt: Arc<Interrupt>,
    lines: UnboundedSender<Vec<LogLine>>,
}

/// A VM after a step; if the run is over, after its reset as well.
struct Stepped<V> {
    vm: V,
    step: Step,
    reset: Reset,
    reset_time: Duration,
    reset_cpu: Duration,
}

impl<V: Vm<Program: Send + 'static> + 'static> Work for StepWork<V> {
    type Output = Stepped<V>;

    fn slice(self) -> Slice<Self> {
        let Self { mut vm, next, interrupt, lines } = self;
        let step = perform(&mut vm, next);
        let logged = vm.take_logs();
        if !logged.is_empty() {
            // Nobody listens any more if the run's task is gone.
            let _ = lines.send(logged);
        }
        match step {
            Step::Preempted => Slice::Preempted(Self { vm, next: Next::Go, interrupt, lines }),
            Step::Done(outcome) => Slice::Over(reset(vm, outcome, &interrupt)),
            step => {
                let (reset_time, reset_cpu) = (Duration::ZERO, Duration::ZERO);
                Slice::Over(Stepped { vm, step, reset: Reset::Discard, reset_time, reset_cpu })
            }
        }
    }
}

fn perform<V: Vm>(vm: &mut V, next: Next<V::Program>) -> Step {
    match next {
        Next::Start(start) => {
            let Start { program, invocation, limits, interrupt } = *start;
            // Only here, so that time spent waiting for a worker is not taken from the script.
            interrupt.start(limits.wall_time);
            vm.start(&program, invocation, limits, interrupt)
        }
        Next::Go => vm.resume(Resume::Go),
        Next::Replies(replies) => vm.resume(Resume::Replies(replies)),
        Next::Abort(why) => Step::Done(vm.abort(why)),
    }
}

/// Resets the VM while its memory is still in this core's caches. A panic here does not take the outcome with it.
fn reset<V: Vm>(mut vm: V, outcome: Outcome, interrupt: &Interrupt) -> Stepped<V> {
    let (time, cpu) = (interrupt.elapsed(), cpu::thread_time());
    let reset = match outcome.end {
        End::EngineFault => Reset::Discard,
        _ => catch(|| vm.reset()).unwrap_or(Reset::Discard),
    };
    Stepped {
        vm,
        step: Step::Done(outcome),
        reset,
        reset_time: interrupt.elapsed().saturating_sub(time),
        reset_cpu: cpu::thread_time().saturating_sub(cpu),
    }
}
