//! Who holds how many leases and who waits, by tenant and script, indexed so that the next request to serve is found
//! without looking at those that a cap holds back.
//!
//! ```text
//! heads[class]           for each tenant below its cap: its earliest admissible request
//!   └ Tenant.heads[need]    for each of its scripts below its cap: the script's earliest request
//!       └ Script.waiting[need]  all of the script's requests, in order
//! ```
//!
//! Every change goes through [`Ledger::change`], which takes one script out of the index, changes it and puts it back.

use std::collections::{BTreeSet, HashMap};

use isolet_core_traits::{ScriptId, TenantId};

use super::{Need, Ticket};
use crate::rejected::{Blocked, Cap};

type ByNeed = [BTreeSet<Ticket>; 2];
const NEEDS: [Need; 2] = [Need::Vm, Need::Permit];

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

type ByClass = [BTreeSet<Ticket>; 3];

#[derive(Debug)]
pub(super) struct Ledger {
    runs_per_tenant: usize,
    runs_per_script: usize,
    tenants: HashMap<TenantId, Tenant>,
    heads: ByClass,
    vms_lacking: usize,
}

#[derive(Debug, Default)]
struct Tenant {
    in_use: usize,
    scripts: HashMap<ScriptId, Script>,
    heads: ByNeed,
    /// The sum of what its scripts lack, its own cap aside.
    vms_lacking: usize,
}

#[derive(Debug, Default)]
struct Script {
    in_use: usize,
    waiting: ByNeed,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// It begins to wait.
    Enqueue(Ticket, Need),
    /// It waits no longer.
    Leave(Ticket, Need),
    /// It waited and is granted.
    Promote(Ticket, Need),
    /// It is granted at once.
    Take,
    /// Its lease ended.
    Release,
}

impl Ledger {
    pub(super) fn new(runs_per_tenant: usize, runs_per_script: usize) -> Self {
        Self { runs_per_tenant, runs_per_script, tenants: HashMap::new(), heads: ByClass::default(), vms_lacking: 0 }
    }

    /// The earliest waiting request of a class that no cap holds back.
    pub(super) fn first_admissible(&self, class: Class) -> Option<Ticket> {
        self.heads[class as usize].first().copied()
    }

    /// The class of a request of this tenant.
    pub(super) fn class(&self, tenant: &TenantId, need: Need) -> Class {
        self.tenants.get(tenant).map_or_else(|| Tenant::default().class(need), |tenant| tenant.class(need))
    }

    /// How many VMs those who wait could use at once, within their caps.
    pub(super) fn vms_lacking(&self) -> usize {
        self.vms_lacking
    }

    /// Tenants that hold a lease or wait.
    pub(super) fn tenants(&self) -> usize {
        self.tenants.len()
    }

    /// The cap that would hold back a request of this script.
    pub(super) fn blocked(&self, tenant: &TenantId, script: &ScriptId) -> Option<Blocked> {
        let tenant = self.tenants.get(tenant)?;
        if tenant.in_use >= self.runs_per_tenant {
            return Some(Blocked { by: Cap::Tenant, in_use: tenant.in_use, cap: self.runs_per_tenant });
        }
        let script = tenant.scripts.get(script)?;
        (script.in_use >= self.runs_per_script).then_some(Blocked {
            by: Cap::Script,
            in_use: script.in_use,
            cap: self.runs_per_script,
        })
    }

    /// Makes a change to one script, and forgets the script and the tenant if nothing of them is left.
    pub(super) fn change(&mut self, tenant_id: &TenantId, script_id: &ScriptId, change: Change) {
        let Self { runs_per_tenant, runs_per_script, tenants, heads, vms_lacking } = self;
        let tenant = tenants.entry(tenant_id.clone()).or_default();
        tenant.leave(*runs_per_tenant, heads, vms_lacking);
        let mut script = tenant.scripts.remove(script_id).unwrap_or_default();
        script.leave(*runs_per_script, tenant);
        script.apply(change);
        tenant.apply(change);
        script.join(*runs_per_script, tenant);
        if !script.is_idle() {
            tenant.scripts.insert(script_id.clone(), script);
        }
        tenant.join(*runs_per_tenant, heads, vms_lacking);
        if tenant.scripts.is_empty() {
            tenants.remove(tenant_id);
        }
    }
}

impl Tenant {
    fn leave(&self, cap: usize, heads: &mut ByClass, vms_lacking: &mut usize) {
        *vms_lacking -= self.vms_lacking.min(cap - self.in_use);
        for (need, head) in self.heads(cap) {
            heads[self.class(need) as usize].remove(&head);
        }
    }

    fn join(&self, cap: usize, heads: &mut ByClass, vms_lacking: &mut usize) {
        *vms_lacking += self.vms_lacking.min(cap - self.in_use);
        for (need, head) in self.heads(cap) {
            heads[self.class(need) as usize].insert(head);
        }
    }

    fn class(&self, need: Need) -> Class {
        match need {
            Need::Permit => Class::Permit,
            Need::Vm if self.in_use == 0 => Class::FirstRun,
            Need::Vm => Class::FurtherRun,
        }
    }

    fn heads(&self, cap: usize) -> impl Iterator<Item = (Need, Ticket)> {
        let below = self.in_use < cap;
        NEEDS.into_iter().filter_map(move |need| below.then_some((need, *self.heads[need as usize].first()?)))
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Enqueue(..) | Change::Leave(..) => {}
            Change::Promote(..) | Change::Take => self.in_use += 1,
            Change::Release => self.in_use -= 1,
        }
    }
}

impl Script {
    fn leave(&self, cap: usize, tenant: &mut Tenant) {
        tenant.vms_lacking -= self.vms_lacking(cap);
        for (need, head) in self.heads(cap) {
            tenant.heads[need as usize].remove(&head);
        }
    }

    fn join(&self, cap: usize, tenant: &mut Tenant) {
        tenant.vms_lacking += self.vms_lacking(cap);
        for (need, head) in self.heads(cap) {
            tenant.heads[need as usize].insert(head);
        }
    }

    fn vms_lacking(&self, cap: usize) -> usize {
        self.waiting[Need::Vm as usize].len().min(cap - self.in_use)
    }

    fn heads(&self, cap: usize) -> impl Iterator<Item = (Need, Ticket)> {
        let below = self.in_use < cap;
        NEEDS.into_iter().filter_map(move |need| below.then_some((need, *self.waiting[need as usize].first()?)))
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Enqueue(ticket, need) => {
                self.waiting[need as usize].insert(ticket);
            }
            Change::Leave(ticket, need) => {
                self.waiting[need as usize].remove(&ticket);
            }
            Change::Promote(ticket, need) => {
                self.waiting[need as usize].remove(&ticket);
                self.in_use += 1;
            }
            Change::Take => self.in_use += 1,
            Change::Release => self.in_use -= 1,
        }
    }

    fn is_idle(&self) -> bool {
        self.in_use == 0 && self.waiting.iter().all(BTreeSet::is_empty)
    }
}
