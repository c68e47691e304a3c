//! A realm: one runtime with one context, its memory and its state, made and dropped together (R1).

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::{self, Write};
use std::ptr;

use isolet_core_traits::{EngineError, Environment, StackBytes};
use rquickjs::qjs::{self, JSContext, JSRuntime, JSValue};

use crate::arena::Arena;
use crate::heap::Heap;
use crate::js::{ErrorClass, Js, Text, Value};
use crate::layout::Layout;
use crate::meter::{HEADROOM_BYTES, Meter};
use crate::stack::Stacks;
use crate::state::{self, Constants, RunData, RunState, Stop};
use crate::{fiber, host, native, payload, unwritable};

/// Stack that is left to C and Rust frames below the engine's own check.
pub(crate) const STACK_RESERVE_BYTES: usize = 256 << 10;
/// QuickJS turns its check off above this.
const STACK_MAX_BYTES: usize = 16 << 20;
const STACK_MIN_BYTES: usize = 32 << 10;

/// What the environment that stands may take of an arena.
const STANDING_BYTES_MAX: u64 = 32 << 20;

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
    Arena { run_bytes_max: u64, stacks: Stacks },
}

impl MemoryPlan {
    fn make(&self) -> Result<Memory, EngineError> {
        match self {
            Self::Blocks => Ok(Memory::Blocks(Box::into_raw(Heap::new()))),
            Self::Arena { run_bytes_max, .. } => {
                // Address space only. The other half is for what lies unused between blocks in use.
                let bytes = run_bytes_max.saturating_add(STANDING_BYTES_MAX).saturating_mul(2);
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
    /// Where engine code runs, if not on the thread's stack.
    stacks: Option<Stacks>,
    /// It was left in the midst of something: nothing may enter it before it is restored.
    is_left: bool,
    /// Last, so that it outlives all that lies in it.
    memory: Memory,
}

// SAFETY: T1: QuickJS runtimes may move between threads as long as one thread uses them at a time, which `&mut` ensures;
// each entry updates the stack's place. Memory and state belong to this realm alone (R1).
unsafe impl Send for Realm {}

impl Realm {
    /// A realm that can compile and evaluate text, without globals of ours, for one use.
    pub(crate) fn bare() -> Result<Self, EngineError> {
        Self::new(&MemoryPlan::Blocks, true, StackBytes::default())
    }

    /// A realm with the language's intrinsics; `eval` says whether it can turn text into code.
    pub(crate) fn new(plan: &MemoryPlan, eval: bool, stack: StackBytes) -> Result<Self, EngineError> {
        let memory = plan.make()?;
        let (stacks, headroom_bytes) = match plan {
            MemoryPlan::Blocks => (None, HEADROOM_BYTES),
            MemoryPlan::Arena { stacks, .. } => (Some(stacks.clone()), 0),
        };
        let state = Box::into_raw(Box::new(RunState::new(memory.meter(), headroom_bytes)));
        let (runtime, context) = (ptr::null_mut(), ptr::null_mut());
        let mut realm = Self { state, runtime, context, stack, stacks, is_left: false, memory };
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
            qjs::JS_SetModuleLoaderFunc(realm.runtime, Some(keep_specifier), Some(refuse_import), ptr::null_mut());
            qjs::JS_SetCanBlock(realm.runtime, false);
            realm.context = qjs::JS_NewContextRaw(realm.runtime);
        }
        if realm.context.is_null() || !realm.add_intrinsics(eval) {
            return Err(EngineError::Memory);
        }
        Ok(realm)
    }

    /// Ends the making of the realm: from here on its memory can be taken back to what it is now.
    ///
    /// Nothing that depends on the time stays in it but the seed of hashes; `Math.random` is seeded for each run.
    pub(crate) fn freeze(&mut self, layout: Layout) {
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
            arena.freeze();
        }
    }

    /// Takes the realm back to what it was when it was frozen. `false` if its memory does not allow that.
    pub(crate) fn restore(&mut self) -> bool {
        let Memory::Arena(arena) = &mut self.memory else { return false };
        if !arena.is_frozen() {
            return false;
        }
        arena.restore();
        self.is_left = false;
        self.forget_run();
        true
    }

    /// Runs `work`, on a stack of its own if the realm has such. `None` if the realm was left, now or before, or if there
    /// is no memory for a stack.
    ///
    /// `work` and what it calls own nothing outside of the VM's memory while they call into the engine (F1).
    pub(crate) fn run<T>(&mut self, work: impl FnOnce(Js) -> T) -> Option<T> {
        if self.is_left {
            return None;
        }
        let Some(stacks) = self.stacks.clone() else { return Some(work(self.enter())) };
        let bytes = self.stack_bytes() + STACK_RESERVE_BYTES;
        // SAFETY: F1, by the contract above.
        let result = unsafe { fiber::run(&stacks, bytes, || work(self.enter())) }.ok().flatten();
        self.is_left = result.is_none();
        result
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

    /// Takes the state back, but not the memory.
    pub(crate) fn forget_run(&mut self) {
        self.state().run = RunData::default();
    }

    fn stack_bytes(&self) -> usize {
        self.stack.0.clamp(STACK_MIN_BYTES, STACK_MAX_BYTES)
    }

    /// The language without clocks of the engine's; web APIs are the environment's.
    fn add_intrinsics(&mut self, eval: bool) -> bool {
        self.enter();
        // SAFETY: the context is live and new.
        unsafe {
            let ctx = self.context;
            qjs::JS_AddIntrinsicBaseObjects(ctx) == 0
                && qjs::JS_AddIntrinsicDate(ctx) == 0
                && (!eval || qjs::JS_AddIntrinsicEval(ctx) == 0)
                && qjs::JS_AddIntrinsicRegExp(ctx) == 0
                && qjs::JS_AddIntrinsicJSON(ctx) == 0
                && qjs::JS_AddIntrinsicProxy(ctx) == 0
                && qjs::JS_AddIntrinsicMapSet(ctx) == 0
                && qjs::JS_AddIntrinsicTypedArrays(ctx) == 0
                && qjs::JS_AddIntrinsicPromise(ctx) == 0
                && qjs::JS_AddIntrinsicBigInt(ctx) == 0
                && qjs::JS_AddIntrinsicWeakRef(ctx) == 0
                && qjs::JS_AddIntrinsicDOMException(ctx) == 0
                && qjs::JS_AddIntrinsicAToB(ctx) == 0
        }
    }

    /// Adds the environment: natives, host operations and what the setup scripts make of them.
    pub(crate) fn furnish(&mut self, environment: &Environment, setup: &[Setup<'_>]) -> Result<(), EngineError> {
        let js = self.enter();
        let failed = |_| EngineError::Memory;
        let global = js.global();
        let error_constructor = js.get(&global, c"Error").map_err(failed)?;
        let big_int_constructor = js.get(&global, c"BigInt").map_err(failed)?;
        js.free(global);
        let calls = js.bare_object().map_err(failed)?;
        let replacer = payload::replacer(js).map_err(failed)?;
        let follower = unwritable::follower(js).map_err(failed)?;
        state::with(js, |state| {
            let constants =
                Constants { error_constructor, big_int_constructor, replacer, follower, calls, ..Constants::default() };
            state.constants = constants;
        });
        let natives = native::install(js, &environment.natives).map_err(failed)?;
        let hidden = host::install(js, &environment.host).map_err(failed)?;
        for script in setup {
            script.run(js, &natives, &hidden)?;
        }
        js.free(natives);
        js.free(hidden);
        Ok(())
    }

    /// Tells the engine this thread's stack and gives the context. Called at every entry (T1).
    pub(crate) fn enter(&mut self) -> Js {
        let remaining = match fiber::is_entered() {
            true => usize::MAX,
            false => stacker::remaining_stack().unwrap_or(usize::MAX).saturating_sub(STACK_RESERVE_BYTES),
        };
        let stack = self.stack_bytes().min(remaining).max(STACK_MIN_BYTES);
        // SAFETY: the runtime is live, and this is the thread that steps it.
        unsafe {
            qjs::JS_SetMaxStackSize(self.runtime, stack as qjs::size_t);
            qjs::JS_UpdateStackTop(self.runtime);
        }
        // SAFETY: the context is live for as long as this realm, which the borrow keeps (R1, T1).
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

/// A setup script, compiled: its bytecode is an expression whose value is a function `(global, native, host)`.
pub(crate) struct Setup<'a> {
    pub(crate) name: &'static str,
    pub(crate) bytecode: &'a [u8],
}

impl Setup<'_> {
    fn run(&self, js: Js, natives: &Value, hidden: &Value) -> Result<(), EngineError> {
        let call = || {
            // SAFETY: B1: the engine compiled it in this process.
            let compiled = unsafe { js.read_bytecode(self.bytecode) }?;
            let function = js.evaluate(compiled)?;
            let result = js.call(&function, &Value::UNDEFINED, [&js.global(), natives, hidden])?;
            js.free(result);
            js.free(function);
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
    // SAFETY: R1: the runtime's opaque pointer is its state.
    let state = unsafe { qjs::JS_GetRuntimeOpaque(runtime) }.cast::<RunState>();
    // SAFETY: C1: no other reference is alive while the engine runs; this one ends before the collection.
    if unsafe { (*state).meter().wants_collection() } {
        // SAFETY: a collection is allowed wherever an allocation is, and a poll is no worse a place.
        unsafe { qjs::JS_RunGC(runtime) };
        // SAFETY: C1, as above.
        unsafe { (*state).meter().collected() };
    }
    // SAFETY: C1, as above.
    let is_over = unsafe { (*state).stopped().is_some() };
    if is_over {
        fiber::leave();
        // Not on a fiber: the engine unwinds the run.
        // SAFETY: C1, as above.
        unsafe { (*state).meter().end_run() };
    }
    c_int::from(is_over)
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
                let number = state.run.next_rejection;
                state.run.next_rejection += 1;
                state.run.rejections.insert(address, (number, kept))
            })
        }
    };
    if let Some((_, was)) = was {
        js.free(was);
    }
    let _ = promise.into_raw(); // Borrowed: not ours to free.
}

/// Specifiers are names, not paths: nothing is resolved against the importing module.
unsafe extern "C" fn keep_specifier(
    ctx: *mut JSContext,
    _base: *const c_char,
    specifier: *const c_char,
    _opaque: *mut c_void,
) -> *mut c_char {
    // SAFETY: C1: a C string of the engine's; the copy is the engine's to free.
    unsafe { qjs::js_strdup(ctx, specifier) }
}

/// No module is provided to scripts.
unsafe extern "C" fn refuse_import(
    ctx: *mut JSContext,
    specifier: *const c_char,
    _opaque: *mut c_void,
) -> *mut qjs::JSModuleDef {
    // SAFETY: C1.
    let js = unsafe { state::callback_context(ctx) };
    // SAFETY: C1: a C string of the engine's, which outlives the call.
    let specifier = unsafe { CStr::from_ptr(specifier) };
    let shown = Shown(specifier.to_bytes());
    js.throw_error(ErrorClass::Type, format_args!("cannot import \"{shown}\": no modules are provided to this script"));
    ptr::null_mut()
}

/// The first characters of a specifier.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let characters = self.0.utf8_chunks().flat_map(|chunk| {
            chunk.valid().chars().chain((!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER))
        });
        characters.take(100).try_for_each(|c| f.write_char(c))
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
        let mut realm = Realm::new(&MemoryPlan::Blocks, false, StackBytes::default()).expect("a realm");
        let js = realm.enter();
        assert!(js.compile(&Terminated::new(["1"]), c"test", 0, 1).is_err());
    }
}
