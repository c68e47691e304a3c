//! The engine: knows the layout of its QuickJS, compiles setup scripts once, makes VMs.

use std::collections::HashMap;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use isolet_core_traits::{
    Capabilities, Engine, EngineError, EngineId, Purpose, SealError, SealKeys, SealedProgram, SetupScript, SourceHash,
    StackBytes, VmConfig,
};
use rquickjs::qjs;

use crate::arena::Restoring;
use crate::images::Budget;
use crate::layout::Layout;
use crate::program::QuickJsProgram;
use crate::realm::{MemoryPlan, Realm, STACK_RESERVE_BYTES, Setup};
use crate::stack::Stacks;
use crate::vm::QuickJsVm;
use crate::{compile, seal};

/// Counts changes of what a program's bytes mean beyond QuickJS's own version.
const PROGRAM_FORMAT: u32 = 1;

/// Runs before all other setup scripts: a call site must not hand out the functions on the stack, because those of
/// setup scripts, natives and hidden host operations are among them.
const CALL_SITES: SetupScript = SetupScript {
    name: "call sites",
    source: "
        Error.prepareStackTrace = (error, sites) => {
            const prototype = Object.getPrototypeOf(sites[0]);
            delete prototype.getFunction;
            delete prototype.getThis;
        };
        new Error();
        Error.prepareStackTrace = undefined;",
};

/// QuickJS-ng.
///
/// [`new`](Self::new) makes VMs that are taken back to their first byte after each run, whose memory limit is hard, and
/// whose waiting runs can be parked. [`portable`](Self::portable) makes a fresh runtime for each run, on the thread's
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
    /// Bytecode of setup scripts.
    setup: Mutex<HashMap<SetupScript, Arc<[u8]>>>,
}

/// How VMs get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Restored,
    Portable,
}

/// What a thread needs to step VMs: nothing. Not `Send`, as the contract has it.
#[derive(Debug)]
pub struct Attached(PhantomData<*const ()>);

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

    fn of_form(form: Form) -> Result<Self, EngineError> {
        let mut realm = Realm::bare()?;
        let layout = Layout::probe(realm.enter())?;
        // SAFETY: QuickJS gives a static C string.
        let version = unsafe { CStr::from_ptr(qjs::JS_GetVersion()) }.to_string_lossy();
        let id = EngineId::new(format!("quickjs-ng/{version} program/{PROGRAM_FORMAT}"));
        let (restoring, images, stacks) = (Restoring::default(), Budget::of_process(), Stacks::default());
        Ok(Self { id, layout, form, restoring, images, stacks, setup: Mutex::default() })
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
            kill_in_natives: false,
            hard_memory: is_restored,
            thread_stack_bytes: engine_stack + 2 * STACK_RESERVE_BYTES,
        }
    }

    fn attach_thread(&self) -> Result<Attached, EngineError> {
        Ok(Attached(PhantomData))
    }

    fn create_vm(&self, config: &VmConfig) -> Result<QuickJsVm, EngineError> {
        let compiles = config.purpose == Purpose::Compile;
        let plan = match self.form {
            Form::Restored => MemoryPlan::Arena { run_bytes_max: config.memory_bytes_max, stacks: self.stacks.clone() },
            Form::Portable => MemoryPlan::Blocks,
        };
        let mut realm = Realm::new(&plan, compiles || config.environment.eval, config.stack)?;
        if !compiles {
            let scripts: Vec<_> = std::iter::once(&CALL_SITES).chain(&config.environment.setup).collect();
            let bytecode = scripts.iter().map(|script| self.setup_bytecode(script)).collect::<Result<Vec<_>, _>>()?;
            let setup: Vec<_> =
                scripts.iter().zip(&bytecode).map(|(script, bytecode)| Setup { name: script.name, bytecode }).collect();
            realm.furnish(&config.environment, &setup)?;
        }
        realm.freeze(self.layout, self.restoring);
        Ok(QuickJsVm::new(realm, self.layout, self.images.clone(), config))
    }

    fn seal(&self, program: &QuickJsProgram, source: &SourceHash, keys: &SealKeys) -> SealedProgram {
        seal::seal(program, &self.id, source, keys)
    }

    fn unseal(
        &self,
        sealed: &SealedProgram,
        source: &SourceHash,
        keys: &SealKeys,
    ) -> Result<QuickJsProgram, SealError> {
        seal::unseal(sealed, &self.id, source, keys)
    }
}
