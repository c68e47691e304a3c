//! A realm: one runtime with one context, its memory and its state, made and dropped together (R1).

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;

use isolet_core_traits::{EngineError, Environment, Intrinsics, KilledIn, LazyScript, SetupScript, StackBytes};
use rquickjs::qjs::{self, JSContext, JSRuntime, JSValue};

use crate::arena::{Arena, Restoring};
use crate::fiber::{self, At, Fiber, Ran};
use crate::heap::Heap;
use crate::js::{Js, Text, Value};
use crate::layout::Layout;
use crate::lazy::{self, Lazy};
use crate::meter::{HEADROOM_BYTES, Meter};
use crate::modules::Module;
use crate::stack::Stacks;
use crate::state::{self, Constants, Rejection, RunData, RunState, Stop};
use crate::{host, modules, native, output, payload, run, signals, unwritable};

/// Stack that is left to C and Rust frames below the engine's own check.
pub(crate) const STACK_RESERVE_BYTES: usize = 256 << 10;
/// QuickJS turns its check off above this.
const STACK_MAX_BYTES: usize = 16 << 20;
const STACK_MIN_BYTES: usize = 32 << 10;

/// What the environment that stands may take of an arena.
const STANDING_BYTES_MAX: u64 = 32 << 20;

/// Freed blocks are not joined: blocks of ever other sizes need new places.
const ADDRESSES_PER_BYTE: u64 = 8;

/// Live bytes after which QuickJS first looks for garbage: more than a small run makes.
const COLLECT_FROM_BYTES: usize = 1 << 20;

/// Where a realm's memory lies.
pub(crate) enum Memory {
    /// In blocks of the system's allocator: works everywhere, and goes when the realm does.
    Blocks(*mut Heap),
    /// In one stretch of bytes, which can be taken back to what it was.
    Arena(Arena),
}

/// What a realm's memory is made for.
#[derive(Debug, Clone)]
pub(crate) enum MemoryPlan {
    /// One use, on the stack of the thread that steps it.
    Blocks,
    /// Runs of at most so many bytes, one after another, on stacks of their own.
    Arena { run_bytes_max: u64, stacks: Stacks, contains_faults: bool },
}

impl MemoryPlan {
    fn make(&self) -> Result<Memory, EngineError> {
        match self {
            Self::Blocks => Ok(Memory::Blocks(Box::into_raw(Heap::new()))),
            Self::Arena { run_bytes_max, .. } => {
                // Address space only, most of it for what lies unused between blocks in use.
                let bytes = run_bytes_max.saturating_add(STANDING_BYTES_MAX).saturating_mul(ADDRESSES_PER_BYTE);
                let bytes = usize::try_from(bytes).map_err(|_| EngineError::Memory)?;
                let bytes = bytes.checked_next_multiple_of(1 << 20).ok_or(EngineError::Memory)?;
                Arena::new(bytes).map(Memory::Arena).map_err(|_| EngineError::Memory)
            }
        }
    }
}

impl Memory {
    fn functions(&self) -> &'static qjs::JSMallocFunctions {
        match self {
            Self::Blocks(_) => &Heap::FUNCTIONS,
            Self::Arena(_) => &Arena::FUNCTIONS,
        }
    }

    fn opaque(&self) -> *mut c_void {
        match self {
            Self::Blocks(heap) => heap.cast(),
            Self::Arena(arena) => arena.opaque(),
        }
    }

    fn meter(&self) -> *mut Meter {
        match self {
            // SAFETY: the heap lives as long as this value; only the field's address is taken.
            Self::Blocks(heap) => unsafe { &raw mut (**heap).meter },
            Self::Arena(arena) => arena.meter(),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Self::Blocks(heap) = self {
            // SAFETY: boxed by `MemoryPlan::make`, and nothing refers to it any more (R1).
            drop(unsafe { Box::from_raw(*heap) });
        }
    }
}

