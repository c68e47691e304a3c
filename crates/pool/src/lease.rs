//! What an admitted request holds.
//!
//! ```text
//!                  wait                notice: Park, then park
//!   VM in use ────────────▶ VM may be ──────────────────────────▶ parked
//!      ▲  ▲                 asked back                             │  │ notice: VmLost
//!      │  └───── go_on ─────────┘                                  │  └───────────────▶ nothing can be done but finish
//!      └────────────────────────── unpark ─────────────────────────┘
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{QueueReport, Reset, VmOrigin};
use tokio::sync::oneshot;

use crate::admission::{Grant, Ticket};
use crate::shared::{Back, Shared};

/// The permits of an admitted request, and its VM if it asked for one.
///
/// [`finish`](Self::finish) it. Dropping it frees the permits as well, but its VM counts as lost, because nobody said
/// that it was reset; unless the VM was never touched: then it goes back as it is.
pub struct Lease<V> {
    shared: Arc<Shared<V>>,
    ticket: Ticket,
    queue: QueueReport,
    expected_cpu: Duration,
    vm_origin: Option<VmOrigin>,
    /// Whether the pool counts a VM as this lease's.
    has_vm: bool,
    vm: Option<V>,
    /// Whether the VM was fetched from the pool since the grant, or since the run was given it back.
    is_fetched: bool,
    /// Whether its run has left the VM, which then is the pool's.
    parked: bool,
    /// Whether the pool was told that the parked run wants its VM back.
    in_line: bool,
    notices: Notices,
    released: bool,
}

/// What the pool tells a lease whose run waits for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Somebody needs the VM: save the run and [`park`](Lease::park), or [`go_on`](Lease::go_on).
    Park,
    /// The VM that the run left is there again: [`unpark`](Lease::unpark) takes it.
    VmBack,
    /// The VM that the run left is gone, and the run with it.
    VmLost,
}

/// The VM that a parked run left is gone, so that the run can never go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the VM that the run was parked by is gone")]
pub struct VmLost;

impl<V> Lease<V> {
    pub(crate) fn new(shared: Arc<Shared<V>>, grant: Grant) -> Self {
        let queue = QueueReport {
            waited_us: u64::try_from(grant.waited.as_micros()).unwrap_or(u64::MAX),
            waited_for: grant.waited_for,
            position: grant.position as u64,
        };
        Self {
            shared,
            ticket: grant.ticket,
            queue,
            expected_cpu: grant.expected_cpu,
            vm_origin: grant.vm,
            has_vm: grant.vm.is_some(),
            vm: None,
            is_fetched: false,
            parked: false,
            in_line: false,
            notices: Notices::None,
            released: false,
        }
    }

    /// How it was admitted.
    pub fn queue(&self) -> QueueReport {
        self.queue
    }

    /// The CPU time that its tenant is charged with until [`finish`](Self::finish) says what was used: the moving average
    /// of its script.
    pub fn expected_cpu(&self) -> Duration {
        self.expected_cpu
    }

    /// Whether its VM stood ready or was made while it waited; `None` if it asked for no VM.
    pub fn vm_origin(&self) -> Option<VmOrigin> {
        self.vm_origin
    }

    /// Its VM; `None` if it asked for none, or the VM was taken or returned.
    pub fn vm(&mut self) -> Option<&mut V> {
        self.fetch();
        self.vm.as_mut()
    }

    /// Takes its VM, for example to another thread, while the permits stay here. [`put_vm`](Self::put_vm) it back:
    /// a VM that does not come back counts as lost. `None` as for [`vm`](Self::vm).
    pub fn take_vm(&mut self) -> Option<V> {
        self.fetch();
        self.vm.take()
    }

    /// What [takes its VM](Self::take_vm) elsewhere, at the time when the run begins. The later that is, the likelier is
    /// the VM's memory to be in the processor's caches.
    pub fn vm_later(&mut self) -> VmLater<V> {
        self.is_fetched = true;
        VmLater { shared: self.shared.clone(), ticket: self.ticket }
    }

    fn fetch(&mut self) {
        if self.has_vm && !self.parked && !std::mem::replace(&mut self.is_fetched, true) {
            self.vm = self.shared.pick_up(self.ticket, 0);
        }
    }

    /// Puts the VM back that was taken. A VM that has no place here, because the lease has one or returned it, is
    /// destroyed.
    pub fn put_vm(&mut self, vm: V) {
        if self.has_vm && self.vm.is_none() && !self.parked {
            self.vm = Some(vm);
        } else {
            self.shared.destroy(vm);
        }
    }

    /// Its run waits for the host, on its VM: from now on the pool may ask for the VM, with [`Notice::Park`].
    /// Does nothing if it has no VM, waits already or is parked.
    pub fn wait(&mut self) {
        if self.has_vm && matches!(self.notices, Notices::None) {
            self.notices = Notices::Coming(self.shared.wait(self.ticket));
        }
    }

