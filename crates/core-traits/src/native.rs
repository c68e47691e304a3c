//! Natives: pure, bounded, synchronous functions that the environment adds to the language.
//!
//! Digests, URL parsing, base64, the console's sink. A native has no I/O, no clock but the run's own, and no permits.
//! The engine calls it in three phases, so that a run can be left at any time without losing anything of Rust's:
//!
//! 1. copy the arguments out of the VM into [`NativeValue`]s;
//! 2. call [`Native::call`] with them: it computes into values that the run owns;
//! 3. drop everything of Rust's but the result, and make the JS value from it (only here the run may be left).
//!
//! A panic inside a native is caught by the engine and becomes a host failure of the run.

use std::any::Any;
use std::time::Duration;

use crate::interrupt::Interrupt;
use crate::logs::{LogBuffer, LogLevel};
use crate::resources::Resources;
use crate::world::{RunTime, Seed};

/// A value that crosses between a script and a native.
#[derive(Debug, Clone, PartialEq)]
pub enum NativeValue {
    /// `undefined`; also an argument that was not given, and what no other variant can hold (objects, functions,
    /// symbols): setup scripts convert those first.
    Undefined,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string. Lone surrogates arrive as U+FFFD.
    String(String),
    /// The bytes of an `ArrayBuffer` or of a typed array; goes back as a `Uint8Array`.
    Bytes(Vec<u8>),
}

/// Why a native refused. Thrown in the script as an error that it can catch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeFailure {
    /// The error's constructor: `TypeError`, `RangeError`, `SyntaxError` or, for any other name, `Error`.
    pub name: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a native can reach of its run besides its arguments.
#[derive(Debug)]
pub struct NativeContext<'run> {
    logs: &'run mut LogBuffer,
    resources: &'run mut Resources,
    interrupt: &'run Interrupt,
    seed: Seed,
    time: &'run mut RunTime,
}

impl<'run> NativeContext<'run> {
    /// For engines: the context of one call.
    pub fn new(
        logs: &'run mut LogBuffer,
        resources: &'run mut Resources,
        interrupt: &'run Interrupt,
        seed: Seed,
        time: &'run mut RunTime,
    ) -> Self {
        Self { logs, resources, interrupt, seed, time }
    }

    /// Keeps something for later calls of this run, which drops it at its end. Scripts hold the number that this gives.
    ///
    /// # Errors
    /// A `RangeError` if the run keeps [`Resources::MAX`] already.
    pub fn keep(&mut self, resource: impl Any + Send) -> Result<NativeValue, NativeFailure> {
        self.resources.keep(Box::new(resource))
    }

    /// What was kept under `number`.
    ///
    /// # Errors
    /// A `TypeError` if nothing of this type is kept under it: never, any more, or not in this run.
    pub fn resource<T: Any + Send>(&mut self, number: &NativeValue) -> Result<&mut T, NativeFailure> {
        self.resources.resource(number)
    }

    /// Takes back what was kept under `number`, which is stale from then on.
    ///
    /// # Errors
    /// As for [`resource`](Self::resource).
    pub fn release<T: Any + Send>(&mut self, number: &NativeValue) -> Result<T, NativeFailure> {
        self.resources.release(number)
    }

    /// What a native remembers for as long as the run lasts: one `T` for each run, made when it is first asked for.
    ///
    /// It is no use of [`Resources::MAX`]. Whoever asks owns the type, and bounds what it holds.
    pub fn state<T: Any + Send + Default>(&mut self) -> &mut T {
        self.resources.state()
    }

    /// Adds a console line, stamped with the run's time.
    pub fn log(&mut self, level: LogLevel, message: String) {
        let at_ms = self.elapsed().as_micros() as f64 / 1e3;
        self.logs.push(level, message, at_ms);
    }

    /// What the run's randomness is made from: [`Invocation::random_seed`](crate::Invocation::random_seed).
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Time since the run started, as its script may see it.
    pub fn elapsed(&self) -> Duration {
        self.time.elapsed(self.interrupt.elapsed())
    }

    /// The time of day as its script may see it: whole milliseconds since 1970.
    pub fn unix_ms(&self) -> f64 {
        self.time.unix_ms()
    }

    /// A timer fires that was set for `at` since the run started: time that stands still goes on to there.
    pub fn advance(&mut self, at: Duration) {
        self.time.advance(at);
    }

    /// Whether the run is to end: a native that loops asks now and then and returns early.
    pub fn interrupted(&self) -> bool {
        self.interrupt.poll().is_some()
    }
}

/// The signature of a native.
pub type NativeFunction = fn(&mut NativeContext<'_>, &[NativeValue]) -> Result<NativeValue, NativeFailure>;

/// A native by its name. [Setup scripts](crate::SetupScript) see it as `native.NAME`; scripts never see it themselves.
#[derive(Debug, Clone, Copy)]
pub struct Native {
    /// A JavaScript identifier, unique in its environment.
    pub name: &'static str,
    /// The number of arguments that are copied out; more are ignored, missing ones are `Undefined`.
    pub arguments: u8,
    /// The function.
    pub call: NativeFunction,
}
