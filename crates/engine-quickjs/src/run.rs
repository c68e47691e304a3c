//! One run on an entered realm: from a program to the step that the executor sees.
//!
//! ```text
//! begin ─▶ Evaluating ──settled──▶ value ─▶ Settling ──settled──▶ output ─▶ Done
//!            script: {value}         │ module: default export, called if it is a function
//!            module: namespace       │ function: called
//!            pump: jobs until the promise at hand settles, or calls or nothing are left
//! ```

use isolet_core_traits::{
    Abort, End, FailureKind, Invocation, KilledIn, Outcome, ScriptFailure, SourceName, Step, Warning,
};

use crate::failure::{self, Origin};
use crate::js::{HIDDEN, Job, Js, ModuleDefinition, PLAIN, Result, Settled, Thrown, Value};
use crate::output;
use crate::program::{Form, QuickJsProgram};
use crate::state::{self, Stop};

/// A run between two steps.
pub(crate) struct Run {
    program: QuickJsProgram,
    source_name: SourceName,
    stage: Stage,
    /// What the stage waits for.
    promise: Value,
}

#[derive(Clone, Copy)]
enum Stage {
    Script,
    Module(ModuleDefinition),
    Settling,
}

/// Why a stage has no value.
enum Failed {
    Thrown(Thrown),
    Script(Box<ScriptFailure>),
}

impl From<Thrown> for Failed {
    fn from(thrown: Thrown) -> Self {
        Self::Thrown(thrown)
    }
}

/// Loads a program, but runs nothing of it.
pub(crate) fn load(js: Js, program: &QuickJsProgram, name: &SourceName) -> std::result::Result<Value, Box<Outcome>> {
    let load = || {
        // SAFETY: B1: programs hold nothing but bytecode of this engine.
        let compiled = unsafe { js.read_bytecode(program.bytecode()) }?;
        if program.form() == Form::Module {
            js.resolve_module(&compiled)?;
        }
        Ok(compiled)
    };
    load().map_err(|thrown| {
        let origin = Origin { name, wide_text: program.wide_text() };
        end_failed(js, Failed::Thrown(thrown), &origin).into()
    })
}

/// Starts a loaded program. `Err` is the end of a run that never came to wait.
pub(crate) fn begin(
    js: Js,
    program: &QuickJsProgram,
    compiled: Value,
    invocation: &Invocation,
) -> std::result::Result<Run, Box<Outcome>> {
    if let Some(end) = stopped(js) {
        return Err(end.into());
    }
    let name = &invocation.source_name;
    let started = || -> std::result::Result<(Stage, Value), Failed> {
        let (input, context) = globals(js, invocation)?;
        let started = match program.form() {
            Form::Script => (Stage::Script, js.evaluate(compiled)?),
            Form::Synchronous => {
                let value = js.evaluate(compiled)?;
                (Stage::Settling, settling(js, value)?)
            }
            Form::Module => {
                let definition =
                    js.module_definition(&compiled).ok_or_else(|| Failed::Script(not_a_module().into()))?;
                (Stage::Module(definition), js.evaluate(compiled)?)
            }
            Form::Function => {
                let function = js.evaluate(compiled)?;
                let returned = js.call(&function, &Value::UNDEFINED, &[&input, &context])?;
                (Stage::Settling, settling(js, returned)?)
            }
        };
        [input, context].into_iter().for_each(|value| js.free(value));
        Ok(started)
    };
    match started() {
        Ok((stage, promise)) => {
            js.mark_handled(&promise);
            Ok(Run { program: program.clone(), source_name: name.clone(), stage, promise })
        }
        Err(failed) => Err(end_failed(js, failed, &Origin { name, wide_text: program.wide_text() }).into()),
    }
}

/// Bytecode of a module always holds one.
fn not_a_module() -> ScriptFailure {
    ScriptFailure::new(FailureKind::Runtime, "InternalError", "the program is not a module")
}

/// Defines `input` and `context`, the latter deeply frozen.
fn globals(js: Js, invocation: &Invocation) -> Result<(Value, Value)> {
    let global = js.global();
    let input = js.parse_json(invocation.input.as_str())?;
    let context = js.parse_json(invocation.context.as_str())?;
    freeze_deeply(js, &context)?;
    js.define(&global, "input", js.duplicate(&input), PLAIN)?;
    js.define(&global, "context", js.duplicate(&context), HIDDEN)?;
    js.free(global);
    Ok((input, context))
}

/// Only for values from JSON: plain, acyclic, and no deeper than JSON text may be.
fn freeze_deeply(js: Js, value: &Value) -> Result<()> {
    if !value.is_object() {
        return Ok(());
    }
    for key in js.own_keys(value)? {
        let inner = js.get_key(value, &key)?;
        freeze_deeply(js, &inner)?;
        js.free(inner);
        js.free(key);
    }
    js.freeze(value)
}

/// A promise that settles as `value` does: promises and thenables are awaited.
fn settling(js: Js, value: Value) -> Result {
    let [promise, resolve, reject] = js.promise()?;
    let result = js.call(&resolve, &Value::UNDEFINED, &[&value]);
    [value, resolve, reject].into_iter().for_each(|value| js.free(value));
    js.free(result?);
    Ok(promise)
}