pub(crate) struct Realm {
    state: *mut RunState,
    runtime: *mut JSRuntime,
    context: *mut JSContext,
    stack: StackBytes,
    /// What engine code runs with, if not on the thread's stack.
    fiber: Option<fiber::Settings>,
    condition: Condition,
    #[cfg(test)]
    pub(crate) is_unlimited: bool,
    /// Last, so that it outlives all that lies in it.
    memory: Memory,
}

/// Whether a realm may be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Sound,
    /// It was left in the midst of something: nothing may enter it before it is restored.
    Left,
    /// The engine's code has faulted: nothing may enter it ever again.
    Faulted,
}

// SAFETY: T1: QuickJS runtimes may move between threads as long as one thread uses them at a time, which `&mut` ensures;
// each entry updates the stack's place. Memory and state belong to this realm alone (R1).
unsafe impl Send for Realm {}

impl Realm {
    /// A realm that can compile and evaluate text, without globals of ours, for one use.
    pub(crate) fn bare() -> Result<Self, EngineError> {
        let intrinsics = Intrinsics { eval: true, ..Intrinsics::default() };
        Self::new(&MemoryPlan::Blocks, intrinsics, StackBytes::default())
    }

    /// A realm with these of the language's intrinsics.
    pub(crate) fn new(plan: &MemoryPlan, intrinsics: Intrinsics, stack: StackBytes) -> Result<Self, EngineError> {
        let memory = plan.make()?;
        let (fiber, headroom_bytes) = match plan {
            MemoryPlan::Blocks => (None, HEADROOM_BYTES),
            MemoryPlan::Arena { stacks, contains_faults, .. } => {
                let (stacks, contains_faults) = (stacks.clone(), *contains_faults);
                let stack_bytes = stack_bytes(stack) + STACK_RESERVE_BYTES;
                (Some(fiber::Settings { stacks, stack_bytes, poll_counter: None, contains_faults }), 0)
            }
        };
        let state = Box::into_raw(Box::new(RunState::new(memory.meter(), headroom_bytes)));
        let (runtime, context) = (ptr::null_mut(), ptr::null_mut());
        let condition = Condition::Sound;
        let mut realm = Self {
            state,
            runtime,
            context,
            stack,
            fiber,
            condition,
            #[cfg(test)]
            is_unlimited: false,
            memory,
        };
        // SAFETY: the functions keep to the allocator's contract; the memory outlives the runtime (R1).
        realm.runtime = unsafe { qjs::JS_NewRuntime2(realm.memory.functions(), realm.memory.opaque()) };
        if realm.runtime.is_null() {
            return Err(EngineError::Memory);
        }
        // SAFETY: the runtime is live; state and callbacks live as long (R1).
        unsafe {
            qjs::JS_SetRuntimeOpaque(realm.runtime, state.cast());
            qjs::JS_SetInterruptHandler(realm.runtime, Some(on_poll), ptr::null_mut());
            qjs::JS_SetHostPromiseRejectionTracker(realm.runtime, Some(on_rejection), ptr::null_mut());
            qjs::JS_SetModuleLoaderFunc(
                realm.runtime,
                Some(modules::keep_specifier),
                Some(modules::load),
                ptr::null_mut(),
            );
            qjs::JS_SetCanBlock(realm.runtime, false);
            realm.context = qjs::JS_NewContextRaw(realm.runtime);
        }
        if realm.context.is_null() || !realm.add_intrinsics(intrinsics) {
            return Err(EngineError::Memory);
        }
        Ok(realm)
    }

