//! Rows written in JavaScript: a script and how it must end.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    Abort, CompileFailure, End, Engine, FailureKind, HostCall, Interrupt, KilledIn, LogLine, MonotonicClock, Outcome,
    Output, Place, Purpose, Reset, Resume, RunLimits, ScriptFailure, SourceKind, Step, Vm,
};

use super::stage::{self, Checked, SMALL_THREAD_BYTES, Stage, ensure, go_on, on_thread};
use super::{Need, text, trace, world};

/// A row. `⟦` and `⟧` in the source mark where a failure must be placed, and are taken out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    pub(super) name: &'static str,
    source: Text,
    kind: SourceKind,
    expect: Expect,
    input: &'static str,
    context: &'static str,
    eval: bool,
    limits: fn(&mut RunLimits),
    pub(super) needs: &'static [Need],
    logs: Option<&'static [&'static str]>,
    warnings: Option<&'static [&'static str]>,
    on_small_thread: bool,
}

/// A source's text.
#[derive(Debug, Clone, Copy)]
enum Text {
    Plain(&'static str),
    /// The unit so many times, between the others.
    Repeated {
        before: &'static str,
        unit: &'static str,
        times: usize,
        after: &'static str,
    },
}

/// How a row must end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expect {
    Json(&'static str),
    Undefined,
    /// An output over the limit, of so many bytes.
    Oversized(u64),
    Fails(Failure),
    /// It does not compile.
    Syntax,
    /// It does not compile, or fails at once: the contract leaves open when.
    Refused,
    Aborts(Abort, Option<KilledIn>),
    CompileAborts,
    OutOfMemory,
    OutOfMemoryWritingOutput,
    CompileOutOfMemory,
    Stalls,
    /// An output or a failure, whatever it is.
    Ends,
    AnyOf(&'static [Expect]),
}

/// What is known of a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    kinds: &'static [FailureKind],
    /// Empty: any.
    name: &'static str,
    contains: &'static [&'static str],
    has_hint: bool,
    /// The functions of the first frames; `""` for none. Later frames are free.
    functions: &'static [&'static str],
    retryable: Option<bool>,
}

pub(super) const fn fails(kinds: &'static [FailureKind], name: &'static str) -> Failure {
    Failure { kinds, name, contains: &[], has_hint: false, functions: &[], retryable: None }
}

/// An uncaught exception of this name, with these texts in its message.
pub(super) const fn throws(name: &'static str, contains: &'static [&'static str]) -> Expect {
    Expect::Fails(fails(&[FailureKind::Runtime], name).contains(contains))
}

/// An output that cannot be JSON, with these texts in the message.
pub(super) const fn no_json(contains: &'static [&'static str]) -> Expect {
    Expect::Fails(fails(&[FailureKind::Output], "").contains(contains))
}

impl Failure {
    pub(super) const fn contains(self, contains: &'static [&'static str]) -> Self {
        Self { contains, ..self }
    }

    pub(super) const fn with_hint(self) -> Self {
        Self { has_hint: true, ..self }
    }

    pub(super) const fn functions(self, functions: &'static [&'static str]) -> Self {
        Self { functions, ..self }
    }

    pub(super) const fn retryable(self, retryable: bool) -> Self {
        Self { retryable: Some(retryable), ..self }
    }
}

/// A classic script and how it ends.
pub(super) const fn js(name: &'static str, source: &'static str, expect: Expect) -> Script {
    Script {
        name,
        source: Text::Plain(source),
        kind: SourceKind::Script,
        expect,
        input: r#"{"n":1,"list":[1,2]}"#,
        context: r#"{"tenant":"acme","user":{"id":7,"roles":["a"]}}"#,
        eval: false,
        limits: |_| (),
        needs: &[],
        logs: None,
        warnings: None,
        on_small_thread: false,
    }
}

impl Script {
    pub(super) const fn kind(self, kind: SourceKind) -> Self {
        Self { kind, ..self }
    }

