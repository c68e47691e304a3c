//! The current revisions of scripts, in memory.
//!
//! What is here is never older than what a change of this process that has returned made current, nor than what was read
//! before. Two rules see to that: a change takes out what is older, and what was read while anything changed is not kept.
//! A change that is first known from a read is one, too.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isolet_core_traits::{ScriptId, StoredScript, TenantId};
use lru::LruCache;

use super::revision::ScriptRevision;

/// What an entry takes besides its text, roughly.
const ENTRY_BYTES: usize = 1 << 10;

#[derive(Debug)]
pub(super) struct Current {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    entries: LruCache<(TenantId, ScriptId), Entry>,
    bytes: usize,
    /// Counts changes that this process knows of.
    generation: u64,
    /// The last of them, by the database's number.
    newest: i64,
    /// When the database last told what has changed.
    heard: Duration,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// The change that made it current.
    change: i64,
    bytes: usize,
    pub(super) script: StoredScript,
}

/// What one had seen of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl Entry {
    pub(super) fn of(revision: ScriptRevision) -> Self {
        let bytes = revision.script.source.text().len() + ENTRY_BYTES;
        Self { change: revision.change, bytes, script: revision.script }
    }
}

impl Current {
    pub(super) fn new(bytes_max: usize) -> Self {
        let entries = LruCache::unbounded();
        Self {
            bytes_max,
            state: Mutex::new(State { entries, bytes: 0, generation: 0, newest: 0, heard: Duration::ZERO }),
        }
    }

    /// The script, if it is here and the database has told of changes since then.
    pub(super) fn get(&self, tenant: &TenantId, script: &ScriptId, since: Duration) -> Option<StoredScript> {
        let mut state = self.state();
        if state.heard < since {
            return None;
        }
        state.entries.get(&(tenant.clone(), script.clone())).map(|entry| entry.script.clone())
    }

    /// To be asked before a script is read, or changed.
    pub(super) fn generation(&self) -> Generation {
        Generation(self.state().generation)
    }

    /// Keeps what was read, unless something has changed since. Nothing older is kept from now on.
    pub(super) fn learn(&self, tenant: &TenantId, script: &ScriptId, entry: Entry, seen: Generation) {
        let mut state = self.state();
        let (key, change) = ((tenant.clone(), script.clone()), entry.change);
        if state.generation == seen.0 {
            state.keep(key, entry, self.bytes_max);
            return;
        }
        state.forget_before(&key, change);
        if change > state.newest {
            state.knows_of(change);
        }
    }

    /// A change of this process was made, and the script is now this, or is not any more.
    pub(super) fn changed(
        &self,
        tenant: &TenantId,
        script: &ScriptId,
        change: i64,
        now: Option<Entry>,
        seen: Generation,
    ) {
        let mut state = self.state();
        let key = (tenant.clone(), script.clone());
        state.forget_before(&key, change);
        if let Some(entry) = now
            && state.generation == seen.0
        {
            state.keep(key, entry, self.bytes_max);
        }
        state.knows_of(change);
    }

    /// What the database told at `at` of changes by anyone.
    pub(super) fn heard(&self, changes: &[((TenantId, ScriptId), i64)], at: Duration) {
        let mut state = self.state();
        for (key, change) in changes {
            state.forget_before(key, *change);
            state.knows_of(*change);
        }
        state.heard = state.heard.max(at);
    }

    /// A poisoned lock is used all the same: nothing under it panics but a lack of memory.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Who reads from now on reads what this change made, or later ones.
    fn knows_of(&mut self, change: i64) {
        self.newest = self.newest.max(change);
        self.generation += 1;
    }

    fn keep(&mut self, key: (TenantId, ScriptId), entry: Entry, bytes_max: usize) {
        if self.entries.peek(&key).is_some_and(|kept| kept.change > entry.change) {
            return;
        }
        self.bytes += entry.bytes;
        if let Some(replaced) = self.entries.put(key, entry) {
            self.bytes -= replaced.bytes;
        }
        while self.bytes > bytes_max {
            let Some((_, entry)) = self.entries.pop_lru() else { break };
            self.bytes -= entry.bytes;
        }
    }

