//! What is in memory follows what is in the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use isolet_core_traits::ScriptSource;
use isolet_store::Expected;
use isolet_testkit::ManualClock;
use tokio::task::JoinSet;

use super::{Words, current, draft, open, open_with, script, tenant, until};

pub(crate) async fn a_put_is_seen_at_once(location: &str) {
    let store = open(location).await;
    let (scripts, acme, total) = (store.scripts(), tenant("acme"), script("total.js"));
    for number in 0..50 {
        let text = number.to_string();
        let put = scripts.put(&Words, &acme, &total, &draft(&text), &Expected::Anything).await.expect("it is put");
        assert_eq!(current(scripts, &acme, &total).await, Some(text));
        if number % 10 == 5 {
            scripts.delete(&acme, &total, &Expected::Anything).await.expect("it is deleted");
            assert_eq!(current(scripts, &acme, &total).await, None);
            scripts.rollback(&acme, &total, &put.revision, &Expected::Absent).await.expect("it had it");
            assert_eq!(current(scripts, &acme, &total).await, Some(number.to_string()));
        }
    }
}

pub(crate) async fn other_processes_follow(location: &str) {
    let (here, there) = (open(location).await, open(location).await);
    let (acme, total) = (tenant("acme"), script("total.js"));
    for number in 0..5 {
        let text = number.to_string();
        here.scripts().put(&Words, &acme, &total, &draft(&text), &Expected::Anything).await.expect("it is put");
        until("the other one follows", || async {
            current(there.scripts(), &acme, &total).await.as_deref() == Some(&text)
        })
        .await;
    }
    here.scripts().delete(&acme, &total, &Expected::Anything).await.expect("it is deleted");
    until("the other one follows", || async { current(there.scripts(), &acme, &total).await.is_none() }).await;
}

/// Readers in two processes, as it were, and one writer: what a reader is told never goes back, and in the process of the
/// writer it is never older than the last put that had returned.
pub(crate) async fn changes_race_with_readers(location: &str) {
    const PUTS: u64 = 100;
    let (here, there) = (open(location).await, open(location).await);
    let (acme, total) = (tenant("acme"), script("total.js"));
    let (returned, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    here.scripts().put(&Words, &acme, &total, &draft("0"), &Expected::Anything).await.expect("it is put");
    let mut readers = JoinSet::new();
    for reader in 0..6 {
        let scripts = if reader % 2 == 0 { here.scripts().clone() } else { there.scripts().clone() };
        let (acme, total, returned, is_over) = (acme.clone(), total.clone(), returned.clone(), is_over.clone());
        readers.spawn(async move {
            let mut last = 0;
            while !is_over.load(SeqCst) {
                let at_least = if reader % 2 == 0 { returned.load(SeqCst) } else { last };
                let stored = scripts.script(&acme, &total).await.expect("it serves").expect("it is there");
                let number: u64 = stored.source.text().parse().expect("a number");
                assert!(number >= at_least.max(last), "reader {reader}: {number} after {at_least} and {last}");
                last = number;
                tokio::task::yield_now().await;
            }
        });
    }
    for number in 1..=PUTS {
        let text = draft(&number.to_string());
        here.scripts().put(&Words, &acme, &total, &text, &Expected::Anything).await.expect("it is put");
        returned.store(number, SeqCst);
    }
    is_over.store(true, SeqCst);
    readers.join_all().await;
}

pub(crate) async fn without_a_database_what_is_known_is_served_for_a_while(location: &str) {
    let clock = Arc::new(ManualClock::default());
    let store = open_with(location, |config| {
        config.clock = clock.clone();
        config.stale_max = Duration::from_secs(100);
    })
    .await;
    let (scripts, acme, total) = (store.scripts(), tenant("acme"), script("total.js"));
    scripts.put(&Words, &acme, &total, &draft("1"), &Expected::Anything).await.expect("it is put");
    store.close().await;
    clock.advance(Duration::from_secs(100));
    assert_eq!(current(scripts, &acme, &total).await.as_deref(), Some("1"));
    clock.advance(Duration::from_secs(1));
    scripts.script(&acme, &total).await.expect_err("it may have changed long ago");
    scripts.script(&acme, &script("unknown")).await.expect_err("nobody knows");
}
