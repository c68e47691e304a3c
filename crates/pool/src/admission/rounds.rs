//! Whose turn it is: deficit round robin over tenants, in CPU time.
//!
//! Time is divided into rounds. In each one a tenant may use [`QUANTUM_US`] of CPU time for each unit of its weight; a
//! grant is charged with what its script is expected to use, and corrected when that is known. Whoever has used up its
//! part, or more, has its next turn in the round in which its debt is paid: that round is computed, not waited for, so
//! that one decision costs the same whatever runs cost (surplus round robin: Adiseshu, Parulkar and Varghese, 1996).
//!
//! ```text
//! round        7                    8                    9
//!              a ▓▓▓ (pays until 9) b ▓                  a
//!              b ▓ c ▓              c ▓▓▓▓ (until 11)    b …
//! ```
//!
//! **Bound.** While a request waits that could be granted, each other tenant `j` is granted at most
//! `(r + 1) · QUANTUM_US · weight(j)` of expected CPU time and one grant more, beyond what it is given back because it was
//! charged too much; `r` is the number of rounds for which the request's tenant has to pay ([`Turn::rounds_ahead`]).
//! A tenant without debt has `r = 0`: it is served within one round.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;

use isolet_core_traits::TenantId;

/// What a tenant of weight 1 may use in one round: as much as a run has of a worker in one go.
pub const QUANTUM_US: u64 = 1_000;

/// Tenants with nothing going on whose use is remembered. Beyond, who has least to pay is taken for new.
const DEBTORS_MAX: usize = 10_000;

/// A tenant's place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    round: u64,
    /// Within the round.
    number: u64,
}

/// What a tenant may use, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    turn: Turn,
    /// What is left of its part of that round: at least 1, and at most that part.
    left_us: u64,
    part_us: u64,
}

/// The rounds, and the debts of those who are away.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    now: u64,
    numbers: u64,
    debtors: HashMap<TenantId, Account>,
    /// The same tenants by their turn.
    by_turn: BTreeMap<Turn, TenantId>,
}

impl Turn {
    /// For how many rounds its tenant has to pay before it has its turn.
    pub(super) fn rounds_ahead(self, rounds: &Rounds) -> u64 {
        self.round.saturating_sub(rounds.now)
    }
}

impl Account {
    pub(super) fn turn(&self) -> Turn {
        self.turn
    }
}

impl Rounds {
    /// The account of a tenant that was away: with its debt, or at the end of this round.
    pub(super) fn open(&mut self, tenant: &TenantId, weight: NonZeroU32) -> Account {
        let known = self.debtors.remove(tenant);
        let mut account = match known {
            Some(account) => {
                self.by_turn.remove(&account.turn);
                account
            }
            None => Account { turn: Turn { round: 0, number: 0 }, left_us: 1, part_us: 1 },
        };
        self.reweigh(&mut account, weight);
        if known.is_none() || account.turn.round < self.now {
            self.renew(&mut account);
        }
        account
    }

    /// A tenant has nothing going on any more: what it has used of this round or has to pay is remembered until it counts
    /// no more.
    pub(super) fn close(&mut self, tenant: &TenantId, account: Account) {
        self.forget();
        let is_whole = account.left_us == account.part_us;
        if account.turn.round > self.now || account.turn.round == self.now && !is_whole {
            self.by_turn.insert(account.turn, tenant.clone());
            self.debtors.insert(tenant.clone(), account);
        }
    }

    pub(super) fn reweigh(&self, account: &mut Account, weight: NonZeroU32) {
        account.part_us = QUANTUM_US * u64::from(weight.get());
        account.left_us = account.left_us.min(account.part_us);
    }

    /// A tenant is served, while nobody has an earlier turn than `others` of those who could be served too.
    pub(super) fn serve(&mut self, account: &mut Account, cost_us: u64, others: Option<Turn>) {
        let reached = others.map_or(account.turn.round, |turn| turn.round.min(account.turn.round));
        self.now = self.now.max(reached);
        self.charge(account, cost_us);
    }

    /// A tenant has used more than it was charged with.
    pub(super) fn charge(&mut self, account: &mut Account, cost_us: u64) {
        if account.turn.round < self.now {
            // Its round has passed: what it did not use is lost. It keeps its place, before those of this round.
            (account.turn.round, account.left_us) = (self.now, account.part_us);
        }
        if cost_us < account.left_us {
            account.left_us -= cost_us;
            return;
        }
        let debt_us = cost_us - account.left_us;
        let rounds = debt_us / account.part_us + 1;
        account.left_us = rounds * account.part_us - debt_us;
        self.numbers += 1;
        account.turn = Turn { round: account.turn.round + rounds, number: self.numbers };
    }

