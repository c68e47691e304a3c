//! Parking by need: a run that waits for the host leaves its VM when somebody else needs it.
//!
//! ```text
//!   on its VM: running ── wait ──▶ waiting ── Park ──▶ asked ── parked ──▶ parked ── reply ──▶ in line ── Resume ─┐
//!                 ▲ ▲                 │                  │                    │                   │              │
//!                 │ └───── go_on ─────┴──────────────────┘                    └──── Lost ◀────────┘              │
//!                 └──────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A run is asked only if a parked run wants this very VM back, or if somebody in the queue lacks nothing but a VM and
//! none is ready, coming back or being made. A run that is asked may go on or end instead: then another one is asked.

use std::time::Duration;

use super::{Admission, Decision, Seat, Ticket, VmId};

impl Admission {
    /// The run of a grant waits for the host, on its VM: from now on it may be [asked](Decision::Park) to leave it.
    /// Does nothing if the ticket is on no VM.
    pub fn wait(&mut self, now: Duration, ticket: Ticket) {
        if let Some(vm) = self.vm_of(ticket) {
            self.vms.wait(vm);
        }
        self.settle(now, None);
    }

    /// The run waits no longer, or cannot leave its VM: until it [waits](Self::wait) again it is not asked, and if it
    /// was, that is void. Does nothing if the ticket is on no VM.
    pub fn go_on(&mut self, now: Duration, ticket: Ticket) {
        if let Some(vm) = self.vm_of(ticket) {
            self.vms.go_on(vm);
        }
        self.settle(now, None);
    }

    /// The run was saved in so many bytes and has left its VM, which is pristine. It keeps its permits.
    /// Does nothing if the ticket is on no VM or has not begun.
    pub fn parked(&mut self, now: Duration, ticket: Ticket, bytes: usize) {
        if let Some(vm) = self.vm_of(ticket).filter(|vm| self.vms.has_begun(*vm))
            && let Some(granted) = self.granted.get_mut(&ticket)
        {
            granted.seat = Seat::Parked { vm, bytes, place: None };
            self.window.vm_back();
            self.vms.park(vm, now);
            self.parked_bytes += bytes;
            self.totals.parks_total += 1;
        }
        self.settle(now, None);
    }

    /// A parked run can go on: it wants its VM back, and gets it with [`Decision::Resume`].
    /// Does nothing if the ticket is not parked or wants it already.
    pub fn reply(&mut self, now: Duration, ticket: Ticket) {
        if let Some(granted) = self.granted.get_mut(&ticket)
            && let Seat::Parked { vm, place: place @ None, .. } = &mut granted.seat
        {
            *place = Some(self.vms.line_up(*vm, ticket));
        }
        self.settle(now, None);
    }

    /// VMs that nobody is on go to the parked runs that want them; on the others, whoever waits is asked to leave.
    pub(super) fn serve_parked(&mut self) {
        while let Some((ticket, vm)) = self.vms.resume() {
            if let Some(granted) = self.granted.get_mut(&ticket)
                && let Seat::Parked { bytes, .. } = std::mem::replace(&mut granted.seat, Seat::On(vm))
            {
                self.parked_bytes -= bytes;
            }
            self.totals.unparks_total += 1;
            self.decisions.push_back(Decision::Resume { ticket, vm });
        }
        while let Some(ticket) = self.vms.ask_for_parked() {
            self.decisions.push_back(Decision::Park(ticket));
        }
    }

    /// Asks as many runs to leave their VMs as those in the queue lack, if no more VMs can be made.
    pub(super) fn ask_for_new(&mut self) {
        if self.can_make() || self.parked_bytes >= self.config.parked_bytes_max {
            return;
        }
        let expected = self.making.being_made() + self.vms.index().coming();
        for _ in expected..self.vms_lacking() {
            let Some(ticket) = self.vms.ask_for_new() else { return };
            self.decisions.push_back(Decision::Park(ticket));
        }
    }

    /// A VM is gone, and with it the runs that were parked by it.
    pub(super) fn lose(&mut self, vm: VmId) {
        self.totals.lost_total += 1;
        for ticket in self.vms.remove(vm) {
            if let Some(granted) = self.granted.get_mut(&ticket)
                && let Seat::Parked { bytes, .. } = std::mem::replace(&mut granted.seat, Seat::Nowhere)
            {
                self.parked_bytes -= bytes;
            }
            self.decisions.push_back(Decision::Lost(ticket));
        }
    }

    /// The VM that the run of a grant is on.
    pub fn vm_of(&self, ticket: Ticket) -> Option<VmId> {
        match self.granted.get(&ticket)?.seat {
            Seat::On(vm) => Some(vm),
            Seat::Nowhere | Seat::Parked { .. } => None,
        }
    }
}
