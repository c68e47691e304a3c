//! A process with a store in Postgres is killed; and so is the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use isolet_core_traits::{ExecutionId, ReportSink};
use isolet_store::{Durability, Expected, RecordsConfig, Store, StoreError};
use isolet_testkit::Postgres;

use crate::contract::{Words, crash, current, draft, full, input, open, report, script, tenant, until};

#[test]
fn what_was_acknowledged_survives_sigkill() {
    let location = || (Postgres::shared().database(), ());
    crash::what_was_acknowledged_survives_sigkill("crash::what_was_acknowledged_survives_sigkill", location);
}

/// How far the two who write are: the numbers below these have had their answer.
#[derive(Default)]
struct Acknowledged {
    puts: AtomicU64,
    records: AtomicU64,
    is_over: AtomicBool,
}

/// All processes of the server are killed while scripts and records are written, and it starts again. The store that was
/// open all the time goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_killed_server() {
    let mut postgres = Postgres::start().expect("Postgres starts");
    let location = postgres.database();
    let store = open(&location).await;
    let acknowledged = Arc::new(Acknowledged::default());
    let (putter, recorder) = (
        tokio::spawn(put(store.clone(), acknowledged.clone())),
        tokio::spawn(record(store.clone(), acknowledged.clone())),
    );
    let (rounds, step) = (3, if full() { 3_400 } else { 100 });
    for round in 1..=rounds {
        let is_reached = |count: &AtomicU64| count.load(SeqCst) >= round * step;
        until("both have written", async || is_reached(&acknowledged.puts) && is_reached(&acknowledged.records)).await;
        postgres.kill();
        postgres.restart();
    }
    let (puts, records) = (acknowledged.puts.load(SeqCst), acknowledged.records.load(SeqCst));
    let goes_on = |count: &AtomicU64, before: u64| count.load(SeqCst) > before + 10;
    until("both write again", async || goes_on(&acknowledged.puts, puts) && goes_on(&acknowledged.records, records))
        .await;
    acknowledged.is_over.store(true, SeqCst);
    let unknown = putter.await.expect("it puts to the end");
    assert!(unknown.len() as u64 <= rounds * 10, "{unknown:?}");
    recorder.await.expect("it records to the end");
    store.close().await;
    check(&open(&location).await, &acknowledged, &unknown).await;
    let count = postgres.sql(&location, "SELECT count(*) FROM isolet_records");
    assert_eq!(count, acknowledged.records.load(SeqCst).to_string(), "none is there twice");
}

/// Puts scripts by number, and gives back the numbers of those that failed: nobody knows whether they were stored.
async fn put(store: Store, acknowledged: Arc<Acknowledged>) -> Vec<u64> {
    let mut unknown = Vec::new();
    for number in 0.. {
        if acknowledged.is_over.load(SeqCst) {
            break;
        }
        let text = number.to_string();
        let (acme, name, draft) = (tenant("acme"), script(&text), draft(&text));
        match store.scripts().put(&Words, &acme, &name, &draft, &Expected::Absent).await {
            Ok(_) => {}
            Err(StoreError::Unavailable { .. }) => unknown.push(number),
            Err(error) => panic!("{number}: {error}"),
        }
        acknowledged.puts.store(number + 1, SeqCst);
    }
    unknown
}

async fn record(store: Store, acknowledged: Arc<Acknowledged>) {
    let wait_max = std::time::Duration::from_secs(60);
    let records = store.records(RecordsConfig { durability: Durability::Sync, wait_max, ..RecordsConfig::default() });
    for number in 0.. {
        if acknowledged.is_over.load(SeqCst) {
            break;
        }
        records.record(&report("acme", "a", &format!("r{number}"), "ok", "1"), &input("{}")).await;
        assert_eq!((records.stats().late, records.stats().dropped), (0, 0));
        acknowledged.records.store(number + 1, SeqCst);
    }
}

async fn check(store: &Store, acknowledged: &Acknowledged, unknown: &[u64]) {
    let acme = tenant("acme");
    for number in (0..acknowledged.puts.load(SeqCst)).filter(|number| !unknown.contains(number)) {
        let text = number.to_string();
        assert_eq!(current(store.scripts(), &acme, &script(&text)).await, Some(text));
    }
    let reader = store.records(RecordsConfig { durability: Durability::Off, ..RecordsConfig::default() });
    for number in 0..acknowledged.records.load(SeqCst) {
        let id = ExecutionId::new(format!("r{number}")).expect("an id");
        assert!(reader.get(&acme, &id).await.expect("it serves").is_some(), "{number}");
    }
}
