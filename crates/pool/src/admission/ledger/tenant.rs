//! One tenant's part of the [ledger](super), and its scripts'.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use isolet_core_traits::{ScriptId, TenantId};

use super::super::capped::{Capped, Stopwatch};
use super::super::rounds::{Account, Rounds, Turn};
use super::{Change, Class, Cost, Index, Need, Share, Ticket};
use crate::rejected::Cap;

type ByNeed = [BTreeSet<Ticket>; 2];
const NEEDS: [Need; 2] = [Need::Vm, Need::Permit];

#[derive(Debug)]
pub(super) struct Tenant {
    share: Share,
    account: Account,
    in_use: usize,
    waiting: usize,
    scripts: HashMap<ScriptId, Script>,
    heads: ByNeed,
    /// The sum of what its scripts lack, its own cap aside.
    vms_lacking: usize,
    capped: Stopwatch,
}

#[derive(Debug, Default)]
struct Script {
    in_use: usize,
    waiting: ByNeed,
    capped: Stopwatch,
}

impl Tenant {
    pub(super) fn new(share: Share, account: Account) -> Self {
        let (scripts, heads, capped) = Default::default();
        Self { share, account, in_use: 0, waiting: 0, scripts, heads, vms_lacking: 0, capped }
    }

    pub(super) fn share(&self) -> Share {
        self.share
    }

    pub(super) fn account(&self) -> Account {
        self.account
    }

    pub(super) fn turn(&self) -> Turn {
        self.account.turn()
    }

    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn in_use_by(&self, script: &ScriptId) -> usize {
        self.scripts.get(script).map_or(0, |script| script.in_use)
    }

    /// How long it and a script of it have been at their caps.
    pub(super) fn capped(&self, now: Duration, script: &ScriptId) -> Capped {
        let script = self.scripts.get(script).map_or(Duration::ZERO, |script| script.capped.read(now));
        Capped { tenant: self.capped.read(now), script }
    }

    /// Which of its own caps holds back all of its requests.
    pub(super) fn held_back_by(&self) -> Option<Cap> {
        if self.in_use >= self.share.runs_per_tenant {
            return Some(Cap::Tenant);
        }
        self.heads().next().is_none().then_some(Cap::Script)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.scripts.is_empty()
    }

    /// Takes it out of what is known of all.
    pub(super) fn leave(&self, id: &TenantId, index: &mut Index) {
        index.vms_lacking -= self.vms_lacking_below_cap();
        for (class, head) in self.heads() {
            index.heads[class as usize].remove(&head);
        }
        if self.waiting > 0 {
            index.crowds.remove(&(self.waiting, Reverse(id.clone())));
        }
    }

    /// Puts it in again.
    pub(super) fn join(&self, id: &TenantId, index: &mut Index) {
        index.vms_lacking += self.vms_lacking_below_cap();
        for (class, head) in self.heads() {
            index.heads[class as usize].insert(head);
        }
        if self.waiting > 0 {
            index.crowds.insert((self.waiting, Reverse(id.clone())));
        }
    }

    /// The caller has taken it out of the index. Each of its scripts is looked at.
    pub(super) fn set_share(&mut self, now: Duration, share: Share, rounds: &Rounds) {
        rounds.reweigh(&mut self.account, share.weight);
        self.share = share;
        (self.heads, self.vms_lacking) = Default::default();
        let Self { scripts, heads, vms_lacking, .. } = self;
        for script in scripts.values_mut() {
            script.join(share.runs_per_script, heads, vms_lacking);
            script.capped.set(now, script.in_use >= share.runs_per_script);
        }
        self.capped.set(now, self.in_use >= share.runs_per_tenant);
    }

    pub(super) fn serve(&mut self, rounds: &mut Rounds, cost: Cost, others: Option<Turn>) {
        rounds.serve(&mut self.account, cost, others);
    }

    pub(super) fn correct(&mut self, rounds: &mut Rounds, charged: Cost, used: Cost) {
        if used > charged {
            rounds.charge(&mut self.account, used - charged);
        } else {
            rounds.refund(&mut self.account, charged - used);
        }
    }

    /// The caller has taken it out of the index.
    pub(super) fn apply(&mut self, now: Duration, id: &ScriptId, change: Change) {
        let cap = self.share.runs_per_script;
        let mut script = self.scripts.remove(id).unwrap_or_default();
        script.leave(cap, &mut self.heads, &mut self.vms_lacking);
        script.apply(change);
        script.capped.set(now, script.in_use >= cap);
        script.join(cap, &mut self.heads, &mut self.vms_lacking);
        if !script.is_idle() {
            self.scripts.insert(id.clone(), script);
        }
        match change {
            Change::Enqueue(..) => self.waiting += 1,
            Change::Leave(..) => self.waiting -= 1,
            Change::Promote(..) => (self.waiting, self.in_use) = (self.waiting - 1, self.in_use + 1),
            Change::Take(_) => self.in_use += 1,
            Change::Release(..) => self.in_use -= 1,
        }
        self.capped.set(now, self.in_use >= self.share.runs_per_tenant);
    }

    fn vms_lacking_below_cap(&self) -> usize {
        self.vms_lacking.min(self.share.runs_per_tenant.saturating_sub(self.in_use))
    }

    fn heads(&self) -> impl Iterator<Item = (Class, (Turn, Ticket))> {
        let (below, turn) = (self.in_use < self.share.runs_per_tenant, self.turn());
        let first = move |need: Need| Some((Class::of(need, self.in_use), (turn, *self.heads[need as usize].first()?)));
        NEEDS.into_iter().filter(move |_| below).filter_map(first)
    }
}

impl Script {
    fn leave(&self, cap: usize, heads: &mut ByNeed, vms_lacking: &mut usize) {
        *vms_lacking -= self.vms_lacking(cap);
        for (need, head) in self.heads(cap) {
            heads[need as usize].remove(&head);
        }
    }

    fn join(&self, cap: usize, heads: &mut ByNeed, vms_lacking: &mut usize) {
        *vms_lacking += self.vms_lacking(cap);
        for (need, head) in self.heads(cap) {
            heads[need as usize].insert(head);
        }
    }

    fn vms_lacking(&self, cap: usize) -> usize {
        self.waiting[Need::Vm as usize].len().min(cap.saturating_sub(self.in_use))
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
            Change::Promote(ticket, need, _) => {
                self.waiting[need as usize].remove(&ticket);
                self.in_use += 1;
            }
            Change::Take(_) => self.in_use += 1,
            Change::Release(..) => self.in_use -= 1,
        }
    }

    fn is_idle(&self) -> bool {
        self.in_use == 0 && self.waiting.iter().all(BTreeSet::is_empty)
    }
}