    /// A tenant has used less. It gets its turn earlier, but saves nothing up beyond its part of this round.
    pub(super) fn refund(&self, account: &mut Account, cost_us: u64) {
        let left_us = account.left_us.saturating_add(cost_us);
        let earlier = ((left_us - 1) / account.part_us).min(account.turn.round.saturating_sub(self.now));
        account.turn.round -= earlier;
        account.left_us = (left_us - earlier * account.part_us).min(account.part_us);
    }

    /// A whole part, at the end of this round.
    fn renew(&mut self, account: &mut Account) {
        self.numbers += 1;
        account.turn = Turn { round: self.now, number: self.numbers };
        account.left_us = account.part_us;
    }

    /// Forgets those who have paid, and if there are too many, who has least to pay.
    fn forget(&mut self) {
        while let Some((turn, _)) = self.by_turn.first_key_value()
            && (turn.round < self.now || self.debtors.len() >= DEBTORS_MAX)
            && let Some((_, tenant)) = self.by_turn.pop_first()
        {
            self.debtors.remove(&tenant);
        }
    }

    /// Tenants with nothing going on whose debts are remembered.
    pub(super) fn debtors(&self) -> usize {
        self.debtors.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("a valid id")
    }

    fn weight(weight: u32) -> NonZeroU32 {
        NonZeroU32::new(weight).expect("not 0")
    }

    #[test]
    fn debts_are_paid_in_rounds() {
        for (costs, rounds, left_us) in [
            (&[1][..], 0, 999),
            (&[999], 0, 1),
            (&[1_000], 1, 1_000),
            (&[1_001], 1, 999),
            (&[2_500], 2, 500),
            (&[400, 400, 400], 1, 800),
            (&[30_000_000], 30_000, 1_000),
        ] {
            let mut rounds_now = Rounds::default();
            let mut account = rounds_now.open(&tenant("a"), weight(1));
            costs.iter().for_each(|cost| rounds_now.charge(&mut account, *cost));
            assert_eq!((account.turn.rounds_ahead(&rounds_now), account.left_us), (rounds, left_us), "{costs:?}");
            rounds_now.refund(&mut account, costs.iter().sum());
            assert_eq!((account.turn.rounds_ahead(&rounds_now), account.left_us), (0, 1_000), "{costs:?}, given back");
        }
    }

    #[test]
    fn nothing_is_saved_up() {
        let mut rounds = Rounds::default();
        let (mut a, mut b) = (rounds.open(&tenant("a"), weight(1)), rounds.open(&tenant("b"), weight(3)));
        rounds.refund(&mut a, 1_000_000);
        assert_eq!((a.turn.round, a.left_us), (0, 1_000));
        rounds.serve(&mut b, 7_000, None);
        rounds.serve(&mut b, 1, None);
        assert_eq!((b.turn.round, b.left_us, rounds.now), (2, 1_999, 2));
        rounds.charge(&mut a, 1);
        assert_eq!((a.turn.round, a.left_us), (2, 999), "it is given this round, not those that it missed");
    }

    #[test]
    fn the_round_does_not_pass_those_who_could_be_served() {
        let mut rounds = Rounds::default();
        let (mut a, b) = (rounds.open(&tenant("a"), weight(1)), rounds.open(&tenant("b"), weight(1)));
        rounds.charge(&mut a, 50_000);
        rounds.serve(&mut a, 1, Some(b.turn));
        assert_eq!(rounds.now, 0);
        rounds.serve(&mut a, 1, None);
        assert_eq!(rounds.now, 50);
    }

    #[test]
    fn debts_of_those_who_are_away_are_kept_while_they_count() {
        let mut rounds = Rounds::default();
        let mut a = rounds.open(&tenant("a"), weight(1));
        rounds.charge(&mut a, 50_000);
        rounds.close(&tenant("a"), a);
        assert_eq!(rounds.open(&tenant("a"), weight(1)).turn.rounds_ahead(&rounds), 50);
        rounds.close(&tenant("a"), a);
        let mut b = rounds.open(&tenant("b"), weight(1));
        rounds.charge(&mut b, 60_000);
        rounds.serve(&mut b, 1, None);
        rounds.close(&tenant("b"), b);
        assert_eq!((rounds.debtors(), rounds.by_turn.len()), (1, 1), "the first has paid");
        assert_eq!(rounds.open(&tenant("b"), weight(1)).left_us, 999, "nobody gets a part twice");
        for number in 0..100_000 {
            let name = tenant(&number.to_string());
            let mut account = rounds.open(&name, weight(1));
            rounds.charge(&mut account, 1_000 + number);
            rounds.close(&name, account);
        }
        assert_eq!((rounds.debtors(), rounds.by_turn.len()), (DEBTORS_MAX, DEBTORS_MAX));
    }
}
