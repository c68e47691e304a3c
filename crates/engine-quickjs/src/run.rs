//! A run on an entered realm: from a loaded program to where it pauses.
//!
//! ```text
//! begin ─▶ Evaluating ──settled──▶ value ─▶ Settling ──settled──▶ output ─▶ Ended
//!            script: {value}         │ module: default export, called if it is a function
//!            module: namespace       │ function: called
//!            pump: jobs until the promise at hand settles, or calls or nothing are left
//! ```
//!
//! All of this may be left at any call into the engine: it holds plain data only (F1).

use crate::ending::Ending;
use isolet_core_traits::{LazyScript, RunTime};

use crate::failure;
use crate::js::{HIDDEN, Job, Js, ModuleDefinition, PLAIN, Result, Settled, Terminated, Thrown, Value};
use crate::lazy;
use crate::output;
use crate::program::{Form, QuickJsProgram};
use crate::state;

/// Where a run is between two steps.
pub(crate) struct Progress {
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

/// Why running stopped for now, or for good.
pub(crate) enum Pause {
    /// Nothing is left to run until a host call is answered, if there is one.
    Waiting(Progress),
    Ended(Ending),
}

/// The globals of a run, as text for the engine.
pub(crate) struct Globals {
    pub(crate) input: Terminated,
    pub(crate) context: Terminated,
}

/// Why a stage has no value.
enum Failed {
    Thrown,
    Known(Ending),
}

impl From<Thrown> for Failed {
    fn from(Thrown: Thrown) -> Self {
        Self::Thrown
    }
}

/// Loads a program, but runs nothing of it.
pub(crate) fn load(js: Js, program: &QuickJsProgram) -> std::result::Result<Value, Ending> {
    let load = || {
        // SAFETY: B1: programs hold nothing but bytecode of this engine.
        let compiled = unsafe { js.read_bytecode(program.bytecode()) }?;
        if program.form() == Form::Module {
            js.resolve_module(&compiled)?;
        }
        Ok(compiled)
    };
    load().map_err(|Thrown| thrown(js))
}

/// Starts a loaded program.
pub(crate) fn begin(js: Js, form: Form, compiled: Value, globals: &Globals) -> Pause {
    if is_stopped(js) {
        return Pause::Ended(Ending::Stopped);
    }
    match started(js, form, compiled, globals) {
        Ok(progress) => {
            js.mark_handled(&progress.promise);
            pump(js, progress)
        }
        Err(failed) => Pause::Ended(failed.ending(js)),
    }
}

fn started(js: Js, form: Form, compiled: Value, globals: &Globals) -> std::result::Result<Progress, Failed> {
    fix_time(js)?;
    let (input, context) = define(js, globals)?;
    let (stage, promise) = match form {
        Form::Script => (Stage::Script, js.evaluate(compiled)?),
        Form::Synchronous => {
            let value = js.evaluate(compiled)?;
            (Stage::Settling, settling(js, value)?)
        }
        Form::Module => {
            let definition = js.module_definition(&compiled).ok_or(Failed::Known(Ending::NotAModule))?;
            (Stage::Module(definition), js.evaluate(compiled)?)
        }
        Form::Function => {
            let function = js.evaluate(compiled)?;
            let returned = js.call(&function, &Value::UNDEFINED, [&input, &context])?;
            (Stage::Settling, settling(js, returned)?)
        }
    };
    [input, context].into_iter().for_each(|value| js.free(value));
    Ok(Progress { stage, promise })
}

/// Puts the run's time in the place of the engine's clocks, if it is not the real one.
fn fix_time(js: Js) -> Result<()> {
    match state::with(js, |state| state.run.time == RunTime::Real) {
        true => Ok(()),
        false => lazy::evaluate_named(js, LazyScript::FIXED_TIME),
    }
}

/// Makes room for `input` and `context`, so that defining them does not move all globals in each run.
pub(crate) fn declare(js: Js) -> Result<()> {
    let global = js.global();
    js.define(&global, "input", Value::UNDEFINED, PLAIN)?;
    js.define(&global, "context", Value::UNDEFINED, HIDDEN)?;
    js.free(global);
    Ok(())
}

/// Defines `input` and `context`, the latter deeply frozen.
fn define(js: Js, globals: &Globals) -> Result<(Value, Value)> {
    let global = js.global();
    let input = js.parse_json(&globals.input)?;
    let context = js.parse_json(&globals.context)?;
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
    let keys = js.own_keys(value)?;
    for at in 0..keys.count() {
        let key = js.key(&keys, at)?;
        let inner = js.get_key(value, &key)?;
        freeze_deeply(js, &inner)?;
        js.free(inner);
        js.free(key);
    }
    js.free_keys(keys);
    js.freeze(value)
}

/// A promise that settles as `value` does: promises and thenables are awaited.
fn settling(js: Js, value: Value) -> Result {
    let [promise, resolve, reject] = js.promise()?;
    let result = js.call(&resolve, &Value::UNDEFINED, [&value]);
    [value, resolve, reject].into_iter().for_each(|value| js.free(value));
    js.free(result?);
    Ok(promise)
}

/// Runs jobs until the run is over or waits.
pub(crate) fn pump(js: Js, mut progress: Progress) -> Pause {
    loop {
        if is_stopped(js) {
            return Pause::Ended(Ending::Stopped);
        }
        match js.settled(&progress.promise) {
            Settled::Fulfilled => match progress.advance(js) {
                Ok(None) => {}
                Ok(Some(output)) => return Pause::Ended(finish(js, &output)),
                Err(failed) => return Pause::Ended(failed.ending(js)),
            },
            Settled::Rejected => {
                let reason = js.settled_with(&progress.promise);
                return Pause::Ended(rejected(js, reason));
            }
            Settled::Pending => match js.run_job() {
                Job::Ran => {}
                // Jobs report failures to promises; what is left is the end of the run, seen above.
                Job::Threw => js.swallow(Thrown),
                Job::NoneLeft => match turn(js) {
                    Ok(true) => {}
                    Ok(false) => return waiting(js, progress),
                    Err(thrown) => js.swallow(thrown), // As jobs do.
                },
            },
        }
    }
}

/// Asks setup scripts, by `own.turn`, for what is due once no job is left. `false` if there is nothing.
fn turn(js: Js) -> Result<bool> {
    let own = state::constant(js, |constants| &constants.shared.own);
    let function = js.get(&own, c"turn")?;
    js.free(own);
    if function.is_undefined() {
        return Ok(false);
    }
    let answer = js.call(&function, &Value::UNDEFINED, []);
    js.free(function);
    Ok(answer?.as_bool().unwrap_or_default())
}

/// Where nothing can settle the output any more, a failure that nobody looked after is the likely reason.
fn waiting(js: Js, progress: Progress) -> Pause {
    let is_stalled = state::with(js, |state| state.run.pending.is_empty());
    match is_stalled.then(|| unhandled_rejection(js)).flatten() {
        Some(reason) => Pause::Ended(rejected(js, reason)),
        None => Pause::Waiting(progress),
    }
}

impl Progress {
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
}

fn default_export(js: Js, definition: ModuleDefinition) -> std::result::Result<Value, Failed> {
    let namespace = js.module_namespace(definition)?;
    if !js.has(&namespace, c"default")? {
        return Err(Failed::Known(Ending::NoDefaultExport));
    }
    let value = js.get(&namespace, c"default")?;
    js.free(namespace);
    if !js.is_function(&value) {
        return Ok(value);
    }
    let global = js.global();
    let (input, context) = (js.get(&global, c"input")?, js.get(&global, c"context")?);
    let returned = js.call(&value, &Value::UNDEFINED, [&input, &context]);
    [value, global, input, context].into_iter().for_each(|value| js.free(value));
    Ok(returned?)
}

fn finish(js: Js, value: &Value) -> Ending {
    match unhandled_rejection(js) {
        Some(reason) => rejected(js, reason),
        None => output::write(js, value),
    }
}

/// The reason of a rejection that nobody looks after.
fn unhandled_rejection(js: Js) -> Option<Value> {
    let rejection = state::with(js, |state| {
        let rejections = &mut state.run.rejections;
        let (first, _) = rejections.iter().min_by_key(|(_, rejection)| rejection.number)?;
        let first = *first;
        rejections.remove(&first)
    })?;
    let reason = js.settled_with(&rejection.promise);
    js.free(rejection.promise);
    Some(reason)
}

/// Whether the run must end.
pub(crate) fn is_stopped(js: Js) -> bool {
    state::with(js, |state| state.stopped()).is_some()
}

impl Failed {
    fn ending(self, js: Js) -> Ending {
        match self {
            Self::Thrown => thrown(js),
            Self::Known(ending) => ending,
        }
    }
}

/// The end by the exception that is pending.
pub(crate) fn thrown(js: Js) -> Ending {
    let exception = js.exception(Thrown);
    rejected(js, exception)
}

/// What stopped the run comes before the exception that it made.
pub(crate) fn rejected(js: Js, reason: Value) -> Ending {
    if is_stopped(js) { Ending::Stopped } else { Ending::Thrown(failure::take(js, &reason)) }
}