    /// Ends the making of the realm: from here on its memory can be taken back to what it is now.
    ///
    /// Nothing that depends on the time stays in it but the seed of hashes; `Math.random` is seeded for each run.
    pub(crate) fn freeze(&mut self, layout: Layout, restoring: Restoring) -> Result<(), EngineError> {
        let js = self.enter();
        layout.seed_random(js, 0);
        let counter = layout.poll_counter(js);
        // SAFETY: V1: a collection is allowed here.
        unsafe {
            qjs::JS_RunGC(self.runtime);
            qjs::JS_SetGCThreshold(self.runtime, COLLECT_FROM_BYTES as qjs::size_t);
        }
        // SAFETY: L1; the counter is that of this realm's context.
        state::with(js, |state| unsafe {
            state.meter().set_poll_counter(counter);
            state.constants.base_bytes = state.meter().used();
        });
        if let Memory::Arena(arena) = &mut self.memory {
            arena.freeze(restoring).map_err(|_| EngineError::Memory)?;
        }
        if let Some(fiber) = &mut self.fiber {
            fiber.poll_counter = Some(counter);
        }
        // What setup scripts have left is not the first run's.
        self.forget_run();
        Ok(())
    }

    /// Takes the realm back to what it was when it was frozen. `false` if its memory does not allow that.
    pub(crate) fn restore(&mut self) -> bool {
        let Memory::Arena(arena) = &mut self.memory else { return false };
        if !arena.is_frozen() || self.condition == Condition::Faulted {
            return false;
        }
        arena.restore();
        self.condition = Condition::Sound;
        self.forget_run();
        true
    }

    /// Runs `work`, on a stack of its own if the realm has such. It may be suspended when the run's slice is over.
    ///
    /// # Safety
    /// `work` and what it calls own nothing outside of the VM's memory while they call into the engine (F1). What they
    /// refer to lives until the work has ended, or the fiber is dropped.
    pub(crate) unsafe fn start<T>(&mut self, work: impl FnOnce(Js) -> T) -> Ran<T> {
        if self.condition != Condition::Sound {
            return Ran::Left;
        }
        let entry = self.entry();
        let Some(settings) = self.fiber.clone() else { return Ran::Returned(work(entry.enter())) };
        // SAFETY: the caller's contract; the realm outlives its fibers, which the VM holds beside it.
        let ran = unsafe { Fiber::start(settings, || work(entry.enter())) }.unwrap_or(Ran::Left);
        self.note(ran)
    }

    /// Goes on with work that was suspended, unless the run must end: then it is left where it is.
    pub(crate) fn resume<T>(&mut self, fiber: Fiber<T>) -> Ran<T> {
        let state = self.state();
        if state.stopped().is_some() {
            state.run.killed_in = match fiber.at() {
                At::Poll => KilledIn::Script,
                At::Native => KilledIn::Native,
            };
            drop(fiber);
            return self.note(Ran::Left);
        }
        state.run.start_slice();
        self.note(fiber.resume())
    }

    fn note<T>(&mut self, ran: Ran<T>) -> Ran<T> {
        self.condition = match ran {
            Ran::Returned(_) | Ran::Suspended(_) => Condition::Sound,
            Ran::Left => Condition::Left,
            Ran::Faulted(_) => Condition::Faulted,
        };
        ran
    }

    /// Runs `work` to its end, whatever slices say. `None` if the realm was left, now or before, or if there is no memory
    /// for a stack.
    ///
    /// `work` and what it calls own nothing outside of the VM's memory while they call into the engine (F1).
    pub(crate) fn run<T>(&mut self, work: impl FnOnce(Js) -> T) -> Option<T> {
        // SAFETY: F1, by the contract above; what `work` refers to outlives this call, which ends the fiber.
        let mut ran = unsafe { self.start(work) };
        loop {
            ran = match ran {
                Ran::Returned(result) => return Some(result),
                Ran::Suspended(fiber) => self.resume(fiber),
                Ran::Left | Ran::Faulted(_) => return None,
            };
        }
    }

    /// What Rust keeps for the realm, for as long as nothing of the engine runs.
    pub(crate) fn state(&mut self) -> &mut RunState {
        // SAFETY: R1: the state lives as long as the realm; the engine is not called meanwhile.
        unsafe { &mut *self.state }
    }

    /// The bytes of a text; `None` if they do not lie where they must.
    pub(crate) fn bytes<'a>(&'a self, text: &'a Text) -> Option<&'a [u8]> {
        let (start, bytes) = text.place();
        let is_held = match &self.memory {
            Memory::Arena(arena) => arena.holds(start, bytes),
            Memory::Blocks(_) => true,
        };
        is_held.then(|| text.as_bytes())
    }

