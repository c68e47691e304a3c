//! What Rust keeps for one VM and its run, beside what lives in the engine's heap. Callbacks reach it through the
//! runtime's opaque pointer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use isolet_core_traits::{
    Abort, FailureKind, HostCall, Interrupt, LogBuffer, MonotonicClock, Native, OperationId, Outcome, Resources,
    RunLimits, Warning,
};
use rquickjs::qjs::{self, JSContext};

use crate::js::{Js, Value};
use crate::meter::{Meter, OverLimit};
use crate::output::Trail;

/// Why a run must end without running any more of it. Kept here, because no exception can be trusted to tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Aborted(Abort),
    OutOfMemory(OverLimit),
    HostPanicked,
}

/// A host operation as the VM calls it.
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
    /// What the VM holds without a run.
    pub(crate) base_bytes: u64,
    /// The natives by their number.
    pub(crate) natives: Vec<Native>,
    /// The host operations by their number.
    pub(crate) operations: Vec<Operation>,
    /// `Error`, taken before any script ran.
    pub(crate) error_constructor: Option<Value>,
    /// The replacer of [`payload`](crate::payload).
    pub(crate) replacer: Option<Value>,
    /// An object without prototype that only we reach: resolve, reject and error of each pending call.
    pub(crate) calls: Option<Value>,

    pub(crate) limits: RunLimits,
    pub(crate) interrupt: Arc<Interrupt>,
    pub(crate) stop: Option<Stop>,
    pub(crate) writing_output: bool,
    pub(crate) logs: LogBuffer,
    pub(crate) resources: Resources,
    pub(crate) next_call: u32,
    /// Payload bytes of the calls that have no reply yet, by number.
    pub(crate) pending: BTreeMap<u32, usize>,
    pub(crate) outbox: Vec<HostCall>,
    /// Buffers of the payload that is being written.
    pub(crate) buffers: Vec<Vec<u8>>,
    /// What the buffers of all payloads that are being written hold.
    pub(crate) buffer_bytes: usize,
    pub(crate) host_errors: Vec<HostError>,
    /// Where the search for what JSON cannot say is.
    pub(crate) trail: Trail,
    /// Rejected promises that nobody looks after, by address.
    pub(crate) rejections: HashMap<usize, Value>,
    pub(crate) warnings: Vec<Warning>,
}

impl RunState {
    pub(crate) fn new(meter: *mut Meter) -> Self {
        Self {
            meter,
            base_bytes: 0,
            natives: Vec::new(),
            operations: Vec::new(),
            error_constructor: None,
            replacer: None,
            calls: None,
            limits: RunLimits::default(),
            interrupt: Arc::new(Interrupt::new(Arc::new(MonotonicClock::new()))),
            stop: None,
            writing_output: false,
            logs: LogBuffer::default(),
            resources: Resources::default(),
            next_call: 0,
            pending: BTreeMap::new(),
            outbox: Vec::new(),
            buffers: Vec::new(),
            buffer_bytes: 0,
            host_errors: Vec::new(),
            trail: Trail::default(),
            rejections: HashMap::new(),
            warnings: Vec::new(),
        }
    }

    /// The meter of the VM's memory, for as long as nothing calls into the engine.
    pub(crate) fn meter(&mut self) -> &mut Meter {
        // SAFETY: R1: the memory lives as long as this state; the engine, which also reaches it, is not called meanwhile.
        unsafe { &mut *self.meter }
    }

    /// Forgets the run. Its values are not freed: they go with the bytes of the engine's memory.
    pub(crate) fn end(&mut self) {
        self.stop = None;
        self.writing_output = false;
        self.next_call = 0;
        self.pending.clear();
        self.outbox = Vec::new();
        self.buffers = Vec::new();
        self.buffer_bytes = 0;
        self.host_errors = Vec::new();
        self.trail = Trail::default();
        self.rejections = HashMap::new();
        self.warnings = Vec::new();
        self.logs = LogBuffer::default();
        self.resources = Resources::default();
    }

    /// Prepares for a run or a compilation.
    pub(crate) fn begin(&mut self, limits: RunLimits, interrupt: Arc<Interrupt>) {
        let base = self.base_bytes;
        self.meter().set_limit(base, limits.memory_bytes);
        self.logs = LogBuffer::new(limits.log_bytes, limits.log_lines);
        self.limits = limits;
        self.interrupt = interrupt;
    }

    /// Why the run must end, if it must: what was noted, or what the heap or the interrupt say now.
    pub(crate) fn stopped(&mut self) -> Option<Stop> {
        if self.stop.is_none() {
            let over = self.meter().over_limit().map(Stop::OutOfMemory);
            self.stop = over.or_else(|| self.interrupt.poll().map(Stop::Aborted));
        }
        self.stop
    }

    /// The outcome of the run, with what it used.
    pub(crate) fn outcome(&mut self, end: isolet_core_traits::End) -> Outcome {
        Outcome {
            end,
            memory_peak_bytes: self.meter().peak(),
            logs_truncated: self.logs.truncated(),
            warnings: std::mem::take(&mut self.warnings),
        }
    }
}

/// Calls `f` with the state of a context's realm. `f` must not call into the engine (C1).
pub(crate) fn with<T>(js: Js, f: impl FnOnce(&mut RunState) -> T) -> T {
    // SAFETY: R1: the runtime's opaque pointer is its state.
    let state = unsafe { qjs::JS_GetRuntimeOpaque(js.runtime()) }.cast::<RunState>();
    // SAFETY: C1: no other reference to the state is alive, because none outlives such a closure.
    f(unsafe { &mut *state })
}

/// For callbacks: the context that QuickJS passes.
///
/// # Safety
/// Only for the context that QuickJS passes to a callback, until the callback returns (C1).
pub(crate) unsafe fn callback_context(ctx: *mut JSContext) -> Js {
    // SAFETY: C1: the engine calls back with a live context on the thread that steps it.
    unsafe { Js::new(ctx) }
}
