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
/// It is trusted, small, and evaluated as the body of a strict function `(global, native, host)`:
/// `global` is the global object, `native` has the environment's [`Native`]s by name, and `host` the operations of
/// namespaces that are not [exposed](crate::HostNamespace::exposed). It must capture the intrinsics that it needs later,
/// because scripts may patch them. Its frames never show in a failure's stack, and its name and positions in no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetupScript {
    /// Its name, for error messages of ours.
    pub name: &'static str,
    /// Its text.
    pub source: &'static str,
}

/// The world that scripts of a VM find. Made by a policy, the same for all VMs of a pool.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Whether scripts may turn text into code (`eval`, `Function`).
    pub eval: bool,
    /// The natives that setup scripts can use.
    pub natives: Vec<Native>,
    /// The host operations.
    pub host: HostInterface,
    /// Run in order when a VM is made.
    pub setup: Vec<SetupScript>,
}

impl Environment {
    /// What programs depend on, as text: part of the key under which a compiled program is kept.
    ///
    /// Compiled programs hold no part of the environment but whether `eval` is there.
    pub fn fingerprint(&self) -> &'static str {
        if self.eval { "eval" } else { "no-eval" }
    }
}

/// How to make a VM.
#[derive(Debug, Clone)]
pub struct VmConfig {
    /// What it is for.
    pub purpose: Purpose,
    /// What scripts find in it. A VM for compiling ignores all but `eval`.
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