    /// As [`bytes`](Self::bytes), as text.
    pub(crate) fn read<'a>(&'a self, text: &'a Text) -> Option<Cow<'a, str>> {
        self.bytes(text).map(|_| text.read())
    }

    /// The arena, in the form that has one.
    pub(crate) fn arena(&mut self) -> Option<&mut Arena> {
        match &mut self.memory {
            Memory::Arena(arena) => Some(arena),
            Memory::Blocks(_) => None,
        }
    }

    /// What a restore leaves resident, in the form that has an arena.
    pub(crate) fn kept_bytes(&self) -> Option<usize> {
        match &self.memory {
            Memory::Arena(arena) => Some(arena.kept_bytes()),
            Memory::Blocks(_) => None,
        }
    }

    /// Takes the state back, but not the memory.
    pub(crate) fn forget_run(&mut self) {
        self.state().run = RunData::default();
    }

    /// The language without clocks of the engine's; web APIs are the environment's.
    fn add_intrinsics(&mut self, intrinsics: Intrinsics) -> bool {
        let Intrinsics { eval, proxies, weak_references } = intrinsics;
        self.enter();
        // SAFETY: the context is live and new.
        unsafe {
            let ctx = self.context;
            qjs::JS_AddIntrinsicBaseObjects(ctx) == 0
                && qjs::JS_AddIntrinsicDate(ctx) == 0
                && (!eval || qjs::JS_AddIntrinsicEval(ctx) == 0)
                && qjs::JS_AddIntrinsicRegExp(ctx) == 0
                && qjs::JS_AddIntrinsicJSON(ctx) == 0
                && (!proxies || qjs::JS_AddIntrinsicProxy(ctx) == 0)
                && qjs::JS_AddIntrinsicMapSet(ctx) == 0
                && qjs::JS_AddIntrinsicTypedArrays(ctx) == 0
                && qjs::JS_AddIntrinsicPromise(ctx) == 0
                && qjs::JS_AddIntrinsicBigInt(ctx) == 0
                && (!weak_references || qjs::JS_AddIntrinsicWeakRef(ctx) == 0)
                && qjs::JS_AddIntrinsicDOMException(ctx) == 0
                && qjs::JS_AddIntrinsicAToB(ctx) == 0
        }
    }

    /// Provides modules to what is compiled and run from here on.
    pub(crate) fn provide(&mut self, modules: Vec<Module>) {
        self.state().constants.modules = modules;
    }

