//! What all handles of a pool share: the state machine, the VMs and the senders of those who wait, under one lock.
//!
//! The lock is held for the state machine's own work alone. What its decisions lead to is collected as [`Effects`] and
//! done after the lock is free: waking, calling the factory, destroying.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isolet_core_traits::{Clock, EngineError};
use tokio::sync::{Notify, oneshot};

use crate::admission::{Admission, Decision, PoolStats, Request, Ticket, VmId, VmReturn};
use crate::factory::{VmFactory, VmSlot};
use crate::lease::{Lease, Notice};
use crate::rejected::Rejected;

pub(crate) type Answer<V> = Result<Lease<V>, Rejected>;

pub(crate) struct Shared<V> {
    state: Mutex<State<V>>,
    factory: Arc<dyn VmFactory<V>>,
    clock: Arc<dyn Clock>,
    /// Told when an event has brought forward what [`pause`](Self::pause) says.
    pub(crate) hastened: Notify,
    /// Told when the pool is drained.
    pub(crate) drained: Notify,
}

struct State<V> {
    admission: Admission,
    /// The VMs that stand ready, and those that were granted or given back to parked runs and not picked up yet.
    vms: HashMap<VmId, V>,
    waiting: HashMap<Ticket, oneshot::Sender<Answer<V>>>,
    /// Those whose runs wait for the host: asked to leave their VM, or told that it is back or lost.
    listening: HashMap<Ticket, oneshot::Sender<Notice>>,
    /// The next attempt to make a VM that those who wait know of.
    retry_at: Option<Duration>,
}

/// The answer to a request, or where it will come.
pub(crate) enum Requested<V> {
    Answered(Box<Answer<V>>),
    Waiting(Ticket, oneshot::Receiver<Answer<V>>),
}

/// What a lease gives back with its VM's place.
pub(crate) enum Back<V> {
    Pristine(Kept<V>),
    /// The VM was used and is not pristine, or nobody knows where it is.
    Lost,
    /// It holds no VM. If the pool counts one as its own, that is where it was.
    Nothing,
}

/// A VM that others may use.
pub(crate) struct Kept<V> {
    pub(crate) vm: V,
    /// What it holds, if that is known.
    pub(crate) vm_bytes: Option<usize>,
}

impl<V> Shared<V> {
    pub(crate) fn new(admission: Admission, factory: Arc<dyn VmFactory<V>>, clock: Arc<dyn Clock>) -> Self {
        let (vms, waiting, listening) = Default::default();
        let state = State { admission, vms, waiting, listening, retry_at: None };
        Self { state: Mutex::new(state), factory, clock, hastened: Notify::new(), drained: Notify::new() }
    }

    pub(crate) fn request(self: &Arc<Self>, request: Request) -> Requested<V> {
        let now = self.clock.now();
        let mut state = self.lock();
        let ticket = state.admission.request(now, request);
        let mut effects = state.effects(self);
        let requested = match effects.take_answer(ticket) {
            Some(answer) => Requested::Answered(Box::new(answer)),
            None => {
                let (sender, receiver) = oneshot::channel();
                state.waiting.insert(ticket, sender);
                Requested::Waiting(ticket, receiver)
            }
        };
        drop(state);
        effects.carry_out(self);
        requested
    }

    pub(crate) fn cancel(self: &Arc<Self>, ticket: Ticket) {
        self.step(|state, now| {
            state.waiting.remove(&ticket);
            state.admission.cancel(now, ticket);
        });
    }

    /// How long whoever waits may sleep before the next [`tick`](Self::tick); `None` if the ticket waits no longer.
    pub(crate) fn pause(&self, ticket: Ticket) -> Option<Duration> {
        let now = self.clock.now();
        Some(self.lock().admission.wake_at(ticket)?.saturating_sub(now))
    }

    pub(crate) fn vm_ready(self: &Arc<Self>, id: VmId, vm: V) {
        self.step(|state, now| {
            state.vms.insert(id, vm);
            state.admission.vm_ready(now, id);
        });
    }

