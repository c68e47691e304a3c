//! The engine: knows the layout of its QuickJS, compiles setup scripts once, makes VMs.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolet_core_traits::{
    Capabilities, Engine, EngineError, EngineId, Environment, HostModule, Intrinsics, Nudge, Purpose, SealError,
    SealKeys, SealedProgram, SetupScript, SourceHash, StackBytes, VmConfig,
};
use rquickjs::qjs;

use crate::arena::Restoring;
use crate::images::Budget;
use crate::layout::Layout;
use crate::modules::Module;
use crate::program::QuickJsProgram;
use crate::realm::{MemoryPlan, Realm, STACK_RESERVE_BYTES, Setup};
use crate::signals::{self, OnFault, Ticks};
use crate::stack::Stacks;
use crate::vm::QuickJsVm;
use crate::{compile, dates, seal, setup};

/// Counts changes of what a program's bytes mean beyond QuickJS's own version.
const PROGRAM_FORMAT: u32 = 1;

/// Wakes nobody where ordinary code runs, and takes a thread back from a builtin soon enough.
const TICK: Duration = Duration::from_millis(2);
/// What a thread needs to get anywhere between two ticks.
const TICK_MIN: Duration = Duration::from_micros(20);

/// QuickJS-ng.
///
/// [`new`](Self::new) makes VMs that are taken back to their first byte after each run, whose memory limit is hard, and
/// whose waiting runs can be parked. On threads that are [attached](Engine::attach_thread), deadlines hold inside of
/// builtins too: a timer sends such a thread `SIGURG` while it runs scripts. Faults of the engine's code end its run
/// (see [`OnFault`]). Handlers pass on what is not their own; those that are installed later must do so too. What uses no
/// signals is [`without_signals`](Self::without_signals).
///
/// [`portable`](Self::portable) makes a fresh runtime for each run, on the thread's
/// stack and with nothing but the system's allocator: the form for platforms that lack what the other one needs
/// (anonymous mappings that are committed as they are touched; tested on Linux).
///
/// ```
/// use std::sync::Arc;
/// use isolet_core_traits::{Engine, Environment, Purpose, VmConfig};
/// use isolet_engine_quickjs::QuickJs;
///
/// let engine = QuickJs::new()?;
/// let vm = engine.create_vm(&VmConfig::new(Purpose::Run, Arc::new(Environment::default())))?;
/// assert!(engine.capabilities().reuse);
/// # Ok::<(), isolet_core_traits::EngineError>(())
/// ```
#[derive(Debug)]
pub struct QuickJs {
    id: EngineId,
    layout: Layout,
    form: Form,
    restoring: Restoring,
    /// What script images hold.
    images: Budget,
    stacks: Stacks,
    /// None without signals.
    tick: Option<Duration>,
    on_fault: OnFault,
    /// Bytecode of setup scripts.
    setup: Mutex<HashMap<SetupScript, Arc<[u8]>>>,
    /// Bytecode of the host's modules.
    modules: Mutex<HashMap<HostModule, Arc<[u8]>>>,
}

/// How VMs get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Restored,
    Portable,
}

/// What a thread needs to step VMs. Not `Send`, as the contract has it.
#[derive(Debug)]
pub struct Attached {
    ticks: Option<Ticks>,
    _of_this_thread: PhantomData<*const ()>,
}

impl QuickJs {
    /// Finds what the engine needs to know of the QuickJS that is linked.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] if the layout of its context is unknown, [`EngineError::Memory`] without memory.
    pub fn new() -> Result<Self, EngineError> {
        Self::of_form(if cfg!(target_os = "linux") { Form::Restored } else { Form::Portable })
    }

    /// The portable form: each VM serves one run.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn portable() -> Result<Self, EngineError> {
        Self::of_form(Form::Portable)
    }

    /// How VMs made from now on are put back after a run.
    #[must_use]
    pub fn restoring(self, restoring: Restoring) -> Self {
        Self { restoring, ..self }
    }

    /// How often threads that run scripts look whether these poll: 2 ms unless told otherwise.
    ///
    /// A builtin is suspended at the second tick that finds it, so that deadlines are late by about as much.
    #[must_use]
    pub fn tick(self, tick: Duration) -> Self {
        Self { tick: self.tick.map(|_| tick.max(TICK_MIN)), ..self }
    }

    /// What becomes of faults in the engine's code.
    #[must_use]
    pub fn on_fault(self, on_fault: OnFault) -> Self {
        Self { on_fault, ..self }
    }

    /// Neither installs handlers nor sends signals. Deadlines hold at polls alone then, which long builtins do not reach:
    /// those that are known refuse, with a `RangeError`, what would take them more than about a second. Faults of the
    /// engine's code end the process, and the whole image is copied after each run.
    #[must_use]
    pub fn without_signals(self) -> Self {
        Self { tick: None, on_fault: OnFault::EndProcess, restoring: Restoring::Whole, ..self }
    }

    fn of_form(form: Form) -> Result<Self, EngineError> {
        let mut realm = Realm::bare()?;
        let layout = Layout::probe(realm.enter())?;
        dates::find(realm.enter())?;
        // SAFETY: QuickJS gives a static C string.
        let version = unsafe { CStr::from_ptr(qjs::JS_GetVersion()) }.to_string_lossy();
        let id = EngineId::new(format!("quickjs-ng/{version} program/{PROGRAM_FORMAT}"));
        let (restoring, images, stacks) = (Restoring::default(), Budget::of_process(), Stacks::default());
        let uses_signals = form == Form::Restored && signals::is_supported();
        if uses_signals {
            let js = realm.enter();
            signals::find_interpreter(js, layout.poll_counter(js));
        }
        let (tick, on_fault) = (uses_signals.then_some(TICK), OnFault::default());
        Ok(Self {
            id,
            layout,
            form,
            restoring,
            images,
            stacks,
            tick,
            on_fault,
            setup: Mutex::default(),
            modules: Mutex::default(),
        })
    }

    fn setup_bytecode(&self, script: &SetupScript) -> Result<Arc<[u8]>, EngineError> {
        // The map holds whole entries only, so that a panic elsewhere leaves it usable.
        let mut known = self.setup.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytecode) = known.get(script) {
            return Ok(bytecode.clone());
        }
        let mut realm = Realm::bare()?;
        let compiled = compile::compile_setup(realm.enter(), script.source);
        let bytecode: Arc<[u8]> =
            compiled.map_err(|message| EngineError::Setup { script: script.name, message })?.into();
        known.insert(*script, bytecode.clone());
        Ok(bytecode)
    }

    /// The environment's modules, each of which may import those before it.
    fn modules(&self, environment: &Environment) -> Result<Vec<Module>, EngineError> {
        let mut modules = Vec::new();
        for module in &environment.modules {
            let bytecode = self.module_bytecode(module, &modules)?;
            modules.push(Module { name: module_name(module)?.into(), bytecode });
        }
        Ok(modules)
    }

    fn module_bytecode(&self, module: &HostModule, before: &[Module]) -> Result<Arc<[u8]>, EngineError> {
        let mut known = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytecode) = known.get(module) {
            return Ok(bytecode.clone());
        }
        let mut realm = Realm::bare()?;
        realm.provide(before.to_vec());
        let compiled = compile::compile_module(realm.enter(), &module_name(module)?, &module.source);
        let failed = |message| EngineError::Module { module: module.name.to_string(), message };
        let bytecode: Arc<[u8]> = compiled.map_err(failed)?.into();
        known.insert(module.clone(), bytecode.clone());
        Ok(bytecode)
    }
}

