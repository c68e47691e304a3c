//! Execution records.

use std::time::Duration;

use isolet_core_traits::{ExecutionId, ReportSink, Status, Timestamp};
use isolet_store::{Durability, OnFull, RecordQuery, RecordStats, RecordStore, RecordsConfig};

use super::{input, open, report, script, tenant, until};

fn sync() -> RecordsConfig {
    // Machines that run tests may be slow.
    let wait_max = Duration::from_secs(60);
    RecordsConfig { durability: Durability::Sync, wait_max, ..RecordsConfig::default() }
}

async fn record(records: &RecordStore, of: &str, script: &str, id: &str, status: &str) {
    records.record(&report(of, script, id, status, "1"), &input("{}")).await;
}

async fn ids(records: &RecordStore, of: &str, query: &RecordQuery) -> Vec<String> {
    let page = records.page(&tenant(of), query).await.expect("it serves");
    page.records.into_iter().map(|record| record.id.as_str().to_owned()).collect()
}

fn id(text: &str) -> ExecutionId {
    ExecutionId::new(text).expect("an id")
}

pub(crate) async fn reports_are_kept_as_configured(location: &str) {
    let store = open(location).await;
    let plain = store.records(sync());
    let told = report("acme", "total.js", "e1", "runtime_error", r#"{"total": 39}"#);
    plain.record(&told, &input(r#"{"secret": 1}"#)).await;
    let kept = plain.get(&tenant("acme"), &id("e1")).await.expect("it serves").expect("it is there");
    let text = |report| serde_json::to_string(report).expect("JSON");
    assert_eq!((text(&kept.report), kept.input), (text(&told), None), "inputs only where they are asked for");

    let small = RecordsConfig { input_bytes_max: Some(4), output_bytes_max: 5, log_bytes_max: 7, ..sync() };
    let small = store.records(small);
    small.record(&report("acme", "total.js", "e2", "ok", r#""long output""#), &input("12345")).await;
    let kept = small.get(&tenant("acme"), &id("e2")).await.expect("it serves").expect("it is there");
    assert_eq!((kept.report.output.is_none(), kept.input), (true, None));
    let cut = kept.report.truncated;
    let (output, logs) = (cut.output.expect("it was cut"), cut.logs.expect("they were cut"));
    assert_eq!((output.bytes, output.limit, &*output.preview), (13, 5, "\"long"));
    assert_eq!((kept.report.logs.len(), logs.lines, logs.bytes), (1, 1, 7));
    small.record(&report("acme", "total.js", "e3", "ok", "12345"), &input("1234")).await;
    let kept = small.get(&tenant("acme"), &id("e3")).await.expect("it serves").expect("it is there");
    assert_eq!(kept.report.output.as_deref().map(|output| output.get()), Some("12345"));
    assert_eq!(kept.input, Some(input("1234")));
    assert!(small.get(&tenant("acme"), &id("none")).await.expect("it serves").is_none());
}

pub(crate) async fn pages_follow_each_other(location: &str) {
    let records = open(location).await.records(sync());
    for number in 0..30 {
        let (script, status) = (["a", "b"][number % 2], ["ok", "timeout", "ok"][number % 3]);
        record(&records, "acme", script, &format!("e{number:02}"), status).await;
    }
    let all = |matches: &dyn Fn(usize) -> bool| -> Vec<String> {
        (0..30).rev().filter(|number| matches(*number)).map(|number| format!("e{number:02}")).collect()
    };
    let query = RecordQuery { count_max: 7, ..RecordQuery::default() };
    for (query, expected) in [
        (query.clone(), all(&|_| true)),
        (RecordQuery { script: Some(script("a")), ..query.clone() }, all(&|number| number % 2 == 0)),
        (RecordQuery { status: Some(Status::Timeout), ..query.clone() }, all(&|number| number % 3 == 1)),
        (
            RecordQuery { script: Some(script("b")), status: Some(Status::Ok), ..query.clone() },
            all(&|number| number % 2 == 1 && number % 3 != 1),
        ),
        (RecordQuery { status: Some(Status::Cancelled), ..query.clone() }, Vec::new()),
        (RecordQuery { until: Timestamp::from_unix_ms(1_000), ..query.clone() }, Vec::new()),
        (RecordQuery { from: Timestamp::from_unix_ms(1_000), count_max: 1_000, ..query.clone() }, all(&|_| true)),
    ] {
        let (mut query, mut seen) = (query, Vec::new());
        loop {
            let page = records.page(&tenant("acme"), &query).await.expect("it serves");
            assert!(page.records.len() <= query.count_max as usize);
            seen.extend(page.records.iter().map(|record| record.id.as_str().to_owned()));
            // What comes meanwhile is before the first page.
            record(&records, "acme", "later", "later", "ok").await;
            let Some(next) = page.next else { break };
            query.after = Some(next.to_string().parse().expect("a cursor"));
        }
        seen.retain(|id| id != "later");
        assert_eq!(seen, expected, "{query:?}");
    }
}

pub(crate) async fn tenants_see_their_own(location: &str) {
    let records = open(location).await.records(sync());
    for name in ["acme", "ACME", "%", "' OR 1=1 --"] {
        record(&records, name, "a", &format!("of {name}"), "ok").await;
    }
    for name in ["acme", "ACME", "%", "' OR 1=1 --", "nobody"] {
        let expected: Vec<_> = Some(format!("of {name}")).filter(|_| name != "nobody").into_iter().collect();
        assert_eq!(ids(&records, name, &RecordQuery::default()).await, expected);
        let theirs = records.get(&tenant(name), &id("of acme")).await.expect("it serves");
        assert_eq!(theirs.is_some(), name == "acme");
    }
}

pub(crate) async fn old_and_surplus_records_go(location: &str) {
    let store = open(location).await;
    let pruned = RecordsConfig { per_tenant_max: 10, prune_every: Duration::from_millis(20), ..sync() };
    let records = store.records(pruned.clone());
    for number in 0..25 {
        record(&records, "acme", "a", &format!("e{number:02}"), "ok").await;
    }
    record(&records, "other", "a", "o", "ok").await;
    let last_ten: Vec<_> = (15..25).rev().map(|number| format!("e{number:02}")).collect();
    until("all but the last ten are gone", || async {
        ids(&records, "acme", &RecordQuery::default()).await == last_ten
    })
    .await;
    assert_eq!(ids(&records, "other", &RecordQuery::default()).await, ["o"]);
    let _old = store.records(RecordsConfig { kept_for: Duration::ZERO, ..pruned });
    until("all are gone", || async { ids(&records, "acme", &RecordQuery::default()).await.is_empty() }).await;
}

pub(crate) async fn what_was_queued_is_written_at_the_end(location: &str) {
    let store = open(location).await;
    // Nobody would wait so long.
    let batched = RecordsConfig { batch_wait: Duration::from_secs(600), ..RecordsConfig::default() };
    let records = store.records(batched.clone());
    for number in 0..5_000 {
        if number == 1_000 {
            assert_eq!((records.stats().written, records.stats().waiting), (0, 1_000));
        }
        record(&records, "acme", "a", &format!("e{number:04}"), "ok").await;
    }
    records.flush().await;
    let RecordStats { written, dropped, waiting_bytes, .. } = records.stats();
    assert_eq!((written, dropped, waiting_bytes), (5_000, 0, 0));

    let query = RecordQuery { count_max: 1, ..RecordQuery::default() };
    assert_eq!(ids(&records, "acme", &query).await, ["e4999"]);
    record(&records, "acme", "a", "last", "ok").await;
    drop(records);
    let reader = store.records(batched.clone());
    until("a writer writes what waits when it is dropped", || async { ids(&reader, "acme", &query).await == ["last"] })
        .await;

    let small = RecordsConfig { queue_bytes_max: 10_000, ..batched.clone() };
    let records = store.records(small.clone());
    for _ in 0..100 {
        record(&records, "acme", "a", "many", "ok").await;
    }
    let RecordStats { waiting, dropped, waiting_bytes, .. } = records.stats();
    assert!(waiting > 0 && waiting_bytes <= 10_000 && waiting as u64 + dropped == 100, "{:?}", records.stats());

    // Those who wait for a place get one.
    let patient = RecordsConfig { on_full: OnFull::Wait, ..small };
    let records = store.records(RecordsConfig { wait_max: Duration::from_secs(60), ..patient });
    for _ in 0..100 {
        record(&records, "acme", "a", "many", "ok").await;
    }
    records.flush().await;
    assert_eq!((records.stats().written, records.stats().dropped), (100, 0));
}

pub(crate) async fn nothing_is_recorded_when_off(location: &str) {
    let off = RecordsConfig { durability: Durability::Off, ..RecordsConfig::default() };
    let records = open(location).await.records(off);
    record(&records, "acme", "a", "e", "ok").await;
    records.flush().await;
    assert_eq!(records.stats(), RecordStats::default());
    assert!(ids(&records, "acme", &RecordQuery::default()).await.is_empty());
}