impl Run {
    /// Runs jobs until the run is over or waits.
    pub(crate) fn pump(mut self, js: Js) -> (Step, Option<Self>) {
        loop {
            if let Some(end) = stopped(js) {
                return (Step::Done(end), None);
            }
            match js.settled(&self.promise) {
                Settled::Fulfilled => match self.advance(js) {
                    Ok(None) => {}
                    Ok(Some(output)) => return (Step::Done(self.finish(js, output)), None),
                    Err(failed) => return (Step::Done(end_failed(js, failed, &self.origin())), None),
                },
                Settled::Rejected => {
                    let reason = js.settled_with(&self.promise);
                    let thrown = js.throw(reason);
                    return (Step::Done(end_failed(js, Failed::Thrown(thrown), &self.origin())), None);
                }
                Settled::Pending => match js.run_job() {
                    Job::Ran => {}
                    // Jobs report failures to promises; what is left is the end of the run, seen above.
                    Job::Threw => js.swallow(Thrown),
                    Job::NoneLeft => return (self.waiting(js), Some(self)),
                },
            }
        }
    }

    fn origin(&self) -> Origin<'_> {
        Origin { name: &self.source_name, wide_text: self.program.wide_text() }
    }

    fn waiting(&self, js: Js) -> Step {
        state::with(js, |state| match state.pending.is_empty() {
            true => Step::Stalled,
            false => Step::HostCalls { calls: std::mem::take(&mut state.outbox), cancelled: Vec::new() },
        })
    }

    /// The promise at hand was fulfilled: goes on to the next stage, or gives the output's value.
    fn advance(&mut self, js: Js) -> std::result::Result<Option<Value>, Failed> {
        let settled = js.settled_with(&self.promise);
        let value = match self.stage {
            Stage::Settling => return Ok(Some(settled)),
            Stage::Script => js.get(&settled, c"value")?,
            Stage::Module(definition) => default_export(js, definition)?,
        };
        js.free(settled);
        let promise = settling(js, value)?;
        js.mark_handled(&promise);
        js.free(std::mem::replace(&mut self.promise, promise));
        self.stage = Stage::Settling;
        Ok(None)
    }

    fn finish(&self, js: Js, value: Value) -> Outcome {
        if let Some(rejected) = unhandled_rejection(js) {
            return end_failed(js, Failed::Thrown(js.throw(rejected)), &self.origin());
        }
        let written = output::write(js, &value, &self.origin());
        js.free(value);
        if let Some(end) = stopped(js) {
            return end;
        }
        let end = written.map_or_else(End::Failed, End::Output);
        state::with(js, |state| {
            if !state.pending.is_empty() {
                let count = state.pending.len();
                let calls = if count == 1 { "1 host call was".into() } else { format!("{count} host calls were") };
                let message = format!("{calls} not awaited and cancelled when the script was over");
                state.warnings.push(Warning { code: "calls_not_awaited".into(), message });
            }
            state.outcome(end)
        })
    }
}

fn default_export(js: Js, definition: ModuleDefinition) -> std::result::Result<Value, Failed> {
    let namespace = js.module_namespace(definition)?;
    let has_default = js.own_keys(&namespace)?.iter().any(|key| js.text(key).is_ok_and(|key| key == "default"));
    if !has_default {
        let failure = ScriptFailure {
            hint: Some("add: export default function (input, context) { … }, or export default with a value".into()),
            ..ScriptFailure::new(FailureKind::Output, "OutputError", "the module has no default export")
        };
        return Err(Failed::Script(failure.into()));
    }
    let value = js.get(&namespace, c"default")?;
    js.free(namespace);
    if !js.is_function(&value) {
        return Ok(value);
    }
    let global = js.global();
    let (input, context) = (js.get(&global, c"input")?, js.get(&global, c"context")?);
    let returned = js.call(&value, &Value::UNDEFINED, &[&input, &context]);
    [value, global, input, context].into_iter().for_each(|value| js.free(value));
    Ok(returned?)
}

/// The reason of a rejection that nobody looks after.
fn unhandled_rejection(js: Js) -> Option<Value> {
    let promise = state::with(js, |state| {
        let first = state.rejections.keys().min().copied()?;
        state.rejections.remove(&first)
    })?;
    let reason = js.settled_with(&promise);
    js.free(promise);
    Some(reason)
}

/// The outcome of a run that was stopped.
pub(crate) fn stopped(js: Js) -> Option<Outcome> {
    state::with(js, |state| {
        let end = match state.stopped()? {
            Stop::Aborted(why) => End::Aborted { why, place: KilledIn::Script },
            Stop::OutOfMemory(over) => End::OutOfMemory {
                asked: over.asked,
                used: over.used,
                max: state.limits.memory_bytes,
                writing_output: state.writing_output,
            },
            Stop::HostPanicked => End::Failed(ScriptFailure {
                retryable: true,
                ..ScriptFailure::new(FailureKind::Host, "HostError", "a function of the host failed unexpectedly")
            }),
        };
        Some(state.outcome(end))
    })
}

/// The outcome of a run that was ended from outside while it waited.
pub(crate) fn aborted(js: Js, why: Abort, place: KilledIn) -> Outcome {
    state::with(js, |state| state.outcome(End::Aborted { why, place }))
}

fn end_failed(js: Js, failed: Failed, origin: &Origin<'_>) -> Outcome {
    // What stopped the run comes before the exception that it made; reading the exception may be stopped as well.
    let before = stopped(js);
    let failure = match failed {
        Failed::Script(failure) => *failure,
        Failed::Thrown(thrown) => {
            let exception = js.exception(thrown);
            match before {
                Some(_) => ScriptFailure::new(FailureKind::Runtime, "", ""),
                None => failure::read(js, exception, origin),
            }
        }
    };
    before.or_else(|| stopped(js)).unwrap_or_else(|| state::with(js, |state| state.outcome(End::Failed(failure))))
}
