//! One run of the fake engine: goes through statements until it must wait or is over.

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;

use isolet_core_traits::{
    CallId, End, FailureKind, Frame, HostCall, HostFailure, HostFailureKind, HostInterface, HostReply, Invocation,
    KilledIn, LogBuffer, OperationId, Outcome, Output, Payload, Place, RunLimits, ScriptFailure, Warning,
};

use super::language::{Callee, Expression, Script, Statement, Wanted, failure_kind};
use super::work::{Halt, Work};
use super::{FakeProgram, Shared};

/// What a VM of the fake engine occupies before any script.
const VM_BYTES: u64 = 100_000;

/// A run between its steps.
#[derive(Debug)]
pub(crate) struct Run {
    script: Arc<Script>,
    /// The next statement.
    at: usize,
    /// The call that the statement `at` has already made.
    made: Option<usize>,
    work: Work,
    invocation: Invocation,
    limits: RunLimits,
    host: HostInterface,
    calls: Vec<Call>,
    calls_reported: u32,
    replies_seen: usize,
    cancelled: Vec<CallId>,
    reply: Arc<str>,
    warnings: Vec<Warning>,
}

/// What lies in the VM and is seen by its runs.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) remembered: Option<Arc<str>>,
    pub(crate) logs: LogBuffer,
}

/// A host call of the run.
#[derive(Debug)]
struct Call {
    /// Calls that a limit rejects at once have no number: nobody outside hears of them.
    id: Option<CallId>,
    operation: OperationId,
    payload: Payload,
    state: CallState,
    /// Whether the script has taken note of the reply, or never will.
    taken: bool,
    catches: bool,
}

#[derive(Debug)]
enum CallState {
    New,
    Outstanding,
    Cancelled,
    /// The reply, and how many came before it.
    Replied(Result<Arc<str>, HostFailure>, usize),
}

/// Where a step leaves the run.
#[derive(Debug)]
pub(crate) enum Pause {
    Calls { calls: Vec<HostCall>, cancelled: Vec<CallId> },
    Preempted,
    Stalled,
    End(End),
}

impl From<Halt> for Pause {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Preempted => Self::Preempted,
            Halt::Aborted { why, place } => Self::End(End::Aborted { why, place }),
            Halt::OutOfMemory { asked, used, max } => {
                Self::End(End::OutOfMemory { asked, used, max, writing_output: false })
            }
            Halt::Fault => Self::End(End::EngineFault),
        }
    }
}

impl Run {
    pub(crate) fn new(
        program: &FakeProgram,
        invocation: Invocation,
        limits: RunLimits,
        work: Work,
        host: HostInterface,
    ) -> Self {
        Self {
            script: program.script.clone(),
            at: 0,
            made: None,
            work,
            invocation,
            limits,
            host,
            calls: Vec::new(),
            calls_reported: 0,
            replies_seen: 0,
            cancelled: Vec::new(),
            reply: "null".into(),
            warnings: Vec::new(),
        }
    }

    /// Goes on until the run must wait or is over.
    pub(crate) fn step(&mut self, world: &mut World, shared: &Shared) -> Pause {
        let script = self.script.clone();
        loop {
            if let Err(halt) = self.work.poll(KilledIn::Script) {
                return halt.into();
            }
            let Some(line) = script.run.get(self.at) else { return Pause::End(End::Output(Output::Undefined)) };
            if let Err(halt) = self.work.execute(&line.statement, shared) {
                return halt.into();
            }
            if let Break(pause) = self.execute(&line.statement, line.place, world) {
                return pause;
            }
            self.at += 1;
            self.made = None;
            self.work.next_statement();
        }
    }

    /// Takes note of replies; those to calls that are not outstanding are ignored.
    pub(crate) fn take_replies(&mut self, replies: Vec<HostReply>) {
        for reply in replies {
            let awaited =
                |call: &&mut Call| call.id == Some(reply.call) && matches!(call.state, CallState::Outstanding);
            if let Some(call) = self.calls.iter_mut().find(awaited) {
                call.state = CallState::Replied(reply.result.map(|payload| payload.json.into()), self.replies_seen);
                self.replies_seen += 1;
            }
        }
    }

    /// The run's end with what it used.
    pub(crate) fn outcome(&self, end: End, world: &World) -> Outcome {
        let mut warnings = self.warnings.clone();
        let left = self.calls.iter().filter(|call| call.is_open()).count();
        if left > 0 && matches!(end, End::Output(_)) {
            let message = format!("{left} host calls were cancelled because the script did not await them");
            warnings.push(Warning { code: "calls_not_awaited".into(), message });
        }
        let memory_peak_bytes = VM_BYTES + self.work.memory_peak_bytes();
        Outcome { end, memory_peak_bytes, logs_truncated: world.logs.truncated(), warnings }
    }