    pub(super) const fn module(self) -> Self {
        self.kind(SourceKind::Module)
    }

    pub(super) const fn body(self) -> Self {
        self.kind(SourceKind::Body)
    }

    pub(super) const fn input(self, input: &'static str) -> Self {
        Self { input, ..self }
    }

    pub(super) const fn with_eval(self) -> Self {
        Self { eval: true, ..self }
    }

    pub(super) const fn limits(self, limits: fn(&mut RunLimits)) -> Self {
        Self { limits, ..self }
    }

    pub(super) const fn needs(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn logs(self, logs: &'static [&'static str]) -> Self {
        Self { logs: Some(logs), ..self }
    }

    pub(super) const fn warns(self, warnings: &'static [&'static str]) -> Self {
        Self { warnings: Some(warnings), ..self }
    }

    pub(super) const fn on_small_thread(self) -> Self {
        Self { on_small_thread: true, ..self }
    }

    /// The source so many times, between these.
    pub(super) const fn repeated(self, before: &'static str, times: usize, after: &'static str) -> Self {
        let Text::Plain(unit) = self.source else { return self };
        Self { source: Text::Repeated { before, unit, times, after }, ..self }
    }

    /// A row's short time is its run's, unless it is about compiling: how fast the machine is decides nothing.
    fn limits_of_compiling(&self, limits: &RunLimits) -> RunLimits {
        let compiling_is_aborted = match self.expect {
            Expect::AnyOf(all) => all.iter().any(|one| matches!(one, Expect::CompileAborts)),
            one => matches!(one, Expect::CompileAborts),
        };
        let wall_time = if compiling_is_aborted { limits.wall_time } else { WALL_TIME };
        RunLimits { wall_time, ..limits.clone() }
    }

    fn text(&self) -> Cow<'static, str> {
        match self.source {
            Text::Plain(text) => text.into(),
            Text::Repeated { before, unit, times, after } => format!("{before}{}{after}", unit.repeat(times)).into(),
        }
    }
}

/// Where a failure must be: from the first to the last place.
type Range = (Place, Place);

/// Takes the marks out of a source.
fn unmark(text: &str) -> (Cow<'_, str>, Option<Range>) {
    let Some((before, rest)) = text.split_once('⟦') else { return (text.into(), None) };
    let (inside, after) = rest.split_once('⟧').unwrap_or((rest, ""));
    let place = |before: &str| {
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Place { line: line as u32, column: column as u32 }
    };
    let last = inside.char_indices().next_back().map_or(0, |(at, _)| at);
    let range = (place(before), place(&format!("{before}{}", &inside[..last])));
    (format!("{before}{inside}{after}").into(), Some(range))
}

/// How a row ended.
enum Ended {
    NotCompiled(CompileFailure),
    Stalled,
    Done { outcome: Outcome, logs: Vec<LogLine> },
}

/// The wall time of rows that end by themselves, generous for slow machines.
const WALL_TIME: Duration = Duration::from_secs(60);

/// Runs the row; and once more on the same VM if the engine uses VMs again.
pub(super) fn check<E: Engine>(engine: &E, row: &Script) -> Checked<()> {
    let mut limits = trace::limits(|_| ());
    limits.wall_time = WALL_TIME;
    (row.limits)(&mut limits);
    let bytes = if row.on_small_thread { SMALL_THREAD_BYTES } else { stage::thread_bytes(engine) };
    on_thread(engine, bytes, || {
        let stage = Stage { engine, environment: world::environment(row.eval) };
        let mut vm = stage.vm(Purpose::Run)?;
        let (ended, place) = run(&stage, &mut vm, row, &limits)?;
        compare(&ended, row, place)?;
        if engine.capabilities().reuse && !matches!(ended, Ended::NotCompiled(_)) {
            ensure(vm.reset() == Reset::Pristine, || "the VM cannot be used again".into())?;
            let (ended, place) = run(&stage, &mut vm, row, &limits)?;
            compare(&ended, row, place).map_err(|message| format!("on the same VM again: {message}"))?;
        }
        Ok(())
    })
}

