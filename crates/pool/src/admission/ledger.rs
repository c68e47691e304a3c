//! Who holds how many leases and who waits, by tenant and script, indexed so that the next request to serve is found
//! without looking at those that a cap holds back.
//!
//! ```text
//! heads[class]           for each tenant below its cap: its turn, and its earliest admissible request
//!   └ Tenant.heads[need]    for each of its scripts below its cap: the script's earliest request
//!       └ Script.waiting[need]  all of the script's requests, in order
//! ```
//!
//! Every change goes through [`Ledger::change`], which takes one script out of the index, changes it and puts it back.

mod tenant;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use isolet_core_traits::{ScriptId, TenantId};

use self::tenant::Tenant;
use super::capped::Capped;
use super::rounds::{Rounds, Turn};
use super::{Crowd, Need, Request, Share, Ticket};
use crate::rejected::{Blocked, Cap};

/// Requests that the same things hold back, their caps aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// For a VM, of a tenant that has nothing going on.
    FirstRun,
    /// For a VM, of any other.
    FurtherRun,
    /// For permits alone.
    Permit,
}

/// A tenant's next request of a class.
type Head = (Turn, Ticket);
type ByClass = [BTreeSet<Head>; 3];

#[derive(Debug, Default)]
pub(super) struct Ledger {
    tenants: HashMap<TenantId, Tenant>,
    index: Index,
    rounds: Rounds,
}

/// What is known of all tenants together.
#[derive(Debug, Default)]
struct Index {
    heads: ByClass,
    vms_lacking: usize,
    /// Those who wait, by how many of their requests do.
    crowds: BTreeSet<(usize, Reverse<TenantId>)>,
}

/// Whose request it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) script: &'a ScriptId,
    pub(super) share: Share,
}

impl<'a> From<&'a Request> for Whose<'a> {
    fn from(Request { tenant, script, share, .. }: &'a Request) -> Self {
        Self { tenant, script, share: *share }
    }
}

/// What happens to one request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// It begins to wait.
    Enqueue(Ticket, Need),
    /// It waits no longer.
    Leave(Ticket, Need),
    /// It waited and is granted, at this cost.
    Promote(Ticket, Need, Cost),
    /// It is granted at once.
    Take(Cost),
    /// Its lease ended. It was charged with the first, and has cost the second.
    Release(Cost, Cost),
}

/// Microseconds of CPU time.
pub(super) type Cost = u64;

impl Ledger {
    /// Whose turn it is among those of a class that no cap of their own holds back, with its earliest request.
    pub(super) fn first_admissible(&self, class: Class) -> Option<Head> {
        self.index.heads[class as usize].first().copied()
    }

    /// The class of a request of this tenant.
    pub(super) fn class(&self, tenant: &TenantId, need: Need) -> Class {
        self.tenants.get(tenant).map_or_else(|| Class::of(need, 0), |tenant| Class::of(need, tenant.in_use()))
    }

    /// How many VMs those who wait could use at once, within their caps.
    pub(super) fn vms_lacking(&self) -> usize {
        self.index.vms_lacking
    }

    /// How many tenants with nothing going on wait for a VM.
    pub(super) fn first_runs(&self) -> usize {
        self.index.heads[Class::FirstRun as usize].len()
    }

    /// Tenants that hold a lease or wait.
    pub(super) fn tenants(&self) -> usize {
        self.tenants.len()
    }

    /// Tenants that do neither and have used more than their part of late.
    pub(super) fn debtors(&self) -> usize {
        self.rounds.debtors()
    }

    /// Tenants with requests that wait, those with the most first.
    pub(super) fn crowds(&self) -> impl Iterator<Item = Crowd> {
        self.index.crowds.iter().rev().filter_map(|(waiting, Reverse(id))| {
            let tenant = self.tenants.get(id)?;
            let (in_use, cap) = (tenant.in_use(), tenant.share().runs_per_tenant);
            Some(Crowd { tenant: id.clone(), waiting: *waiting, in_use, cap, blocked_by: tenant.held_back_by() })
        })
    }