    fn execute(&mut self, statement: &Statement, place: Place, world: &mut World) -> ControlFlow<Pause> {
        match statement {
            Statement::Output(expression) => Break(Pause::End(self.output(expression, place, world))),
            Statement::Big(bytes) => Break(Pause::End(self.big_output(*bytes))),
            Statement::Log(level, message) => {
                world.logs.push(*level, message.clone(), self.work.elapsed_ms());
                Continue(())
            }
            Statement::Warn { code, message } => {
                self.warnings.push(Warning { code: code.clone(), message: message.clone() });
                Continue(())
            }
            Statement::Throw { kind, name, message } => self.fail(*kind, name, message, place),
            Statement::Call(callee) => self.call(callee, false, place),
            Statement::TryCall(callee) => self.call(callee, true, place),
            Statement::Spawn(callee) => match self.make(callee, false, place) {
                Continue(_) => Continue(()),
                Break(pause) => Break(pause),
            },
            Statement::Await(wanted) => self.wait_for(*wanted, place),
            Statement::Cancel(number) => {
                self.cancel(CallId(*number));
                Continue(())
            }
            Statement::Stall => Break(self.pause()),
            Statement::Remember(value) => {
                world.remembered = Some(value.clone());
                Continue(())
            }
            // `Work` has done these.
            Statement::Spin { .. }
            | Statement::Preempt(_)
            | Statement::Alloc(_)
            | Statement::Free
            | Statement::Panic
            | Statement::Fault => Continue(()),
        }
    }

    fn output(&self, expression: &Expression, place: Place, world: &World) -> End {
        let json: Arc<str> = match expression {
            Expression::Undefined => return End::Output(Output::Undefined),
            Expression::Function => {
                let hint = "call the function, or output what it returns".to_owned();
                let failure = self.failure(FailureKind::Output, "TypeError", "the output is a function", place);
                return End::Failed(ScriptFailure { hint: Some(hint), ..failure });
            }
            Expression::Json(json) => json.clone(),
            Expression::Input => self.invocation.input.as_str().into(),
            Expression::Context => self.invocation.context.as_str().into(),
            Expression::Reply => self.reply.clone(),
            Expression::Replies => self.replies().into(),
            Expression::Random => random(self.invocation.random_seed.value()).into(),
            Expression::Remembered => world.remembered.clone().unwrap_or_else(|| "null".into()),
        };
        End::Output(Output::limited(&json, self.limits.output_bytes))
    }

    fn big_output(&mut self, bytes: u64) -> End {
        match self.work.allocate(bytes) {
            Err(Halt::OutOfMemory { asked, used, max }) => End::OutOfMemory { asked, used, max, writing_output: true },
            _ => {
                let characters = usize::try_from(bytes.saturating_sub(2)).unwrap_or(usize::MAX);
                End::Output(Output::limited(&format!("\"{}\"", "x".repeat(characters)), self.limits.output_bytes))
            }
        }
    }

    /// Replies in the order of their calls; a failure that was caught is an object.
    fn replies(&self) -> String {
        let replies = self.calls.iter().filter_map(|call| match &call.state {
            CallState::Replied(Ok(json), _) => Some(json.clone()),
            CallState::Replied(Err(failure), _) if call.catches => Some(failure_json(failure)),
            _ => None,
        });
        format!("[{}]", replies.collect::<Vec<_>>().join(","))
    }

    fn call(&mut self, callee: &Callee, catches: bool, place: Place) -> ControlFlow<Pause> {
        let made = match self.made {
            Some(made) => made,
            None => self.make(callee, catches, place)?,
        };
        self.made = Some(made);
        self.take(made, place)
    }

    /// Makes a call, or one that is rejected because it is over a limit.
    fn make(&mut self, callee: &Callee, catches: bool, place: Place) -> ControlFlow<Pause, usize> {
        let Callee { namespace, operation, arguments } = callee;
        let mut namespaces = self.host.namespaces().iter();
        let Some(at) = namespaces.position(|known| known.exposed && known.name == *namespace) else {
            self.fail(FailureKind::Runtime, "ReferenceError", &format!("{namespace} is not defined"), place)?;
            return Continue(0);
        };
        let operations = &self.host.namespaces()[at].operations;
        let Some(operation_at) = operations.iter().position(|known| known.name == *operation) else {
            let message = format!("{namespace}.{operation} is not a function");
            self.fail(FailureKind::Runtime, "TypeError", &message, place)?;
            return Continue(0);
        };
        let crossing = arguments.len().min(usize::from(operations[operation_at].arguments_max));
        let payload = Payload { json: format!("[{}]", arguments[..crossing].join(",")), buffers: Vec::new() };
        // An interface has at most 65,536 of each.
        let operation = OperationId { namespace: at as u16, operation: operation_at as u16 };
        let (id, state) = match self.over_limit(&payload) {
            Some(message) => {
                let failure = HostFailure::new(HostFailureKind::BadArguments, "RangeError", message);
                self.replies_seen += 1;
                (None, CallState::Replied(Err(failure), self.replies_seen - 1))
            }
            None => {
                self.calls_reported += 1;
                (Some(CallId(self.calls_reported - 1)), CallState::New)
            }
        };
        self.calls.push(Call { id, operation, payload, state, taken: false, catches });
        Continue(self.calls.len() - 1)
    }