    /// Its run waits no longer, or does not leave its VM: the pool asks no more, and whatever it asked is void.
    /// Does nothing if it does not [wait](Self::wait).
    pub fn go_on(&mut self) {
        if !self.parked && !matches!(self.notices, Notices::None) {
            self.notices = Notices::None;
            self.shared.go_on(self.ticket);
        }
    }

    /// What the pool wants of a lease that [waits](Self::wait) or is [parked](Self::park): pending until it wants
    /// something, and ready with the same from then on. Nothing is lost if the future is dropped.
    pub async fn notice(&mut self) -> Notice {
        self.notices.next().await
    }

    /// Its run was saved in so many bytes and has left its VM, which is here and pristine: the pool takes it, for others.
    /// The permits stay. Does nothing if there is no VM here.
    pub fn park(&mut self, bytes: usize) {
        let Some(vm) = self.vm.take() else { return };
        self.parked = true;
        self.notices = Notices::Coming(self.shared.park(self.ticket, vm, bytes));
    }

    /// Waits until the VM that its run left is here again, pristine. Ready at once if the run is not parked.
    ///
    /// From the first poll on the run has its place in the VM's line; dropping the future does not lose it.
    ///
    /// # Errors
    /// [`VmLost`] if there is no such VM any more.
    pub async fn unpark(&mut self) -> Result<(), VmLost> {
        if !self.parked {
            return Ok(());
        }
        if !self.in_line {
            self.in_line = true;
            self.shared.reply(self.ticket);
        }
        match self.notice().await {
            Notice::Park | Notice::VmLost => Err(VmLost),
            Notice::VmBack => {
                (self.parked, self.in_line, self.is_fetched) = (false, false, false);
                self.notices = Notices::None;
                Ok(())
            }
        }
    }

    /// Gives its VM back before the permits, for example while host sessions are being closed. If its run is parked,
    /// that is over. Does nothing if there is none to give back.
    pub fn return_vm(&mut self, reset: Reset) {
        if !std::mem::take(&mut self.has_vm) {
            return;
        }
        let (back, discarded) = self.split(reset);
        self.shared.return_vm(self.ticket, back);
        discarded.into_iter().for_each(|vm| self.shared.destroy(vm));
    }

    /// Ends it: the permits are free. A pristine VM stands ready again; one to be discarded is destroyed; one that was
    /// taken and not put back is lost. The tenant is charged with the CPU time that was used; of a lease that is dropped,
    /// with what was expected.
    pub fn finish(mut self, reset: Reset, cpu_used: Duration) {
        self.release(reset, Some(cpu_used));
    }

    fn release(&mut self, reset: Reset, cpu_used: Option<Duration>) {
        self.released = true;
        let (back, discarded) =
            if std::mem::take(&mut self.has_vm) { self.split(reset) } else { (Back::Nothing, None) };
        self.shared.release(self.ticket, back, cpu_used);
        discarded.into_iter().for_each(|vm| self.shared.destroy(vm));
    }

    /// What the pool gets back, and what is to be destroyed.
    fn split(&mut self, reset: Reset) -> (Back<V>, Option<V>) {
        self.notices = Notices::None;
        match (self.vm.take(), reset) {
            _ if std::mem::take(&mut self.parked) || !self.is_fetched => (Back::Nothing, None),
            (Some(vm), Reset::Pristine) => (Back::Pristine(vm), None),
            (vm, _) => (Back::Lost, vm),
        }
    }
}

impl<V> Drop for Lease<V> {
    fn drop(&mut self) {
        if !self.released {
            // A VM that nobody fetched has run nothing.
            let cpu_used = (!self.is_fetched).then_some(Duration::ZERO);
            self.release(Reset::Discard, cpu_used);
        }
    }
}

impl<V> fmt::Debug for Lease<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("ticket", &self.ticket).field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// The VM of a [`Lease`], still to be taken.
pub struct VmLater<V> {
    shared: Arc<Shared<V>>,
    ticket: Ticket,
}

impl<V> VmLater<V> {
    /// Takes it, to the thread of this number: one of those that take VMs, counted from 0. [Put it back](Lease::put_vm).
    /// `None` if the lease has no VM, or none any more.
    pub fn take(self, thread: usize) -> Option<V> {
        self.shared.pick_up(self.ticket, thread)
    }
}

/// What the pool tells a lease, and what it has told.
enum Notices {
    None,
    Coming(oneshot::Receiver<Notice>),
    /// `None` if there will never be a notice: its sender went without one, because a waker panicked before its turn.
    Told(Option<Notice>),
}

impl Notices {
    async fn next(&mut self) -> Notice {
        if let Self::Coming(receiver) = self {
            *self = Self::Told(receiver.await.ok());
        }
        match self {
            Self::Told(Some(notice)) => *notice,
            Self::None | Self::Coming(_) | Self::Told(None) => std::future::pending().await,
        }
    }
}
