//! What a VM is built from, before any script: natives, host operations and setup scripts, all as data.

use std::sync::Arc;

use crate::host::HostInterface;
use crate::limits::StackBytes;
use crate::native::Native;

/// What a VM is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Running programs. Its context has no way to turn text into code, unless the environment allows `eval`.
    Run,
    /// Compiling sources. The only purpose with a parser; no script runs on it.
    Compile,
}

/// JavaScript of isolet's own that runs once in each new VM, before any script of a tenant.
///
/// It is trusted, small, and evaluated as the body of a strict function `(global, native, host, own)`:
///
/// - `global` is the global object, `native` has the environment's [`Native`]s by name, and `host` the operations of
///   namespaces that are not [exposed](crate::HostNamespace::exposed);
/// - `own` is an object without prototype that all setup scripts of a VM share, and no script ever sees. The engine puts
///   three functions into it: `own.load(name)` gives what the [`LazyScript`] of that name returns; `own.cancel(call)` takes
///   back the host call of that number, whose promise then never settles, and `own.cancel()` is the number of the call that
///   was made last; and `own.brand(value)` gives the name of the builtin that `value` is inside, whatever its prototype
///   says: `Array`, `ArrayBuffer`, `DataView`, `Date`, `Error`, `Function`, `Map`, `Object` (a plain one, or an instance of
///   a class), `Promise`, `Proxy`, `RegExp`, `Set` or `TypedArray`, and the empty string for all else.
///
/// A function `own.turn` that a setup script puts there is called whenever no job of a run is left, and runs what is due by
/// then, if anything is: it tells whether there was something. That is what timers are made of.
///
/// A function `own.harden` that a setup script puts there is called with what each lazy script returns, before anybody sees
/// it.
///
/// It must capture the intrinsics that it needs later, because scripts may patch them. Its frames never show in a
/// failure's stack, and its name and positions in no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetupScript {
    /// Its name, for error messages of ours.
    pub name: &'static str,
    /// Its text.
    pub source: &'static str,
}

/// A setup script that is evaluated when a script first asks for one of its globals, if ever: until then a VM holds
/// nothing of it but an accessor for each.
///
/// It runs in the midst of a script, so that it takes the intrinsics that it needs from `own`, where a [`SetupScript`] has
/// put them. It defines nothing itself, but returns an array without holes: the values of its globals, in their order.
/// If it throws, so does the access, and the next one tries again.
#[derive(Debug, Clone)]
pub struct LazyScript {
    /// Its name and text.
    pub script: SetupScript,
    /// The globals that it makes. Writable, configurable, and not enumerable. A host's namespace of the same name comes
    /// first.
    pub globals: &'static [&'static str],
    /// What it finds in its `native`.
    pub natives: Vec<Native>,
}

impl LazyScript {
    /// The name of the script that puts the run's time in the place of the engine's clocks. It is evaluated before a
    /// program whose time is [fixed](crate::Invocation::now).
    pub const FIXED_TIME: &str = "fixed-time";
}

/// A module that scripts may import by its name, with `import` and with `import()`.
///
/// It is the host's own code, but runs as a script's: in each run anew, without anything that setup scripts have. It may
/// import those before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostModule {
    /// What is imported, letter by letter: a name such as `pricing` or `@acme/pricing`, never a path.
    pub name: Arc<str>,
    /// Its text, an ECMAScript module.
    pub source: Arc<str>,
}

/// Parts of the language that a VM has or does not have, from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Intrinsics {
    /// Whether scripts may turn text into code (`eval`, `Function`).
    pub eval: bool,
    /// `Proxy`.
    pub proxies: bool,
    /// `WeakRef` and `FinalizationRegistry`.
    pub weak_references: bool,
}

/// All but `eval`.
impl Default for Intrinsics {
    fn default() -> Self {
        Self { eval: false, proxies: true, weak_references: true }
    }
}

/// The world that scripts of a VM find. Made by a policy, the same for all VMs of a pool.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// What of the language is there.
    pub intrinsics: Intrinsics,
    /// The natives that setup scripts can use, those of [`lazy`](Self::lazy) ones aside.
    pub natives: Vec<Native>,
    /// The host operations.
    pub host: HostInterface,
    /// Run in order when a VM is made.
    pub setup: Vec<SetupScript>,
    /// Run when they are needed.
    pub lazy: Vec<LazyScript>,
    /// The modules that scripts may import. All others are refused.
    pub modules: Vec<HostModule>,
    /// The policy's name, for people.
    pub policy: Arc<str>,
    /// Differs between environments in which anything but the host differs.
    pub identity: Arc<str>,
}

impl Environment {
    /// What programs depend on, as text: part of the key under which a compiled program is kept.
    ///
    /// A program that was compiled under one policy runs under no other.
    pub fn fingerprint(&self) -> &Arc<str> {
        &self.identity
    }
}

/// How to make a VM.
#[derive(Debug, Clone)]
pub struct VmConfig {
    /// What it is for.
    pub purpose: Purpose,
    /// What scripts find in it. A VM for compiling ignores all but the intrinsics and the modules.
    pub environment: Arc<Environment>,
    /// The largest [`memory_bytes`](crate::RunLimits::memory_bytes) that a run on it may ask for.
    pub memory_bytes_max: u64,
    /// The native stack that scripts may use.
    pub stack: StackBytes,
}

impl VmConfig {
    /// A VM of `purpose` with the default memory (64 MiB) and stack.
    pub fn new(purpose: Purpose, environment: Arc<Environment>) -> Self {
        Self { purpose, environment, memory_bytes_max: 64 << 20, stack: StackBytes::default() }
    }
}