fn module_name(module: &HostModule) -> Result<CString, EngineError> {
    let failed = |_| EngineError::Module { module: module.name.to_string(), message: "its name has a NUL".into() };
    CString::new(&*module.name).map_err(failed)
}

impl Engine for QuickJs {
    type Program = QuickJsProgram;
    type Vm = QuickJsVm;
    type Thread = Attached;

    fn id(&self) -> EngineId {
        self.id.clone()
    }

    fn capabilities(&self) -> Capabilities {
        let is_restored = self.form == Form::Restored;
        let engine_stack = if is_restored { 0 } else { StackBytes::default().0 };
        Capabilities {
            reuse: is_restored,
            park: is_restored,
            slice: is_restored,
            kill_in_natives: self.tick.is_some(),
            hard_memory: is_restored,
            thread_stack_bytes: engine_stack + 2 * STACK_RESERVE_BYTES,
        }
    }

    fn attach_thread(&self) -> Result<Attached, EngineError> {
        let ticks = self.tick.map(Ticks::start).transpose();
        let ticks = ticks.map_err(|error| EngineError::Thread { message: error.to_string() })?;
        Ok(Attached { ticks, _of_this_thread: PhantomData })
    }

    fn nudge(&self, thread: &Attached) -> Option<Arc<dyn Nudge>> {
        thread.ticks.as_ref().map(|ticks| ticks.nudger() as Arc<dyn Nudge>)
    }

    fn create_vm(&self, config: &VmConfig) -> Result<QuickJsVm, EngineError> {
        let compiles = config.purpose == Purpose::Compile;
        let plan = match self.form {
            Form::Restored => MemoryPlan::Arena {
                run_bytes_max: config.memory_bytes_max,
                stacks: self.stacks.clone(),
                contains_faults: self.on_fault == OnFault::EndRun && signals::watch_faults(),
            },
            Form::Portable => MemoryPlan::Blocks,
        };
        let intrinsics =
            Intrinsics { eval: compiles || config.environment.intrinsics.eval, ..config.environment.intrinsics };
        let mut realm = Realm::new(&plan, intrinsics, config.stack)?;
        realm.provide(self.modules(&config.environment)?);
        if !compiles {
            dates::use_utc(realm.enter()).map_err(|_| EngineError::Memory)?;
            let own = setup::scripts(self.tick.is_some());
            let scripts: Vec<&SetupScript> = own.chain(&config.environment.setup).collect();
            let bytecode = scripts.iter().map(|script| self.setup_bytecode(script)).collect::<Result<Vec<_>, _>>()?;
            let setup: Vec<_> =
                scripts.iter().zip(&bytecode).map(|(script, bytecode)| Setup { name: script.name, bytecode }).collect();
            let lazy = config.environment.lazy.iter().map(|lazy| self.setup_bytecode(&lazy.script));
            realm.furnish(&config.environment, &setup, lazy.collect::<Result<_, _>>()?)?;
            if self.tick.is_none() {
                realm.poll_in_outputs()?;
            }
        }
        realm.freeze(self.layout, self.restoring)?;
        Ok(QuickJsVm::new(realm, self.layout, self.images.clone(), config))
    }

    fn program_bytes(&self, program: &QuickJsProgram) -> usize {
        program.bytes()
    }

    fn seal(&self, program: &QuickJsProgram, source: &SourceHash, keys: &SealKeys) -> SealedProgram {
        seal::seal(program, &self.id, source, keys)
    }

    fn unseal(&self, sealed: SealedProgram, source: &SourceHash, keys: &SealKeys) -> Result<QuickJsProgram, SealError> {
        seal::unseal(sealed, &self.id, source, keys)
    }
}