    /// Adds the environment: natives, host operations and what the setup scripts make of them. `lazy` has the bytecode of
    /// the lazy ones, in the environment's order.
    pub(crate) fn furnish(
        &mut self,
        environment: &Environment,
        setup: &[Setup<'_>],
        lazy: Vec<Arc<[u8]>>,
    ) -> Result<(), EngineError> {
        let js = self.enter();
        let failed = |_| EngineError::Memory;
        let global = js.global();
        let error_constructor = js.get(&global, c"Error").map_err(failed)?;
        let big_int_constructor = js.get(&global, c"BigInt").map_err(failed)?;
        js.free(global);
        let byte_length_getter = js.byte_length_getter().map_err(failed)?;
        let calls = js.bare_object().map_err(failed)?;
        let replacer = payload::replacer(js).map_err(failed)?;
        let follower = unwritable::follower(js).map_err(failed)?;
        state::with(js, |state| {
            let modules = std::mem::take(&mut state.constants.modules);
            state.constants = Constants {
                error_constructor,
                big_int_constructor,
                byte_length_getter,
                replacer,
                follower,
                calls,
                modules,
                ..Constants::default()
            };
        });
        let natives = native::object(js, native::number(js, &environment.natives)).map_err(failed)?;
        let hidden = host::install(js, &environment.host).map_err(failed)?;
        lazy::share(js, hidden).map_err(failed)?;
        for script in setup {
            script.run(js, &natives)?;
        }
        // Their accessors take the place of what the language has under the same names.
        for (script, bytecode) in environment.lazy.iter().zip(lazy) {
            let LazyScript { script: SetupScript { name, .. }, globals, natives } = script;
            let natives = native::number(js, natives);
            let lazy = Lazy { name, globals, natives, bytecode, accessors: HashMap::new() };
            let taken = |name: &str| environment.host.exposes(name);
            lazy::install(js, lazy, taken).map_err(failed)?;
        }
        js.free(natives);
        run::declare(js).map_err(failed)
    }

    /// Polls at each value of an output, for where nothing can interrupt its walk.
    pub(crate) fn poll_in_outputs(&mut self) -> Result<(), EngineError> {
        let js = self.enter();
        let visitor = output::visitor(js).map_err(|_| EngineError::Memory)?;
        state::with(js, |state| state.constants.visitor = visitor);
        Ok(())
    }

    /// Tells the engine this thread's stack and gives the context, for as long as the borrow lasts.
    pub(crate) fn enter(&mut self) -> Js {
        self.entry().enter()
    }

    fn entry(&self) -> Entry {
        Entry {
            runtime: self.runtime,
            context: self.context,
            stack_bytes: stack_bytes(self.stack),
            #[cfg(test)]
            is_unlimited: self.is_unlimited,
        }
    }
}

/// What the engine may use of a stack.
fn stack_bytes(StackBytes(bytes): StackBytes) -> usize {
    bytes.clamp(STACK_MIN_BYTES, STACK_MAX_BYTES)
}

/// What it takes to enter a realm: on the stack that its code is to run on, at every entry (T1).
#[derive(Clone, Copy)]
struct Entry {
    runtime: *mut JSRuntime,
    context: *mut JSContext,
    stack_bytes: usize,
    /// For trials: the engine does not check its stack.
    #[cfg(test)]
    is_unlimited: bool,
}

impl Entry {
    fn enter(self) -> Js {
        let remaining = match fiber::is_entered() {
            true => usize::MAX,
            false => stacker::remaining_stack().unwrap_or(usize::MAX).saturating_sub(STACK_RESERVE_BYTES),
        };
        let stack = self.stack_bytes.min(remaining).max(STACK_MIN_BYTES);
        #[cfg(test)]
        let stack = if self.is_unlimited { 0 } else { stack };
        // SAFETY: the runtime is live, and this is the thread that steps it.
        unsafe {
            qjs::JS_SetMaxStackSize(self.runtime, stack as qjs::size_t);
            qjs::JS_UpdateStackTop(self.runtime);
        }
        // SAFETY: the context is live for as long as its realm, which whoever enters it holds (R1, T1).
        unsafe { Js::new(self.context) }
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        // The runtime is not torn down: its memory goes as a whole, which cannot trip over what a script left.
        // SAFETY: R1: boxed by `new`, and nothing refers to it any more.
        drop(unsafe { Box::from_raw(self.state) });
    }
}

/// A setup script, compiled: its bytecode is an expression whose value is a function `(global, native, host, own)`.
pub(crate) struct Setup<'a> {
    pub(crate) name: &'static str,
    pub(crate) bytecode: &'a [u8],
}

impl Setup<'_> {
    fn run(&self, js: Js, natives: &Value) -> Result<(), EngineError> {
        let call = || {
            // SAFETY: B1: the engine compiled it in this process.
            let compiled = unsafe { js.read_bytecode(self.bytecode) }?;
            let function = js.evaluate(compiled)?;
            let host = state::constant(js, |constants| &constants.shared.host);
            let own = state::constant(js, |constants| &constants.shared.own);
            let result = js.call(&function, &Value::UNDEFINED, [&js.global(), natives, &host, &own])?;
            [result, function, host, own].into_iter().for_each(|value| js.free(value));
            Ok(())
        };
        call().map_err(|thrown| {
            let exception = js.exception(thrown);
            let message = js.to_string(&exception).unwrap_or_else(|_| "an exception without text".into());
            EngineError::Setup { script: self.name, message }
        })
    }
}

