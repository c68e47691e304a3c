//! Drives one run as an executor would, and checks the contract at each step.

use std::sync::Arc;

use isolet_core_traits::{
    Abort, End, Engine, HostCall, Interrupt, KilledIn, LogLine, NotParkable, Outcome, ParkedRun, Resume, RunLimits,
    Step, Vm,
};

use super::case::{Case, TICK};
use super::host::{Host, Turn};
use super::world::World;
use crate::clock::TickingClock;
use crate::conformance::stage::{self, Checked, ensure};

/// What could be seen of a run.
#[derive(Debug, PartialEq)]
pub(super) struct Transcript {
    pub(super) calls: Vec<HostCall>,
    pub(super) logs: Vec<LogLine>,
    /// The outcome, as text.
    pub(super) outcome: String,
    /// In a few words.
    pub(super) end: String,
}

/// Whether runs are parked where their case says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parking {
    AsTold,
    Never,
}

/// An interrupt whose time is the number of its clock's readings.
pub(super) fn interrupt(limits: &RunLimits) -> Arc<Interrupt> {
    let interrupt = Interrupt::new(Arc::new(TickingClock::new(TICK)));
    interrupt.start(limits.wall_time);
    Arc::new(interrupt)
}

/// Runs a program from its start to its end.
pub(super) fn run<E: Engine>(
    world: &World<'_, E>,
    vm: &mut E::Vm,
    program: &E::Program,
    case: &Case,
    parking: Parking,
) -> Checked<Transcript> {
    let interrupt = interrupt(&case.limits);
    if case.is_cancelled {
        interrupt.request(Abort::Cancelled);
    }
    let mut host = Host::new(case, &world.environment.host);
    let mut logs = Vec::new();
    let invocation = stage::invocation(case.input, r#"{"tenant":"acme","tags":["a","b"]}"#, case.random_seed)?;
    let mut step = vm.start(program, invocation, case.limits.clone(), interrupt.clone());
    let outcome = loop {
        step = stage::go_on(vm, step);
        logs.append(&mut vm.take_logs());
        match step {
            Step::Done(outcome) => {
                inspect_end(&outcome.end, &interrupt)?;
                break outcome;
            }
            Step::Stalled => {
                ensure(!host.is_waited_for(), || "a run stalls that waits for the host".into())?;
                ensure(vm.park().is_err(), || "a run that stalls was parked".into())?;
                break aborted(vm.abort(Abort::NeverSettled), Abort::NeverSettled)?;
            }
            Step::HostCalls { calls, cancelled } => host.take(calls, &cancelled)?,
            Step::Preempted => return Err("a run is preempted again and again".into()),
        }
        let replies = match host.turn() {
            Turn::Replies(replies) => replies,
            Turn::ParkedReplies(replies) => {
                if let Some(parked) = park(world, vm, parking)? {
                    world.intrude(vm, case.turns[0])?;
                    vm.unpark(parked).map_err(|error| format!("failed to unpark: {error}"))?;
                }
                replies
            }
            Turn::ParkedAbort(why) => match park(world, vm, parking)? {
                Some(parked) => {
                    world.intrude(vm, case.turns[1])?;
                    break aborted(parked.abort(why), why)?;
                }
                None => break aborted(vm.abort(why), why)?,
            },
            Turn::Abort(why) => break aborted(vm.abort(why), why)?,
            Turn::Cancel(replies) => {
                interrupt.request(Abort::Cancelled);
                replies
            }
        };
        step = vm.resume(Resume::Replies(replies));
    };
    logs.append(&mut vm.take_logs());
    stage::inspect_logs(&logs, &case.limits)?;
    inspect_outcome(world, &outcome, &case.limits)?;
    let end = crate::conformance::text::end(&outcome.end);
    Ok(Transcript { calls: host.into_calls(), logs, outcome: format!("{outcome:?}"), end })
}

/// Parks a run that waits, and resets its VM. `None` if the engine cannot, or the run is not to be parked.
fn park<E: Engine>(world: &World<'_, E>, vm: &mut E::Vm, parking: Parking) -> Checked<Option<<E::Vm as Vm>::Parked>> {
    if parking == Parking::Never {
        return Ok(None);
    }
    match vm.park() {
        Ok(parked) => {
            ensure(parked.bytes() > 0, || "a parked run holds nothing".into())?;
            world.restore(vm).map_err(|error| format!("after parking: {error}"))?;
            Ok(Some(parked))
        }
        Err(NotParkable::Unsupported) if !world.engine.capabilities().park => Ok(None),
        Err(error) => Err(format!("a run that waits was not parked: {error}")),
    }
}

/// An outcome that must tell of an abort.
fn aborted(outcome: Outcome, why: Abort) -> Checked<Outcome> {
    let is_told = matches!(outcome.end, End::Aborted { why: told, .. } if told == why);
    ensure(is_told, || format!("aborted by {why:?}, it ends so: {:?}", outcome.end))?;
    Ok(outcome)
}

/// What must hold for the end of a run that ended by itself or by its interrupt.
fn inspect_end(end: &End, interrupt: &Interrupt) -> Checked<()> {
    let &End::Aborted { why, place } = end else { return Ok(()) };
    let asked = interrupt.poll();
    ensure(asked == Some(why), || format!("the run is ended by {why:?}, the interrupt says {asked:?}"))?;
    ensure(place != KilledIn::Host, || "a run that was on a thread is told to have waited".into())
}

fn inspect_outcome<E: Engine>(world: &World<'_, E>, outcome: &Outcome, limits: &RunLimits) -> Checked<()> {
    let most = world.standing_bytes.saturating_add(limits.memory_bytes);
    match outcome.end {
        End::EngineFault => return Err("the engine failed inside the run".into()),
        // Told are the bytes of the whole VM, and the limit of the run alone.
        End::OutOfMemory { asked, used, max, .. } => {
            ensure(max == limits.memory_bytes, || format!("the limit is told as {max}"))?;
            let is_plausible = asked > 0 && used <= 2 * most && asked.saturating_add(used) >= max / 2;
            ensure(is_plausible, || format!("asked for {asked} with {used} of {max} in use"))?;
        }
        _ => stage::inspect_outcome(outcome, limits)?,
    }
    let is_held = !world.engine.capabilities().hard_memory || outcome.memory_peak_bytes <= most;
    ensure(is_held, || format!("{} bytes were used, at most {most} are allowed", outcome.memory_peak_bytes))
}
