//! What an engine is: the two traits to implement for a second one.
//!
//! # A VM as a state machine
//!
//! ```text
//!              compile                         start                      resume(Go)
//!   ┌───────┐ ───────▶ Compilation   ┌──────┐ ───────▶ ┌─────────────────────────────────┐
//!   │ Vm for│ ◀─────── (preempted:   │ Vm   │          │ running: inside start or resume │
//!   │compile│ resume_compile)        │ for  │          └┬───────┬───────────┬──────────┬─┘
//!   └───────┘                        │ Run  │   Preempted│  HostCalls    Stalled      Done
//!                                    └──▲───┘            ▼       ▼           ▼          │
//!                                       │         resume(Go) resume(Replies) abort      │
//!                                       │                         │ park ⇄ unpark       ▼
//!                                       └──────── reset: Pristine ◀──────────────── finished
//!                                                        Discard: drop the Vm
//! ```
//!
//! [`Vm::abort`] is allowed in every state but *running*, and leads to *finished*.
//! A call that the state does not allow is a mistake of the caller: the engine answers with
//! [`End::EngineFault`](crate::End::EngineFault) or an [`EngineError`] and must neither panic nor run anything.
//!
//! # What every engine guarantees
//!
//! - **No I/O**: no file, socket, thread or clock of its own. Time is what [`Interrupt`] says.
//! - **Nothing a script does panics, aborts or hangs the process**; limits hold while the output or an error is read,
//!   because getters, `toJSON`, proxies and thenables run script code then.
//! - **The output is settled, then read**: a promise (or thenable) as output is awaited; then written as JSON by the
//!   engine. A function or symbol, a BigInt and a cycle are [`FailureKind::Output`](crate::FailureKind::Output), with
//!   the path to it in the message.
//! - **Why a run ended is never guessed from an exception**: the engine keeps the reason itself.
//! - **Positions** are those of the author's text, whatever the engine wraps around it.
//! - **No trace of one run in the next**: after `reset` answered [`Reset::Pristine`], a VM is as it was when it was made.
//! - **Host calls are promises**, reported in the order in which they were made, with payloads as [`host`](crate::host)
//!   describes. A run may wait for several; replies may come as a subset, in any order, or late.
//! - **A panic in a native** ends as [`FailureKind::Host`](crate::FailureKind::Host), and its text goes nowhere.

use std::fmt;
use std::sync::Arc;

use crate::environment::VmConfig;
use crate::interrupt::Interrupt;
use crate::limits::RunLimits;
use crate::logs::LogLine;
use crate::seal::{SealError, SealKeys, SealedProgram};
use crate::source::{Source, SourceHash};
use crate::step::{Abort, Compilation, CompileFailure, Invocation, Outcome, Resume, Step};

/// A JavaScript engine: makes VMs. Shared by all threads.
pub trait Engine: Send + Sync + 'static {
    /// A compiled source, shareable between VMs and threads. Knows nothing of tenants.
    type Program: Clone + Send + Sync + 'static;
    /// The engine's VMs.
    type Vm: Vm<Program = Self::Program> + 'static;
    /// What a thread needs while it steps VMs (timers, alternate stacks, fault handlers). Should not be `Send`:
    /// it is made on the thread that it serves and dropped there.
    type Thread;

    /// Name, version, bytecode format and options: part of every key under which programs are kept.
    fn id(&self) -> EngineId;

    /// What this engine can do on this machine. Tests and docs read it; the executor adapts to it.
    fn capabilities(&self) -> Capabilities;

    /// Prepares the calling thread for stepping VMs. Keep the guard for as long as it does.
    ///
    /// # Errors
    /// [`EngineError`] if the thread cannot be prepared.
    fn attach_thread(&self) -> Result<Self::Thread, EngineError>;

    /// What ends the slice of a run on an attached thread from other threads, in builtins too. `None` if nothing can.
    fn nudge(&self, _thread: &Self::Thread) -> Option<Arc<dyn Nudge>> {
        None
    }

    /// Makes a VM and warms it up: everything that no script changes is done here.
    ///
    /// # Errors
    /// [`EngineError`] if memory is lacking or the environment's setup scripts fail.
    fn create_vm(&self, config: &VmConfig) -> Result<Self::Vm, EngineError>;

    /// Bytes of memory that a program holds: what a cache counts.
    fn program_bytes(&self, program: &Self::Program) -> usize;

    /// Turns a program into bytes for a store, bound to this engine and to `source`.
    fn seal(&self, program: &Self::Program, source: &SourceHash, keys: &SealKeys) -> SealedProgram;

    /// Opens sealed bytes, which it may keep as the program's. Only bytes that this engine sealed for `source` under one of
    /// `keys` come back.
    ///
    /// # Errors
    /// [`SealError`]; each of its variants means that the source has to be compiled again.
    fn unseal(&self, sealed: SealedProgram, source: &SourceHash, keys: &SealKeys) -> Result<Self::Program, SealError>;
}

/// Has the run on a thread give it away soon: [`Step::Preempted`]. Of no effect while none is on it, and once the thread
/// is not attached any more.
pub trait Nudge: Send + Sync {
    /// From any thread.
    fn nudge(&self);
}

/// One VM. Moves between threads, except while it is preempted.
pub trait Vm: Send {
    /// The programs that it runs.
    type Program;
    /// A run that was saved. Belongs to the VM that made it, which must check that.
    type Parked: ParkedRun + 'static;