    fn forget_before(&mut self, key: &(TenantId, ScriptId), change: i64) {
        if self.entries.peek(key).is_some_and(|kept| kept.change < change)
            && let Some(entry) = self.entries.pop(key)
        {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isolet_core_traits::{LimitOverrides, Source, SourceKind};

    use super::*;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().expect("an id")
    }

    fn entry(change: i64) -> Entry {
        let source = Source::new("s", "1", SourceKind::Auto).expect("a name");
        let revision: Arc<str> = change.to_string().into();
        let script =
            StoredScript { source, revision, limits: LimitOverrides::default(), permissions: None, policy: None };
        Entry { change, bytes: 100, script }
    }

    /// Two scripts of one tenant.
    struct Stage(Current);

    impl Stage {
        fn kept(&self, script: &str) -> Option<String> {
            self.0.get(&id("t"), &id(script), Duration::ZERO).map(|script| script.revision.to_string())
        }

        fn learn(&self, script: &str, change: i64, seen: Generation) {
            self.0.learn(&id("t"), &id(script), entry(change), seen);
        }

        fn changed(&self, script: &str, change: i64, seen: Generation) {
            self.0.changed(&id("t"), &id(script), change, Some(entry(change)), seen);
        }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let stage = Stage(Current::new(1_000));
        let before = stage.0.generation();
        stage.changed("a", 2, before);
        stage.learn("a", 1, before);
        assert_eq!(stage.kept("a").as_deref(), Some("2"));
        stage.learn("b", 1, before);
        assert_eq!(stage.kept("b"), None, "it might be older than a change that was dropped from memory meanwhile");
        stage.learn("b", 1, stage.0.generation());
        assert_eq!(stage.kept("b").as_deref(), Some("1"));
    }

    /// One reader begins, another one reads a later change and cannot keep it; what the first one has read is older.
    #[test]
    fn what_was_read_earlier_is_not_kept_after_what_was_read_later() {
        let stage = Stage(Current::new(1_000));
        let before = stage.0.generation();
        stage.changed("b", 1, before);
        let slow = stage.0.generation();
        stage.learn("a", 5, before);
        stage.learn("a", 3, slow);
        assert_eq!(stage.kept("a"), None);
        stage.learn("a", 5, stage.0.generation());
        stage.learn("a", 5, before);
        assert_eq!(stage.kept("a").as_deref(), Some("5"), "what is known already is no change");
    }

    #[test]
    fn changes_that_return_in_another_order_leave_nothing_old() {
        for order in [[1, 2], [2, 1]] {
            let stage = Stage(Current::new(1_000));
            let before = stage.0.generation();
            order.into_iter().for_each(|change| stage.changed("a", change, before));
            assert!(matches!(stage.kept("a").as_deref(), None | Some("2")), "{order:?}");
        }
    }

    #[test]
    fn what_others_changed_is_forgotten() {
        let stage = Stage(Current::new(1_000));
        stage.learn("a", 5, stage.0.generation());
        let told = |change| [((id("t"), id("a")), change)];
        stage.0.heard(&told(5), Duration::ZERO);
        assert_eq!(stage.kept("a").as_deref(), Some("5"), "what it knows already");
        let before = stage.0.generation();
        stage.0.heard(&told(6), Duration::ZERO);
        stage.learn("a", 5, before);
        assert_eq!(stage.kept("a"), None);
        stage.0.changed(&id("t"), &id("a"), 7, None, stage.0.generation());
        assert_eq!(stage.kept("a"), None);
    }

    #[test]
    fn without_news_nothing_is_served_for_ever() {
        let stage = Stage(Current::new(1_000));
        stage.learn("a", 1, stage.0.generation());
        stage.0.heard(&[], Duration::from_secs(10));
        let get = |since| stage.0.get(&id("t"), &id("a"), Duration::from_secs(since));
        assert!(get(10).is_some() && get(11).is_none());
    }

    #[test]
    fn bytes_are_bounded() {
        let stage = Stage(Current::new(250));
        for script in ["a", "b", "c"] {
            stage.learn(script, 1, stage.0.generation());
        }
        assert_eq!([stage.kept("a"), stage.kept("b")].map(|kept| kept.is_some()), [false, true]);
        assert_eq!(stage.0.state().bytes, 200);
    }
}