    pub(crate) fn vm_failed(self: &Arc<Self>, id: VmId, error: EngineError) {
        self.step(|state, now| state.admission.vm_failed(now, id, error));
    }

    /// Takes a lease's VM back while its permits stay.
    pub(crate) fn return_vm(self: &Arc<Self>, ticket: Ticket, back: Back<V>) {
        self.step(|state, now| {
            let what = state.take_back(ticket, back);
            state.admission.return_vm(now, ticket, what);
        });
    }

    /// Ends a lease.
    pub(crate) fn release(self: &Arc<Self>, ticket: Ticket, back: Back<V>, cpu_used: Option<Duration>) {
        self.step(|state, now| {
            let what = state.take_back(ticket, back);
            state.admission.release(now, ticket, what, cpu_used);
        });
    }

    pub(crate) fn wait(self: &Arc<Self>, ticket: Ticket) -> oneshot::Receiver<Notice> {
        let (sender, receiver) = oneshot::channel();
        self.step(|state, now| {
            state.listening.insert(ticket, sender);
            state.admission.wait(now, ticket);
        });
        receiver
    }

    pub(crate) fn go_on(self: &Arc<Self>, ticket: Ticket) {
        self.step(|state, now| {
            state.listening.remove(&ticket);
            state.admission.go_on(now, ticket);
        });
    }

    pub(crate) fn park(self: &Arc<Self>, ticket: Ticket, kept: Kept<V>, bytes: usize) -> oneshot::Receiver<Notice> {
        let (sender, receiver) = oneshot::channel();
        self.step(|state, now| {
            state.keep(ticket, kept);
            state.listening.insert(ticket, sender);
            state.admission.parked(now, ticket, bytes);
        });
        receiver
    }

    pub(crate) fn reply(self: &Arc<Self>, ticket: Ticket) {
        self.step(|state, now| state.admission.reply(now, ticket));
    }

    /// The VM of a run that begins or goes on; `None` if it has none or was given it.
    pub(crate) fn pick_up(&self, ticket: Ticket, thread: usize) -> Option<V> {
        let mut state = self.lock();
        let id = state.admission.begin(ticket, thread)?;
        state.vms.remove(&id)
    }

    pub(crate) fn destroy(&self, vm: V) {
        self.factory.destroy(vm);
    }

    pub(crate) fn tick(self: &Arc<Self>) {
        self.step(|state, now| state.admission.tick(now));
    }

    pub(crate) fn drain(self: &Arc<Self>) {
        self.step(|state, now| state.admission.drain(now));
    }

    pub(crate) fn turn_away(self: &Arc<Self>) {
        self.step(|state, now| state.admission.turn_away(now));
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.lock().admission.is_drained()
    }

    pub(crate) fn stats(&self) -> PoolStats {
        self.lock().admission.stats()
    }

    fn step(self: &Arc<Self>, event: impl FnOnce(&mut State<V>, Duration)) {
        let now = self.clock.now();
        let mut state = self.lock();
        event(&mut state, now);
        let effects = state.effects(self);
        drop(state);
        effects.carry_out(self);
    }

    /// A poisoned lock is used all the same: no foreign code runs under it, so a panic there is a defect that one
    /// request has met, and giving up would lose all the others'.
    fn lock(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Drop for Shared<V> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, vm) in state.vms.drain() {
            self.factory.destroy(vm);
        }
    }
}

impl<V> State<V> {
    fn take_back(&mut self, ticket: Ticket, back: Back<V>) -> VmReturn {
        self.listening.remove(&ticket);
        match back {
            Back::Pristine(kept) => {
                self.keep(ticket, kept);
                VmReturn::Kept
            }
            // Nobody has fetched it if it is still here.
            Back::Lost => match self.admission.vm_of(ticket) {
                Some(id) if self.vms.contains_key(&id) => VmReturn::Kept,
                _ => VmReturn::Lost,
            },
            Back::Nothing => VmReturn::Kept,
        }
    }

