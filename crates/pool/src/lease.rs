//! What an admitted request holds.

use std::fmt;
use std::sync::Arc;

use isolet_core_traits::{QueueReport, Reset, VmOrigin};

use crate::admission::{Grant, Ticket, VmId};
use crate::shared::Shared;

/// The permits of an admitted request, and its VM if it asked for one.
///
/// [`finish`](Self::finish) it. Dropping it frees the permits as well, but its VM counts as lost, because nobody said
/// that it was reset; unless the VM was never touched: then it goes back as it is.
pub struct Lease<V> {
    shared: Arc<Shared<V>>,
    ticket: Ticket,
    queue: QueueReport,
    vm_origin: Option<VmOrigin>,
    /// Set for as long as the pool counts a VM as this lease's.
    vm_id: Option<VmId>,
    vm: Option<V>,
    touched: bool,
    released: bool,
}

impl<V> Lease<V> {
    pub(crate) fn new(shared: Arc<Shared<V>>, grant: Grant, vm: Option<V>) -> Self {
        let queue = QueueReport {
            waited_us: u64::try_from(grant.waited.as_micros()).unwrap_or(u64::MAX),
            waited_for: grant.waited_for,
            position: grant.position as u64,
        };
        let (vm_id, vm_origin) = grant.vm.unzip();
        Self { shared, ticket: grant.ticket, queue, vm_origin, vm_id, vm, touched: false, released: false }
    }

    /// How it was admitted.
    pub fn queue(&self) -> QueueReport {
        self.queue
    }

    /// Whether its VM stood ready or was made while it waited; `None` if it asked for no VM.
    pub fn vm_origin(&self) -> Option<VmOrigin> {
        self.vm_origin
    }

    /// Its VM; `None` if it asked for none, or the VM was taken or returned.
    pub fn vm(&mut self) -> Option<&mut V> {
        self.touched = true;
        self.vm.as_mut()
    }

    /// Takes its VM, for example to another thread, while the permits stay here. [`put_vm`](Self::put_vm) it back:
    /// a VM that does not come back counts as lost. `None` as for [`vm`](Self::vm).
    pub fn take_vm(&mut self) -> Option<V> {
        self.touched = true;
        self.vm.take()
    }

    /// Puts the VM back that was taken. A VM that has no place here, because the lease has one or returned it, is
    /// destroyed.
    pub fn put_vm(&mut self, vm: V) {
        if self.vm_id.is_some() && self.vm.is_none() {
            self.vm = Some(vm);
        } else {
            self.shared.destroy(vm);
        }
    }

    /// Gives its VM back before the permits, for example while host sessions are being closed.
    /// Does nothing if there is none to give back.
    pub fn return_vm(&mut self, reset: Reset) {
        let Some(id) = self.vm_id.take() else { return };
        let (kept, discarded) = self.split(reset);
        self.shared.return_vm(self.ticket, id, kept);
        discarded.into_iter().for_each(|vm| self.shared.destroy(vm));
    }

    /// Ends it: the permits are free. A pristine VM stands ready again; one to be discarded is destroyed; one that was
    /// taken and not put back is lost.
    pub fn finish(mut self, reset: Reset) {
        self.release(reset);
    }

    fn release(&mut self, reset: Reset) {
        self.released = true;
        let (kept, discarded) = self.split(reset);
        let vm = self.vm_id.take().map(|id| (id, kept));
        self.shared.release(self.ticket, vm);
        discarded.into_iter().for_each(|vm| self.shared.destroy(vm));
    }

    fn split(&mut self, reset: Reset) -> (Option<V>, Option<V>) {
        match reset {
            Reset::Pristine => (self.vm.take(), None),
            Reset::Discard => (None, self.vm.take()),
        }
    }
}

impl<V> Drop for Lease<V> {
    fn drop(&mut self) {
        if !self.released {
            self.release(if self.touched { Reset::Discard } else { Reset::Pristine });
        }
    }
}

impl<V> fmt::Debug for Lease<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("ticket", &self.ticket).field("queue", &self.queue).finish_non_exhaustive()
    }
}