fn run<E: Engine>(
    stage: &Stage<'_, E>,
    vm: &mut E::Vm,
    row: &Script,
    limits: &RunLimits,
) -> Checked<(Ended, Option<Range>)> {
    let text = row.text();
    let (text, place) = unmark(&text);
    let compiling = row.limits_of_compiling(limits);
    let program = match stage.compile(&stage::source(&text, row.kind), &compiling, &started(&compiling))? {
        Ok(program) => program,
        Err(failure) => return Ok((Ended::NotCompiled(failure), place)),
    };
    let invocation = stage::invocation(row.input, row.context, 1)?;
    let step = vm.start(&program, invocation, limits.clone(), started(limits));
    drive(vm, step, limits).map(|ended| (ended, place))
}

fn started(limits: &RunLimits) -> Arc<Interrupt> {
    let interrupt = Interrupt::new(Arc::new(MonotonicClock::new()));
    interrupt.start(limits.wall_time);
    Arc::new(interrupt)
}

/// Answers calls until the run is over or stalls.
fn drive<V: Vm>(vm: &mut V, mut step: Step, limits: &RunLimits) -> Checked<Ended> {
    let (mut open, mut last_call) = (Vec::<HostCall>::new(), None);
    loop {
        step = match go_on(vm, step) {
            Step::Done(outcome) => {
                stage::inspect_outcome(&outcome, limits)?;
                let logs = vm.take_logs();
                stage::inspect_logs(&logs, limits)?;
                return Ok(Ended::Done { outcome, logs });
            }
            Step::Stalled => return Ok(Ended::Stalled),
            Step::HostCalls { calls, cancelled } => {
                for call in &calls {
                    stage::inspect_call(call, last_call, limits)?;
                    last_call = Some(call.id.0);
                }
                open.extend(calls);
                open.retain(|call| !cancelled.contains(&call.id));
                ensure(!open.is_empty(), || "the run waits for replies, but no call is outstanding".into())?;
                let replies: Vec<_> = open.iter().filter_map(world::answer).collect();
                open.retain(|call| replies.iter().all(|reply| reply.call != call.id));
                if replies.is_empty() {
                    Step::Done(vm.abort(Abort::Deadline))
                } else {
                    vm.resume(Resume::Replies(replies))
                }
            }
            Step::Preempted => Step::Preempted,
        };
    }
}

fn compare(ended: &Ended, row: &Script, place: Option<Range>) -> Checked<()> {
    matches(ended, &row.expect).map_err(|message| {
        let got = match ended {
            Ended::NotCompiled(failure) => text::compiled::<()>(&Err(failure.clone())),
            Ended::Stalled => "stalled".into(),
            Ended::Done { outcome, .. } => format!("{} ({:?})", text::end(&outcome.end), outcome.end),
        };
        format!("{message}, got {}", text::shortened(&got))
    })?;
    if let (Some((first, last)), Some(failure)) = (place, failure(ended)) {
        let key = |place: Place| (place.line, place.column);
        let is_inside = failure
            .place
            .is_some_and(|place| (key(first)..=key(last)).contains(&key(place)) && place.line == first.line);
        ensure(is_inside, || format!("expected a place from {first:?} to {last:?}, got {:?}", failure.place))?;
    }
    let Ended::Done { outcome, logs } = ended else { return Ok(()) };
    if let Some(expected) = row.logs {
        let logs: Vec<_> = logs.iter().map(|line| format!("{}:{}", line.level.as_str(), line.message)).collect();
        ensure(logs == expected, || format!("expected the lines {expected:?}, got {logs:?}"))?;
    }
    if let Some(expected) = row.warnings {
        let warnings: Vec<_> = outcome.warnings.iter().map(|warning| warning.code.as_str()).collect();
        ensure(warnings == expected, || format!("expected the warnings {expected:?}, got {warnings:?}"))?;
    }
    Ok(())
}

