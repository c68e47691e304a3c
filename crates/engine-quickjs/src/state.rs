//! What Rust keeps for one VM and its run, beside what lies in the engine's memory. Callbacks reach it through the
//! runtime's opaque pointer.
//!
//! Code that runs for a script owns nothing on the Rust heap but what is in here, because it may be left at each call
//! into the engine (F1): it puts into the state what it must keep, and the run's end drops it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use isolet_core_traits::{
    Abort, CallId, End, FailureKind, HostCall, Interrupt, KilledIn, LogBuffer, MonotonicClock, Native, NativeFailure,
    NativeValue, OperationId, Outcome, Polled, Resources, RunLimits, RunTime, Seed, Warning,
};
use rquickjs::qjs::{self, JSContext};

use crate::failure::Shape;
use crate::js::{Js, Value};
use crate::lazy::{Lazy, Shared};
use crate::meter::{Meter, OverLimit};
use crate::modules::Module;
use crate::unwritable::Trail;

/// Why a run must end without running any more of it. Kept here, because no exception can be trusted to tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Aborted(Abort),
    OutOfMemory(OverLimit),
    HostPanicked,
}

/// A host operation as the VM calls it.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) id: OperationId,
    pub(crate) arguments_max: u8,
}

/// An error object that stands for a host's failure, so that it is known again if nobody catches it.
pub(crate) struct HostError {
    pub(crate) error: Value,
    pub(crate) kind: FailureKind,
    pub(crate) retryable: bool,
}

/// The most host errors that are known again; with more, the oldest are taken for the script's own.
pub(crate) const HOST_ERRORS_MAX: usize = 64;

pub(crate) struct RunState {
    meter: *mut Meter,
    /// What allocations may take beyond a run's limit.
    headroom_bytes: u64,
    /// For trials: the next run is refused an allocation after so many.
    #[cfg(test)]
    pub(crate) refuse_after: Option<u64>,
    pub(crate) constants: Constants,
    pub(crate) run: RunData,
    /// What led to the exception that was taken last, the nearest first. Taken as soon as that is read: its texts are the
    /// engine's.
    pub(crate) causes: Vec<Shape>,
}

/// What is the same for all runs of a VM. Its values are constants of the VM's image.
#[derive(Default)]
pub(crate) struct Constants {
    /// What the VM holds without a run.
    pub(crate) base_bytes: u64,
    /// The natives by their number.
    pub(crate) natives: Vec<Native>,
    /// The host operations by their number.
    pub(crate) operations: Vec<Operation>,
    /// `Error` and `BigInt`, taken before any script ran.
    pub(crate) error_constructor: Value,
    pub(crate) big_int_constructor: Value,
    /// See [`Js::byte_length_getter`].
    pub(crate) byte_length_getter: Value,
    /// The replacer of [`payload`](crate::payload).
    pub(crate) replacer: Value,
    /// The replacer of [`unwritable`](crate::unwritable).
    pub(crate) follower: Value,
    /// The replacer of [`output`](crate::output), where there is one.
    pub(crate) visitor: Value,
    /// An object without prototype that only we reach: resolve, reject and error of each pending call.
    pub(crate) calls: Value,
    /// What setup scripts share.
    pub(crate) shared: Shared,
    /// The modules that scripts may import.
    pub(crate) modules: Vec<Module>,
    /// The lazy setup scripts by their number.
    pub(crate) lazy: Vec<Lazy>,
}

/// The interrupt of a VM without a run.
static UNLIMITED: LazyLock<Arc<Interrupt>> =
    LazyLock::new(|| Arc::new(Interrupt::new(Arc::new(MonotonicClock::new()))));

/// What belongs to one run and goes with it: dropped at its end, or parked. Its values are not counted by it: they lie
/// in the bytes of the engine's memory, which go the same way.
pub(crate) struct RunData {
    pub(crate) limits: RunLimits,
    pub(crate) interrupt: Arc<Interrupt>,
    pub(crate) stop: Option<Stop>,
    /// Where it was when it had to end.
    pub(crate) killed_in: KilledIn,
    pub(crate) writing_output: bool,
    pub(crate) logs: LogBuffer,
    pub(crate) resources: Resources,
    pub(crate) random_seed: Seed,
    pub(crate) time: RunTime,
    pub(crate) native: NativeCall,
    pub(crate) next_call: u32,
    /// Payload bytes of the calls that have no reply yet, by number.
    pub(crate) pending: BTreeMap<u32, usize>,
    pub(crate) outbox: Vec<HostCall>,
    /// Calls that were reported and that nobody wants any more.
    pub(crate) cancelled: Vec<CallId>,
    /// Buffers of the payloads that are being written, the innermost last.
    pub(crate) buffers: Vec<Vec<u8>>,
    /// What they hold.
    pub(crate) buffer_bytes: usize,
    /// Where those of the payload that is being written begin.
    pub(crate) first_buffer: usize,
    pub(crate) host_errors: Vec<HostError>,
    /// Where the search for what JSON cannot say is.
    pub(crate) trail: Trail,
    /// Rejected promises that nobody looks after, by address.
    pub(crate) rejections: HashMap<usize, Rejection>,
    /// How many there have been.
    pub(crate) rejections_total: u64,
    pub(crate) warnings: Vec<Warning>,
}

/// A rejected promise that nobody looks after.
pub(crate) struct Rejection {
    pub(crate) promise: Value,
    /// How many there were before.
    pub(crate) number: u64,
}

