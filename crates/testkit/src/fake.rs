//! A deterministic engine for the tests of pool, cache and executor: no JavaScript, no clock, no chance.
//!
//! Its scripts are lists of statements, one a line or with `;` between them; `//` starts a comment. A source of any
//! [`SourceKind`](isolet_core_traits::SourceKind) is read the same way. A script ends with its first output, or after
//! its last statement without one.
//!
//! | statement | what it does |
//! |---|---|
//! | `output {"a":1}` | ends with this JSON; `output input`, `output context` |
//! | `output reply`, `output replies` | ends with the last reply, or all of them as an array in the order of the calls |
//! | `output random` | ends with three numbers that the run's seed decides |
//! | `output undefined`, `undefined` | ends without output |
//! | `output function` | fails: cannot be JSON |
//! | `big 2MiB` | ends with a JSON string of so many bytes |
//! | `log info hello`, `warn code message` | a console line; a warning of the outcome |
//! | `throw TypeError message` | fails, uncaught, at this place |
//! | `fail sandbox NAME message` | fails with a kind: `runtime`, `sandbox`, `rate`, `output`, `host` |
//! | `call crm.lookup [1,2]` | makes a host call and waits for its reply |
//! | `try call crm.lookup [1]` | the same; a failure becomes the reply, as an object |
//! | `spawn crm.lookup [1]` | makes a host call and goes on |
//! | `await`, `await any`, `await all` | waits for the oldest spawned call, the first that is answered, all of them |
//! | `cancel 0` | does not want the reply of call 0 any more |
//! | `spin`, `spin 10`, `spin native` | polls the interrupt until it says stop, or so many times |
//! | `preempt 3` | is preempted three times |
//! | `alloc 100MiB`, `free` | occupies memory, gives all of it back |
//! | `remember 5`, `output remembered` | a state of the VM that only a reset takes away |
//! | `stall` | waits for what can never come, once no call is outstanding |
//! | `panic`, `fault` | panics inside the step; reports a fault of the engine |
//! | `compile spin` | does it while the source is compiled: `spin`, `preempt`, `alloc`, `panic`, `fault` |
//!
//! Everything else is a syntax failure with its place. Operations of namespaces that are not exposed are not there, and
//! setup scripts and natives are ignored.
//! Before each statement the interrupt is polled, so a run that is told to end does nothing more.

mod gate;
mod language;
mod run;
mod seal;
mod vm;
mod work;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolet_core_traits::{
    Capabilities, Engine, EngineError, EngineId, SealError, SealKeys, SealedProgram, SourceHash, VmConfig,
};

pub use self::gate::Hold;
pub use self::vm::{FakeParked, FakeVm};

pub(crate) use self::gate::Gate;
use self::language::Script;
use crate::clock::ManualClock;

/// The fake engine. Clones share everything, so a test keeps one and gives one away.
///
/// ```
/// use isolet_core_traits::Engine;
/// use isolet_testkit::{FakeEngine, FakeOptions};
///
/// let engine = FakeEngine::new(FakeOptions { reuse: false, ..FakeOptions::default() });
/// assert!(!engine.capabilities().reuse);
/// assert_eq!(engine.counts().vms_made, 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct FakeEngine {
    shared: Arc<Shared>,
}

/// What a fake engine is like.
#[derive(Debug, Clone)]
pub struct FakeOptions {
    /// Its id.
    pub id: EngineId,
    /// Whether a reset answers `Pristine`.
    pub reuse: bool,
    /// Whether it parks.
    pub park: bool,
    /// After how many polls of a `spin` it is preempted; `None`: never.
    pub polls_per_slice: Option<u32>,
    /// A clock that each poll of a `spin` moves on, so that it meets its deadline.
    pub spin_clock: Option<(Arc<ManualClock>, Duration)>,
}

impl Default for FakeOptions {
    /// Reuses and parks VMs, and spins without preemption until it is told to end.
    fn default() -> Self {
        Self { id: EngineId::new("fake/1"), reuse: true, park: true, polls_per_slice: None, spin_clock: None }
    }
}

/// How often things happened on an engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// VMs that were made, for either purpose.
    pub vms_made: u64,
    /// VMs that were dropped.
    pub vms_dropped: u64,
    /// VMs that were not made because a test said so.
    pub vms_failed: u64,
    /// Compilations that began.
    pub compiles: u64,
    /// Runs that began.
    pub starts: u64,
    /// Steps after the first of a run.
    pub resumes: u64,
    /// Runs that were ended from outside while they were off their thread.
    pub aborts: u64,
    /// Runs that were parked.
    pub parks: u64,
    /// Runs that were brought back.
    pub unparks: u64,
    /// Resets that answered `Pristine`.
    pub resets: u64,
    /// Resets that answered `Discard`.
    pub discards: u64,
    /// Calls that the state of a VM did not allow: mistakes of the engine's user.
    pub misuses: u64,
    /// Threads that are attached now.
    pub threads: u64,
}

impl Counts {
    /// VMs that exist now.
    pub fn vms(&self) -> u64 {
        self.vms_made - self.vms_dropped
    }
}