fn failure(ended: &Ended) -> Option<&ScriptFailure> {
    match ended {
        Ended::NotCompiled(CompileFailure::Syntax(failure)) => Some(failure),
        Ended::Done { outcome: Outcome { end: End::Failed(failure), .. }, .. } => Some(failure),
        _ => None,
    }
}

fn matches(ended: &Ended, expect: &Expect) -> Checked<()> {
    let end = match ended {
        Ended::Done { outcome, .. } => Some(&outcome.end),
        _ => None,
    };
    let holds = match (expect, ended, end) {
        (Expect::AnyOf(expects), ..) => expects.iter().any(|expect| matches(ended, expect).is_ok()),
        (Expect::Fails(expected), _, Some(End::Failed(failure))) => return failure_matches(failure, expected),
        (Expect::Json(expected), _, Some(End::Output(Output::Json(json)))) => **json == **expected,
        (Expect::Oversized(expected), _, Some(End::Output(Output::Oversized { bytes, .. }))) => bytes == expected,
        (Expect::Aborts(expected, place), _, Some(End::Aborted { why, place: got })) => {
            why == expected && place.is_none_or(|place| place == *got)
        }
        (Expect::OutOfMemory, _, Some(End::OutOfMemory { writing_output, .. })) => !writing_output,
        (Expect::OutOfMemoryWritingOutput, _, Some(End::OutOfMemory { writing_output, .. })) => *writing_output,
        (Expect::Undefined, _, Some(End::Output(Output::Undefined)))
        | (Expect::Ends, _, Some(End::Output(_) | End::Failed(_)))
        | (Expect::Refused, _, Some(End::Failed(_)))
        | (Expect::Syntax | Expect::Refused, Ended::NotCompiled(CompileFailure::Syntax(_)), _)
        | (Expect::CompileAborts, Ended::NotCompiled(CompileFailure::Aborted(Abort::Deadline)), _)
        | (Expect::CompileOutOfMemory, Ended::NotCompiled(CompileFailure::OutOfMemory { .. }), _)
        | (Expect::Stalls, Ended::Stalled, _) => true,
        _ => false,
    };
    ensure(holds, || format!("expected {expect:?}"))
}

fn failure_matches(failure: &ScriptFailure, expected: &Failure) -> Checked<()> {
    let ScriptFailure { kind, name, message, stack, hint, retryable, .. } = failure;
    let Failure { kinds, name: wanted, contains, has_hint, functions, retryable: may_retry } = *expected;
    ensure(kinds.contains(kind), || format!("expected a failure of {kinds:?}"))?;
    ensure(wanted.is_empty() || name == wanted, || format!("expected the name {wanted:?}"))?;
    ensure(contains.iter().all(|part| message.contains(part)), || format!("expected {contains:?} in the message"))?;
    ensure(!has_hint || hint.is_some(), || "expected a hint".into())?;
    ensure(may_retry.is_none_or(|may| may == *retryable), || format!("expected retryable to be {may_retry:?}"))?;
    let names: Vec<_> = stack.iter().map(|frame| frame.function.as_deref().unwrap_or_default()).collect();
    ensure(names.starts_with(functions), || format!("expected the functions {functions:?}, got {names:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_give_the_places_between_them() {
        let place = |line, column| Place { line, column };
        for (marked, text, range) in [
            ("1 + 1", "1 + 1", None),
            ("a ⟦)⟧ b", "a ) b", Some((place(1, 3), place(1, 3)))),
            ("x\nä😀⟦bcd⟧", "x\nä😀bcd", Some((place(2, 3), place(2, 5)))),
            ("x\n⟦⟧", "x\n", Some((place(2, 1), place(2, 1)))),
        ] {
            assert_eq!(unmark(marked), (text.into(), range), "{marked}");
        }
    }
}