    fn over_limit(&self, payload: &Payload) -> Option<String> {
        let (bytes, bytes_max) = (payload.bytes(), self.limits.host_payload_bytes);
        let (calls, calls_max) =
            (self.calls.iter().filter(|call| call.is_open()).count(), self.limits.host_calls_pending);
        if bytes > bytes_max {
            return Some(format!("the call's arguments have {bytes} bytes, at most {bytes_max} are allowed"));
        }
        (calls >= calls_max).then(|| format!("{calls} host calls are pending, at most {calls_max} are allowed"))
    }

    fn wait_for(&mut self, wanted: Wanted, place: Place) -> ControlFlow<Pause> {
        match wanted {
            Wanted::Next => match self.calls.iter().position(|call| !call.taken) {
                Some(call) => self.take(call, place),
                None => Continue(()),
            },
            Wanted::Any => match self.first_replied() {
                Some(call) => self.take(call, place),
                None => Break(self.pause()),
            },
            Wanted::All => {
                while let Some(call) = self.first_replied() {
                    self.take(call, place)?;
                }
                if self.calls.iter().any(Call::is_open) { Break(self.pause()) } else { Continue(()) }
            }
        }
    }

    /// The call whose reply came first, of those that the script has not taken note of.
    fn first_replied(&self) -> Option<usize> {
        let replied = self.calls.iter().enumerate().filter(|(_, call)| !call.taken);
        let replied = replied.filter_map(|(at, call)| match call.state {
            CallState::Replied(_, order) => Some((order, at)),
            _ => None,
        });
        replied.min().map(|(_, at)| at)
    }

    /// Takes note of a call's reply, or waits for it.
    fn take(&mut self, at: usize, place: Place) -> ControlFlow<Pause> {
        let call = &mut self.calls[at];
        match &call.state {
            CallState::New | CallState::Outstanding => return Break(self.pause()),
            CallState::Cancelled => call.taken = true,
            CallState::Replied(Ok(json), _) => {
                call.taken = true;
                self.reply = json.clone();
            }
            CallState::Replied(Err(failure), _) if call.catches => {
                call.taken = true;
                self.reply = failure_json(failure);
            }
            CallState::Replied(Err(failure), _) => {
                let HostFailure { kind, name, message, retryable, .. } = failure.clone();
                call.taken = true;
                let failure = self.failure(failure_kind(kind), &name, &message, place);
                return Break(Pause::End(End::Failed(ScriptFailure { retryable, ..failure })));
            }
        }
        Continue(())
    }

    fn cancel(&mut self, id: CallId) {
        let Some(call) = self.calls.iter_mut().find(|call| call.id == Some(id) && call.is_open()) else { return };
        if matches!(call.state, CallState::Outstanding) {
            self.cancelled.push(id);
        }
        call.state = CallState::Cancelled;
        call.taken = true;
    }

    /// Waits for replies, or for what can never come.
    fn pause(&mut self) -> Pause {
        if !self.calls.iter().any(Call::is_open) {
            return Pause::Stalled;
        }
        let mut calls = Vec::new();
        for call in &mut self.calls {
            if let (Some(id), CallState::New) = (call.id, &call.state) {
                call.state = CallState::Outstanding;
                calls.push(HostCall { id, operation: call.operation, payload: call.payload.clone() });
            }
        }
        Pause::Calls { calls, cancelled: std::mem::take(&mut self.cancelled) }
    }

    fn fail(&self, kind: FailureKind, name: &str, message: &str, place: Place) -> ControlFlow<Pause> {
        Break(Pause::End(End::Failed(self.failure(kind, name, message, place))))
    }

    fn failure(&self, kind: FailureKind, name: &str, message: &str, place: Place) -> ScriptFailure {
        let file = self.invocation.source_name.as_str().to_owned();
        let frame = Frame { function: None, file, line: place.line, column: place.column };
        ScriptFailure { place: Some(place), stack: vec![frame], ..ScriptFailure::new(kind, name, message) }
    }
}

impl Call {
    fn is_open(&self) -> bool {
        matches!(self.state, CallState::New | CallState::Outstanding)
    }
}

/// What a script that catches a failure sees.
fn failure_json(failure: &HostFailure) -> Arc<str> {
    let HostFailure { name, code, message, retryable, retry_after_ms, .. } = failure;
    serde_json::json!([name, code, message, retryable, retry_after_ms]).to_string().into()
}

/// Three numbers in [0, 1) that the seed decides (SplitMix64).
fn random(seed: u64) -> String {
    let number = |index: u64| {
        let mut bits = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    format!("[{},{},{}]", number(1), number(2), number(3))
}
