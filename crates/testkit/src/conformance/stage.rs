//! VMs of the engine under test, and what must hold at every step of every row.

use std::sync::Arc;
use std::thread;

use isolet_core_traits::{
    CompileFailure, End, Engine, EngineError, Environment, HostCall, Interrupt, Invocation, JsonText, LogLine, Outcome,
    Output, Purpose, Resume, RunLimits, ScriptFailure, Seed, Source, SourceKind, Step, Vm, VmConfig,
};
use serde::de::IgnoredAny;

use super::text;
use super::world::{SECRET, SETUP_NAME};

/// What a row finds, or why it fails.
pub(crate) type Checked<T> = Result<T, String>;

/// The name of all sources.
pub(super) const SOURCE_NAME: &str = "row.js";

/// The stack of a thread on which scripts get less than they could: the least that an engine must live with.
pub(super) const SMALL_THREAD_BYTES: usize = 512 << 10;

/// Does `work` on a thread of its own that is prepared for the engine. A panic there fails the row.
pub(crate) fn on_thread<E: Engine, T: Send>(
    engine: &E,
    stack_bytes: usize,
    work: impl FnOnce() -> Checked<T> + Send,
) -> Checked<T> {
    let attached = || {
        let thread = engine.attach_thread().map_err(|error| format!("failed to attach the thread: {error}"))?;
        let result = work();
        drop(thread);
        result
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(stack_bytes).spawn_scoped(scope, attached);
        let thread = thread.map_err(|error| format!("failed to start a thread: {error}"))?;
        thread.join().unwrap_or_else(|panic| Err(format!("the engine panicked: {}", text::panic(&*panic))))
    })
}

/// The stack that the engine asks for, and never less than the suite's own code needs.
pub(crate) fn thread_bytes<E: Engine>(engine: &E) -> usize {
    engine.capabilities().thread_stack_bytes.max(SMALL_THREAD_BYTES)
}

/// An engine in a world.
pub(super) struct Stage<'engine, E> {
    pub(super) engine: &'engine E,
    pub(super) environment: Arc<Environment>,
}

impl<E: Engine> Stage<'_, E> {
    pub(super) fn try_vm(&self, purpose: Purpose) -> Result<E::Vm, EngineError> {
        self.engine.create_vm(&VmConfig::new(purpose, self.environment.clone()))
    }

    pub(super) fn vm(&self, purpose: Purpose) -> Checked<E::Vm> {
        self.try_vm(purpose).map_err(|error| format!("failed to make a VM: {error}"))
    }

    /// Compiles on a VM of its own.
    pub(super) fn compile(
        &self,
        source: &Source,
        limits: &RunLimits,
        interrupt: &Arc<Interrupt>,
    ) -> Checked<Result<E::Program, CompileFailure>> {
        compile(&mut self.vm(Purpose::Compile)?, source, limits, interrupt)
    }
}

/// A source of the suite.
pub(crate) fn source(text: &str, kind: SourceKind) -> Source {
    Source::new(SOURCE_NAME, text, kind).expect("the name is valid")
}

/// What a program is started with.
pub(crate) fn invocation(input: &str, context: &str, random_seed: u64) -> Checked<Invocation> {
    let json = |text: &str| JsonText::parse(text).map_err(|error| format!("the row's {text}: {error}"));
    let source_name = source("", SourceKind::Auto).name().clone();
    Ok(Invocation {
        source_name,
        input: json(input)?,
        context: json(context)?,
        random_seed: Seed::Drawn(random_seed),
        now: None,
    })
}

/// Compiles to the end.
pub(crate) fn compile<V: Vm>(
    vm: &mut V,
    source: &Source,
    limits: &RunLimits,
    interrupt: &Arc<Interrupt>,
) -> Checked<Result<V::Program, CompileFailure>> {
    let result = vm.compile_to_end(source, limits, interrupt);
    if let Err(CompileFailure::Syntax(failure)) = &result {
        inspect_failure(failure)?;
    }
    Ok(result)
}

/// Goes on until the run wants something else than the thread.
pub(crate) fn go_on<V: Vm>(vm: &mut V, mut step: Step) -> Step {
    while matches!(step, Step::Preempted) {
        step = vm.resume(Resume::Go);
    }
    step
}