    /// How long a tenant and a script of it have been at their caps.
    pub(super) fn capped(&self, now: Duration, request: &Request) -> Capped {
        self.tenants.get(&request.tenant).map_or_else(Capped::default, |tenant| tenant.capped(now, &request.script))
    }

    /// How many requests of a tenant wait.
    pub(super) fn waiting(&self, tenant: &TenantId) -> usize {
        self.tenants.get(tenant).map_or(0, Tenant::waiting)
    }

    /// For how many rounds the tenant has to pay before its turn.
    pub(super) fn rounds_ahead(&self, tenant: &TenantId) -> Option<u64> {
        Some(self.tenants.get(tenant)?.turn().rounds_ahead(&self.rounds))
    }

    /// The cap that would hold back a request of this script.
    pub(super) fn blocked(&self, request: &Request) -> Option<Blocked> {
        let Share { runs_per_tenant, runs_per_script, .. } = request.share;
        let tenant = self.tenants.get(&request.tenant);
        let in_use = tenant.map_or(0, Tenant::in_use);
        if in_use >= runs_per_tenant {
            return Some(Blocked { by: Cap::Tenant, in_use, cap: runs_per_tenant });
        }
        let in_use = tenant.map_or(0, |tenant| tenant.in_use_by(&request.script));
        (in_use >= runs_per_script).then_some(Blocked { by: Cap::Script, in_use, cap: runs_per_script })
    }

    /// What held back a request that is still waiting, by what its tenant may have now.
    pub(super) fn still_blocked(&self, request: &Request) -> Option<Blocked> {
        let share = self.tenants.get(&request.tenant).map_or(request.share, Tenant::share);
        self.blocked(&Request { share, ..request.clone() })
    }

    /// From now on this is what the tenant may have, if it is known. Says whether that is something new.
    pub(super) fn set_share(&mut self, now: Duration, tenant_id: &TenantId, share: Share) -> bool {
        let Some(tenant) = self.tenants.get_mut(tenant_id) else { return false };
        if tenant.share() == share {
            return false;
        }
        tenant.leave(tenant_id, &mut self.index);
        tenant.set_share(now, share, &self.rounds);
        tenant.join(tenant_id, &mut self.index);
        true
    }

    /// Makes a change to one script, and forgets the script and the tenant if nothing of them is left. A tenant that
    /// is new gets this share.
    pub(super) fn change(&mut self, now: Duration, whose: Whose<'_>, change: Change) {
        let Whose { tenant: tenant_id, script, share } = whose;
        let Self { tenants, index, rounds } = self;
        let tenant = tenants
            .entry(tenant_id.clone())
            .or_insert_with(|| Tenant::new(share, rounds.open(tenant_id, share.weight)));
        tenant.leave(tenant_id, index);
        match change {
            Change::Promote(.., cost) | Change::Take(cost) => tenant.serve(rounds, cost, index.first_for_a_vm()),
            Change::Release(charged, used) => tenant.correct(rounds, charged, used),
            Change::Enqueue(..) | Change::Leave(..) => {}
        }
        tenant.apply(now, script, change);
        if tenant.is_idle() {
            let account = tenant.account();
            tenants.remove(tenant_id);
            rounds.close(tenant_id, account);
        } else {
            tenant.join(tenant_id, index);
        }
    }
}

impl Index {
    /// The earliest turn of those who could use a VM.
    fn first_for_a_vm(&self) -> Option<Turn> {
        let classes = [Class::FirstRun, Class::FurtherRun].into_iter();
        classes.filter_map(|class| Some(self.heads[class as usize].first()?.0)).min()
    }
}

impl Class {
    /// Of a tenant that holds so many leases.
    fn of(need: Need, in_use: usize) -> Self {
        match need {
            Need::Permit => Self::Permit,
            Need::Vm if in_use == 0 => Self::FirstRun,
            Need::Vm => Self::FurtherRun,
        }
    }
}