/// Where a test can hold threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before a VM is made.
    CreateVm,
    /// Before a compilation begins.
    Compile,
    /// Before a run begins.
    Start,
}

/// How parking goes wrong on an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParkFault {
    /// `park` answers [`NotParkable::NotWaiting`](isolet_core_traits::NotParkable::NotWaiting), and the run stays.
    Declined,
    /// `park` panics.
    Panics,
    /// The reset after it answers `Discard`.
    Discarded,
    /// `unpark` answers [`EngineError::State`].
    Refused,
}

impl FakeEngine {
    /// An engine with these options.
    pub fn new(options: FakeOptions) -> Self {
        Self { shared: Arc::new(Shared { options, ..Shared::default() }) }
    }

    /// How often things happened until now.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Makes the next `vms` creations of a VM fail with [`EngineError::Memory`].
    pub fn fail_next_vms(&self, vms: usize) {
        self.shared.lock().vms_to_fail = vms;
    }

    /// Makes parking go wrong from now on, or right again.
    pub fn set_park_fault(&self, fault: Option<ParkFault>) {
        self.shared.lock().park_fault = fault;
    }

    /// Holds every thread that comes to `stage` until the hold is released or dropped.
    pub fn hold(&self, stage: Stage) -> Hold {
        Hold::new(self.shared.gate(stage))
    }
}

/// What an engine and its VMs share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) options: FakeOptions,
    books: Mutex<Books>,
    create_vm: Arc<Gate>,
    compile: Arc<Gate>,
    start: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Books {
    counts: Counts,
    vms_to_fail: usize,
    park_fault: Option<ParkFault>,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Books> {
        // No code panics while it holds the lock, so the books are whole even after a `panic` statement.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock().counts);
    }

    pub(crate) fn has_park_fault(&self, fault: ParkFault) -> bool {
        self.lock().park_fault == Some(fault)
    }

    fn gate(&self, stage: Stage) -> &Arc<Gate> {
        match stage {
            Stage::CreateVm => &self.create_vm,
            Stage::Compile => &self.compile,
            Stage::Start => &self.start,
        }
    }

    pub(crate) fn pass(&self, stage: Stage) {
        self.gate(stage).pass();
    }
}

/// A program of the fake engine.
#[derive(Clone)]
pub struct FakeProgram {
    pub(crate) text: Arc<str>,
    pub(crate) script: Arc<Script>,
}

impl fmt::Debug for FakeProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeProgram({:?})", self.text)
    }
}

thread_local! {
    /// How many guards of fake engines this thread holds.
    static ATTACHED: Cell<u32> = const { Cell::new(0) };
}

/// Whether this thread may step VMs.
pub(crate) fn is_attached() -> bool {
    ATTACHED.get() > 0
}

/// A thread that may step VMs. Stepping one without it counts as a misuse.
#[derive(Debug)]
pub struct FakeThread {
    shared: Arc<Shared>,
    /// A guard belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Drop for FakeThread {
    fn drop(&mut self) {
        ATTACHED.set(ATTACHED.get() - 1);
        self.shared.count(|counts| counts.threads -= 1);
    }
}

impl Engine for FakeEngine {
    type Program = FakeProgram;
    type Vm = FakeVm;
    type Thread = FakeThread;

    fn id(&self) -> EngineId {
        self.shared.options.id.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reuse: self.shared.options.reuse,
            park: self.shared.options.park,
            slice: self.shared.options.polls_per_slice.is_some(),
            kill_in_natives: true,
            hard_memory: true,
            thread_stack_bytes: 512 << 10,
        }
    }

    fn attach_thread(&self) -> Result<FakeThread, EngineError> {
        ATTACHED.set(ATTACHED.get() + 1);
        self.shared.count(|counts| counts.threads += 1);
        Ok(FakeThread { shared: self.shared.clone(), not_send: PhantomData })
    }

    fn create_vm(&self, config: &VmConfig) -> Result<FakeVm, EngineError> {
        self.shared.pass(Stage::CreateVm);
        let mut books = self.shared.lock();
        if books.vms_to_fail > 0 {
            books.vms_to_fail -= 1;
            books.counts.vms_failed += 1;
            return Err(EngineError::Memory);
        }
        books.counts.vms_made += 1;
        let number = books.counts.vms_made;
        drop(books);
        Ok(FakeVm::new(self.shared.clone(), number, config.clone()))
    }

    fn program_bytes(&self, program: &FakeProgram) -> usize {
        program.text.len()
    }

    fn seal(&self, program: &FakeProgram, source: &SourceHash, keys: &SealKeys) -> SealedProgram {
        seal::seal(&self.id(), &program.text, source, keys)
    }

    fn unseal(&self, sealed: SealedProgram, source: &SourceHash, keys: &SealKeys) -> Result<FakeProgram, SealError> {
        let text = seal::unseal(&self.id(), &sealed, source, keys)?;
        let script = language::parse(&text).map_err(|_| SealError::Malformed)?;
        Ok(FakeProgram { text: text.into(), script: Arc::new(script) })
    }
}