/// What must hold at every end of a run.
pub(crate) fn inspect_outcome(outcome: &Outcome, limits: &RunLimits) -> Checked<()> {
    match &outcome.end {
        End::Output(Output::Json(json)) => {
            let valid = serde_json::from_str::<IgnoredAny>(json);
            valid.map_err(|error| format!("the output is no JSON: {error}: {}", text::shortened(json)))?;
            ensure(json.len() <= limits.output_bytes, || format!("{} bytes of output are over the limit", json.len()))
        }
        End::Output(Output::Oversized { bytes, preview }) => {
            ensure(*bytes > limits.output_bytes as u64, || format!("{bytes} bytes are not over the limit"))?;
            ensure(preview.len() <= Output::PREVIEW_BYTES_MAX, || "the preview is too long".into())
        }
        End::Output(Output::Undefined) | End::Aborted { .. } | End::EngineFault => Ok(()),
        End::Failed(failure) => inspect_failure(failure),
        &End::OutOfMemory { asked, used, max, .. } => {
            // An allocation may fail a little before the sum says so: what is free need not be in one piece.
            let plausible = asked > 0 && used <= max.saturating_mul(2) && asked.saturating_add(used) >= max / 2;
            ensure(max == limits.memory_bytes, || format!("the limit is told as {max}"))?;
            ensure(plausible, || format!("asked for {asked} with {used} of {max} in use"))
        }
    }
}

fn inspect_failure(failure: &ScriptFailure) -> Checked<()> {
    let ScriptFailure { name, message, stack, place, hint, .. } = failure;
    ensure(!name.is_empty(), || "the failure has no name".into())?;
    ensure(message.len() <= ScriptFailure::MESSAGE_BYTES_MAX + '…'.len_utf8(), || "the message is too long".into())?;
    ensure(stack.len() <= ScriptFailure::FRAMES_MAX, || format!("{} frames", stack.len()))?;
    for text in [name, message].into_iter().chain(hint) {
        ensure(!text.contains(SECRET), || format!("the text of a host's panic leaks: {text}"))?;
    }
    for frame in stack {
        ensure(frame.file == SOURCE_NAME, || format!("a frame is in {:?}", frame.file))?;
        ensure(frame.line > 0 && frame.column > 0, || format!("a frame is at {}:{}", frame.line, frame.column))?;
        ensure(!frame.function.as_ref().is_some_and(|name| name.is_empty()), || "a function's name is empty".into())?;
    }
    ensure(place.is_none_or(|place| place.line > 0 && place.column > 0), || format!("the place is {place:?}"))?;
    ensure(!format!("{failure:?}").contains(SETUP_NAME), || "a setup script shows in the failure".into())
}

/// What must hold for every host call. `previous` is the number of the call before.
pub(crate) fn inspect_call(call: &HostCall, previous: Option<u32>, limits: &RunLimits) -> Checked<()> {
    let HostCall { id, payload, .. } = call;
    ensure(previous.is_none_or(|previous| id.0 > previous), || format!("call {} after {previous:?}", id.0))?;
    let array = serde_json::from_str::<Vec<IgnoredAny>>(&payload.json);
    array.map_err(|error| format!("the arguments are no JSON array: {error}: {}", text::shortened(&payload.json)))?;
    ensure(payload.bytes() <= limits.host_payload_bytes, || format!("{} bytes are over the limit", payload.bytes()))
}

/// What must hold for the console lines of a run.
pub(crate) fn inspect_logs(lines: &[LogLine], limits: &RunLimits) -> Checked<()> {
    let bytes: usize = lines.iter().map(|line| line.message.len()).sum();
    ensure(lines.len() <= limits.log_lines, || format!("{} lines are over the limit", lines.len()))?;
    ensure(bytes <= limits.log_bytes, || format!("{bytes} bytes of lines are over the limit"))?;
    ensure(lines.is_sorted_by_key(|line| line.at_ms), || "the lines are not in order".into())?;
    ensure(!lines.iter().any(|line| line.message.contains(SECRET)), || "the text of a host's panic is logged".into())
}

pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked<()> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
