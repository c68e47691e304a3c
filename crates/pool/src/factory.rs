//! Who makes the VMs, and how they are handed over.

use std::fmt;
use std::sync::Arc;

use isolet_core_traits::EngineError;

use crate::admission::VmId;
use crate::shared::Shared;

/// Makes VMs for a pool and destroys them.
///
/// Neither method is called while the pool's lock is held. Both are called on whatever thread caused it: a factory whose
/// VMs take long to make or to destroy hands the work to a thread of its own.
pub trait VmFactory<V>: Send + Sync {
    /// Starts making a VM, without blocking. The answer goes into `slot`, from any thread, now or later.
    fn create(&self, slot: VmSlot<V>);

    /// Destroys a VM that the pool gave up: it was discarded, lost or idle for too long.
    fn destroy(&self, vm: V) {
        drop(vm);
    }
}

/// The place that a VM was ordered for. Dropping it without an answer counts as a failure.
pub struct VmSlot<V> {
    shared: Arc<Shared<V>>,
    vm: VmId,
    answered: bool,
}

impl<V> VmSlot<V> {
    pub(crate) fn new(shared: Arc<Shared<V>>, vm: VmId) -> Self {
        Self { shared, vm, answered: false }
    }

    /// Hands over the VM.
    pub fn ready(mut self, vm: V) {
        self.answered = true;
        self.shared.vm_ready(self.vm, vm);
    }

    /// Says that there will be none. The pool tries again after a pause.
    pub fn failed(mut self, error: EngineError) {
        self.answered = true;
        tracing::warn!(%error, "a VM could not be made");
        self.shared.vm_failed(self.vm, error);
    }
}

impl<V> Drop for VmSlot<V> {
    fn drop(&mut self) {
        if !self.answered {
            let message = "it was given up while a VM was being made".to_owned();
            self.shared.vm_failed(self.vm, EngineError::Thread { message });
        }
    }
}

impl<V> fmt::Debug for VmSlot<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VmSlot").field(&self.vm).finish()
    }
}