    /// Keeps the VM of a grant that leaves it.
    fn keep(&mut self, ticket: Ticket, Kept { vm, vm_bytes }: Kept<V>) {
        let id = self.admission.vm_of(ticket).expect("whoever has a VM is on it");
        self.vms.insert(id, vm);
        if let Some(bytes) = vm_bytes {
            self.admission.vm_holds(ticket, bytes);
        }
    }

    fn effects(&mut self, shared: &Arc<Shared<V>>) -> Effects<V> {
        let retry_at = self.admission.retry_at();
        let hastened = retry_at.is_some() && retry_at != self.retry_at;
        self.retry_at = retry_at;
        let mut effects = Effects { drained: self.admission.is_drained(), hastened, ..Effects::default() };
        while let Some(decision) = self.admission.next_decision() {
            match decision {
                Decision::Grant(grant) => {
                    let ticket = grant.ticket;
                    let lease = Lease::new(Arc::clone(shared), grant);
                    effects.replies.push(Reply { ticket, sender: self.waiting.remove(&ticket), answer: Ok(lease) });
                }
                Decision::Reject(ticket, why) => {
                    effects.replies.push(Reply { ticket, sender: self.waiting.remove(&ticket), answer: Err(why) });
                }
                Decision::Create(id) => effects.slots.push(VmSlot::new(Arc::clone(shared), id)),
                Decision::Destroy(id) => effects.destroyed.extend(self.vms.remove(&id)),
                Decision::Park(ticket) => self.notify(ticket, Notice::Park, &mut effects),
                Decision::Resume { ticket, .. } => self.notify(ticket, Notice::VmBack, &mut effects),
                Decision::Lost(ticket) => self.notify(ticket, Notice::VmLost, &mut effects),
            }
        }
        effects
    }

    /// Each lease is told one thing, and listens anew before there can be another.
    fn notify(&mut self, ticket: Ticket, notice: Notice, effects: &mut Effects<V>) {
        effects.notices.extend(self.listening.remove(&ticket).map(|sender| (sender, notice)));
    }
}

/// What is to be done once the lock is free. Dropping it undone loses nothing: leases go back, slots count as failed.
struct Effects<V> {
    replies: Vec<Reply<V>>,
    notices: Vec<(oneshot::Sender<Notice>, Notice)>,
    destroyed: Vec<V>,
    slots: Vec<VmSlot<V>>,
    drained: bool,
    hastened: bool,
}

struct Reply<V> {
    ticket: Ticket,
    /// None yet for the request that is being made.
    sender: Option<oneshot::Sender<Answer<V>>>,
    answer: Answer<V>,
}

impl<V> Default for Effects<V> {
    fn default() -> Self {
        let (replies, notices, destroyed, slots) = Default::default();
        Self { replies, notices, destroyed, slots, drained: false, hastened: false }
    }
}

impl<V> Effects<V> {
    /// The answer to the request that is being made, if it did not have to wait.
    fn take_answer(&mut self, ticket: Ticket) -> Option<Answer<V>> {
        let at = self.replies.iter().position(|reply| reply.ticket == ticket)?;
        Some(self.replies.swap_remove(at).answer)
    }

    fn carry_out(self, shared: &Shared<V>) {
        for Reply { sender, answer, .. } in self.replies {
            if let Some(sender) = sender {
                // Whoever asked may be gone: then the answer is dropped here, and a lease in it goes back.
                let _ = sender.send(answer);
            }
        }
        for (sender, notice) in self.notices {
            // Whoever listened may be gone, and its lease is on its way back.
            let _ = sender.send(notice);
        }
        if self.drained {
            shared.drained.notify_waiters();
        }
        if self.hastened {
            shared.hastened.notify_waiters();
        }
        for vm in self.destroyed {
            shared.factory.destroy(vm);
        }
        for slot in self.slots {
            shared.factory.create(slot);
        }
    }
}