/// QuickJS polls here every ten thousand branches and calls, and at once when the meter asks for it.
unsafe extern "C" fn on_poll(runtime: *mut JSRuntime, _opaque: *mut c_void) -> c_int {
    fiber::polled();
    // SAFETY: R1: the runtime's opaque pointer is its state.
    let state = unsafe { qjs::JS_GetRuntimeOpaque(runtime) }.cast::<RunState>();
    // SAFETY: C1: no other reference is alive while the engine runs; this one ends before the collection.
    if unsafe { (*state).meter().wants_collection() } {
        // SAFETY: a collection is allowed wherever an allocation is, and a poll is no worse a place.
        unsafe { qjs::JS_RunGC(runtime) };
        // SAFETY: C1, as above.
        unsafe { (*state).meter().collected() };
    }
    loop {
        // SAFETY: C1, as above: no reference stays while the fiber is suspended.
        let (is_slice_over, is_stopped) = unsafe { ((*state).poll(), (*state).run.stop.is_some()) };
        if is_stopped {
            fiber::leave();
            // Not on a fiber: the engine unwinds the run.
            // SAFETY: C1, as above.
            unsafe { (*state).meter().end_run() };
            return 1;
        }
        if !(is_slice_over || signals::is_wanted()) || !fiber::is_entered() {
            return 0;
        }
        fiber::suspend();
    }
}

unsafe extern "C" fn on_rejection(
    ctx: *mut JSContext,
    promise: JSValue,
    _reason: JSValue,
    handled: bool,
    _opaque: *mut c_void,
) {
    // SAFETY: C1.
    let js = unsafe { state::callback_context(ctx) };
    let promise = Value::from_raw(promise);
    let address = promise.address();
    let was = match handled {
        true => state::with(js, |state| state.run.rejections.remove(&address)),
        false => {
            let kept = js.duplicate(&promise);
            state::with(js, |state| {
                let run = &mut state.run;
                let number = run.rejections_total;
                run.rejections_total += 1;
                run.rejections.insert(address, Rejection { promise: kept, number })
            })
        }
    };
    if let Some(was) = was {
        js.free(was.promise);
    }
    let _ = promise.into_raw(); // Borrowed: not ours to free.
}

/// What the engine does not do inside of its builtins: ends the run if it must end.
pub(crate) fn poll(js: Js) -> crate::js::Result<()> {
    match state::with(js, |state| state.stopped()) {
        Some(why) => Err(stop(js, why)),
        None => Ok(()),
    }
}

/// Ends a run from inside a callback, in a way that no script can catch.
pub(crate) fn stop(js: Js, why: Stop) -> crate::js::Thrown {
    state::with(js, |state| *state.run.stop.get_or_insert(why));
    fiber::leave();
    js.throw_uncatchable(format_args!("the run was ended"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::js::Terminated;

    #[test]
    fn a_realm_gives_all_its_memory_back() {
        let mut realm = Realm::bare().expect("a realm");
        let js = realm.enter();
        let script = "globalThis.kept = [1, { a: new Map([[{}, 'x'.repeat(10000)]]) }]; Promise.reject(kept)";
        let compiled = js.compile(&Terminated::new([script]), c"test", 0, 1).expect("compiles");
        js.evaluate(compiled).expect("runs");
        // A leak checker sees what the drop of the heap's list does not free.
        let used = state::with(js, |state| state.meter().used());
        assert!(used > 10_000, "{used}");
        drop(realm);
    }

    #[test]
    fn without_eval_text_stays_text() {
        let mut realm = Realm::new(&MemoryPlan::Blocks, Intrinsics::default(), StackBytes::default()).expect("a realm");
        let js = realm.enter();
        assert!(js.compile(&Terminated::new(["1"]), c"test", 0, 1).is_err());
    }
}
