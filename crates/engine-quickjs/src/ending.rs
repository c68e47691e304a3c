//! How a run ended, as the engine left it, and the outcome that is made of it once nothing of the engine runs any more.

use isolet_core_traits::{Abort, End, FailureKind, KilledIn, Outcome, Output, ScriptFailure, Warning};

use crate::failure::{self, Exception, Origin};
use crate::js::Text;
use crate::output::{self, NoJson};
use crate::realm::Realm;
use crate::state::{RunState, Stop};
use crate::unwritable;

/// How a run ended. Texts are where the engine wrote them.
pub(crate) enum Ending {
    /// The state knows why.
    Stopped,
    Undefined,
    Json(Text),
    NoJson(NoJson),
    /// The state's trail knows where.
    Unwritable,
    Thrown(Exception),
    /// Bytecode of a module always holds one.
    NotAModule,
    NoDefaultExport,
}

/// The outcome of a run that ended so; `None` if it was left.
pub(crate) fn conclude(realm: &mut Realm, ending: Option<Ending>, origin: &Origin<'_>) -> Outcome {
    let end = ending.and_then(|ending| end(realm, ending, origin));
    let state = realm.state();
    // Whatever came of the run: what stopped it comes first.
    let stopped = stopped(state);
    let end = stopped.or(end).unwrap_or(End::EngineFault);
    if matches!(end, End::Output(_)) {
        warn_of_calls(state);
    }
    warn_of_rejections(state);
    state.outcome(end)
}

/// The outcome of a run that was ended from outside while it was at `place`.
pub(crate) fn aborted(realm: &mut Realm, why: Abort, place: KilledIn) -> Outcome {
    realm.state().outcome(End::Aborted { why, place })
}

/// `None` if the engine's texts are not where they must be.
fn end(realm: &mut Realm, ending: Ending, origin: &Origin<'_>) -> Option<End> {
    let failure = match ending {
        Ending::Stopped => return None,
        Ending::Undefined => return Some(End::Output(Output::Undefined)),
        Ending::Json(json) => {
            let bytes_max = realm.state().run.limits.output_bytes;
            let json = realm.read(&json)?;
            return Some(End::Output(Output::limited(&json, bytes_max)));
        }
        Ending::NoJson(what) => output::no_json(what),
        Ending::Unwritable => unwritable::failure(&mut realm.state().run.trail)?,
        Ending::Thrown(exception) => {
            let causes = std::mem::take(&mut realm.state().causes);
            let failure = failure::read(realm, &exception, &causes, origin)?;
            if realm.state().run.writing_output { output::too_deep(&failure).unwrap_or(failure) } else { failure }
        }
        Ending::NotAModule => ScriptFailure::new(FailureKind::Runtime, "InternalError", "the program is not a module"),
        Ending::NoDefaultExport => ScriptFailure {
            hint: Some("add: export default function (input, context) { … }, or export default with a value".into()),
            ..ScriptFailure::new(FailureKind::Output, "OutputError", "the module has no default export")
        },
    };
    Some(End::Failed(failure))
}

fn stopped(state: &mut RunState) -> Option<End> {
    Some(match state.stopped()? {
        Stop::Aborted(why) => End::Aborted { why, place: state.run.killed_in },
        Stop::OutOfMemory(over) => End::OutOfMemory {
            asked: over.asked,
            used: over.used,
            max: state.run.limits.memory_bytes,
            writing_output: state.run.writing_output,
        },
        Stop::HostPanicked => End::Failed(ScriptFailure {
            retryable: true,
            ..ScriptFailure::new(FailureKind::Host, "HostError", "a function of the host failed unexpectedly")
        }),
    })
}

fn warn_of_calls(state: &mut RunState) {
    let count = state.run.pending.len();
    if count > 0 {
        let calls = if count == 1 { "1 host call was".into() } else { format!("{count} host calls were") };
        let message = format!("{calls} not awaited and cancelled when the script was over");
        state.run.warnings.push(Warning { code: "calls_not_awaited".into(), message });
    }
}

/// Of those that did not decide the outcome.
fn warn_of_rejections(state: &mut RunState) {
    let count = state.run.rejections.len();
    if count > 0 {
        let promises = if count == 1 { "1 promise was".into() } else { format!("{count} promises were") };
        let message = format!("{promises} rejected, and nobody handles that: await them, or catch what they fail with");
        state.run.warnings.push(Warning { code: "rejections_unhandled".into(), message });
    }
}