/// The call of a native that is being made.
#[derive(Default)]
pub(crate) struct NativeCall {
    pub(crate) arguments: Vec<NativeValue>,
    pub(crate) argument_bytes: u64,
    /// `None` while there is none, and if the native panicked.
    pub(crate) result: Option<Result<NativeValue, NativeFailure>>,
}

impl Default for RunData {
    fn default() -> Self {
        Self {
            limits: RunLimits::default(),
            interrupt: UNLIMITED.clone(),
            stop: None,
            killed_in: KilledIn::Script,
            writing_output: false,
            logs: LogBuffer::default(),
            resources: Resources::default(),
            random_seed: Seed::Drawn(0),
            time: RunTime::Real,
            native: NativeCall::default(),
            next_call: 0,
            pending: BTreeMap::new(),
            outbox: Vec::new(),
            cancelled: Vec::new(),
            buffers: Vec::new(),
            buffer_bytes: 0,
            first_buffer: 0,
            host_errors: Vec::new(),
            trail: Trail::default(),
            rejections: HashMap::new(),
            rejections_total: 0,
            warnings: Vec::new(),
        }
    }
}

impl RunData {
    /// About what it holds outside of the VM's memory.
    pub(crate) fn bytes(&self) -> usize {
        let rejections = self.rejections.capacity() * size_of::<(usize, Rejection)>();
        size_of::<Self>() + rejections + self.pending.len() * 3 * size_of::<usize>()
    }

    /// The run goes on its thread now.
    pub(crate) fn start_slice(&self) {
        self.interrupt.start_slice(self.limits.slice);
    }

    /// The outcome of a run that used so much.
    pub(crate) fn outcome(&mut self, end: End, memory_peak_bytes: u64) -> Outcome {
        let warnings = std::mem::take(&mut self.warnings);
        Outcome { end, memory_peak_bytes, logs_truncated: self.logs.truncated(), warnings }
    }
}

impl RunState {
    /// `meter` must stay where it is for as long as the state lives (R1).
    pub(crate) fn new(meter: *mut Meter, headroom_bytes: u64) -> Self {
        Self {
            meter,
            headroom_bytes,
            #[cfg(test)]
            refuse_after: None,
            constants: Constants::default(),
            run: RunData::default(),
            causes: Vec::new(),
        }
    }

    /// The meter of the VM's memory, for as long as nothing calls into the engine.
    pub(crate) fn meter(&mut self) -> &mut Meter {
        // SAFETY: R1: the memory lives as long as this state; the engine, which also reaches it, is not called meanwhile.
        unsafe { &mut *self.meter }
    }

    /// What is used beyond what the VM holds without a run.
    pub(crate) fn used_by_run(&mut self) -> u64 {
        let base = self.constants.base_bytes;
        self.meter().used().saturating_sub(base)
    }

    /// Prepares for a run or a compilation.
    pub(crate) fn begin(&mut self, limits: RunLimits, interrupt: Arc<Interrupt>) {
        let (base, headroom) = (self.constants.base_bytes, self.headroom_bytes);
        self.meter().set_limit(base, limits.memory_bytes, headroom);
        #[cfg(test)]
        if let Some(allocations) = self.refuse_after.take() {
            self.meter().refuse_after(allocations);
        }
        self.run.logs = LogBuffer::new(limits.log_bytes, limits.log_lines);
        self.run.limits = limits;
        self.run.interrupt = interrupt;
    }

    /// Notes why the run must end, if the memory or the interrupt say so now; else, whether its slice is over.
    pub(crate) fn poll(&mut self) -> bool {
        if self.run.stop.is_none() {
            let base = self.constants.base_bytes;
            let of_run = |over: OverLimit| OverLimit { used: over.used.saturating_sub(base), ..over };
            let over = self.meter().over_limit().map(of_run).map(Stop::OutOfMemory);
            self.run.stop = match (over, self.run.interrupt.poll_slice()) {
                (Some(over), _) => Some(over),
                (None, Polled::End(why)) => Some(Stop::Aborted(why)),
                (None, polled) => return polled == Polled::Yield,
            };
        }
        false
    }

    /// Why the run must end, if it must.
    pub(crate) fn stopped(&mut self) -> Option<Stop> {
        self.poll();
        self.run.stop
    }

    /// The outcome of the run, with what it used.
    pub(crate) fn outcome(&mut self, end: End) -> Outcome {
        let peak = self.meter().peak();
        self.run.outcome(end, peak)
    }
}

/// Calls `f` with the state of a context's realm. `f` must not call into the engine (C1, F1).
pub(crate) fn with<T>(js: Js, f: impl FnOnce(&mut RunState) -> T) -> T {
    // SAFETY: R1: the runtime's opaque pointer is its state.
    let state = unsafe { qjs::JS_GetRuntimeOpaque(js.runtime()) }.cast::<RunState>();
    // SAFETY: C1: no other reference to the state is alive, because none outlives such a closure.
    f(unsafe { &mut *state })
}

/// One of the constants, as a value of its own.
pub(crate) fn constant(js: Js, which: impl FnOnce(&Constants) -> &Value) -> Value {
    let alias = with(js, |state| which(&state.constants).alias());
    js.duplicate(&alias)
}

/// For callbacks: the context that QuickJS passes.
///
/// # Safety
/// Only for the context that QuickJS passes to a callback, until the callback returns (C1).
pub(crate) unsafe fn callback_context(ctx: *mut JSContext) -> Js {
    // SAFETY: C1: the engine calls back with a live context on the thread that steps it.
    unsafe { Js::new(ctx) }
}