    /// Compiles `source`; only on a VM made for [`Purpose::Compile`](crate::Purpose::Compile).
    ///
    /// Hostile work: it is bounded by `limits` (memory), by the interrupt and by the VM's stack, as a run is. A source
    /// that is too deeply nested for the stack is a syntax failure. The VM must be reset afterwards.
    fn compile(
        &mut self,
        source: &Source,
        limits: &RunLimits,
        interrupt: &Arc<Interrupt>,
    ) -> Compilation<Self::Program>;

    /// Goes on compiling after [`Compilation::Preempted`], on the same thread.
    fn resume_compile(&mut self) -> Compilation<Self::Program>;

    /// [Compiles](Self::compile) without giving the thread away, whatever slices say.
    ///
    /// # Errors
    /// [`CompileFailure`], as for [`compile`](Self::compile).
    fn compile_to_end(
        &mut self,
        source: &Source,
        limits: &RunLimits,
        interrupt: &Arc<Interrupt>,
    ) -> Result<Self::Program, CompileFailure> {
        let mut compilation = self.compile(source, limits, interrupt);
        loop {
            match compilation {
                Compilation::Done(compiled) => return compiled,
                Compilation::Preempted => compilation = self.resume_compile(),
            }
        }
    }

    /// Starts `program`; only on a pristine VM made for [`Purpose::Run`](crate::Purpose::Run).
    fn start(
        &mut self,
        program: &Self::Program,
        invocation: Invocation,
        limits: RunLimits,
        interrupt: Arc<Interrupt>,
    ) -> Step;

    /// Goes on with a run.
    fn resume(&mut self, with: Resume) -> Step;

    /// Ends a run that is not on a thread, without running any more of it.
    fn abort(&mut self, why: Abort) -> Outcome;

    /// The console lines since the last call, oldest first. Allowed after every step.
    fn take_logs(&mut self) -> Vec<LogLine>;

    /// Saves a run that waits for replies, so that the VM can serve others. The VM must be reset afterwards.
    ///
    /// # Errors
    /// [`NotParkable`] if the engine cannot, or the run does not wait for replies. The run is as it was before.
    fn park(&mut self) -> Result<Self::Parked, NotParkable>;

    /// Brings a saved run back into the VM that saved it, which must have been reset. Then
    /// [`resume`](Self::resume) it with replies.
    ///
    /// # Errors
    /// [`EngineError::State`] if the run belongs to another VM or the VM was not reset.
    fn unpark(&mut self, parked: Self::Parked) -> Result<(), EngineError>;

    /// Bytes of memory that it holds while it is pristine, if the engine knows.
    fn bytes(&self) -> Option<usize> {
        None
    }

    /// Takes the VM back to where it was when it was made. Allowed in every state but *running* and *preempted*.
    fn reset(&mut self) -> Reset;
}

/// A run that was saved and holds no VM. Dropping it forgets the run.
pub trait ParkedRun: Send {
    /// Ends it without its VM. It was waiting for the host.
    fn abort(self, why: Abort) -> Outcome;

    /// Bytes of memory that it holds.
    fn bytes(&self) -> usize;
}

/// What a reset achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Reset {
    /// The VM is as it was when it was made.
    Pristine,
    /// The VM cannot be used again: drop it and make another one.
    Discard,
}

/// An engine's name, version and options, for example `quickjs-ng/0.16.2 bytecode/1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EngineId(Arc<str>);

impl EngineId {
    /// An id from its text. Two engines must share an id only if each runs the other's programs.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an engine can do on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// `reset` answers [`Reset::Pristine`]: VMs are used again.
    pub reuse: bool,
    /// `park` works.
    pub park: bool,
    /// Runs are preempted when their slice is used up.
    pub slice: bool,
    /// Deadlines and cancellation hold inside long natives (`indexOf` of megabytes, BigInt), not only between them.
    pub kill_in_natives: bool,
    /// The engine never sees a failed allocation: the memory limit cannot be caught and cannot crash it.
    /// Without it, single allocations far beyond the limit fail inside the engine.
    pub hard_memory: bool,
    /// Bytes of native stack that a thread must have to give scripts all of [`StackBytes`](crate::StackBytes).
    /// On a thread with less, scripts get less.
    pub thread_stack_bytes: usize,
}

/// Why an engine could not do its part. Never a script's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Memory for a VM could not be had.
    #[error("no memory for a VM: lower the number of VMs or their memory")]
    Memory,
    /// A setup script of the environment failed.
    #[error("setup script {script} failed: {message}")]
    Setup {
        /// The script's name.
        script: &'static str,
        /// Its uncaught exception.
        message: String,
    },
    /// A module of the environment does not compile.
    #[error("the host's module {module:?} does not compile: {message}")]
    Module {
        /// The module's name.
        module: String,
        /// Why.
        message: String,
    },
    /// A call that the VM's state does not allow.
    #[error("the VM's state does not allow this: {message}")]
    State {
        /// Which call, and what it needs.
        message: &'static str,
    },
    /// The engine does not work on this machine.
    #[error("the engine does not work here: {message}")]
    Unsupported {
        /// What it misses.
        message: &'static str,
    },
    /// The thread could not be prepared.
    #[error("the thread cannot run VMs: {message}")]
    Thread {
        /// Why.
        message: String,
    },
}

/// Why a run cannot be parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotParkable {
    /// This engine does not park.
    #[error("this engine does not park runs")]
    Unsupported,
    /// The run does not wait for replies.
    #[error("the run does not wait for host replies")]
    NotWaiting,
}
