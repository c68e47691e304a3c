//! Updates race with executions: none that starts after a put has returned runs what was before.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use isolet::store::{Durability, Expected, RecordQuery, RecordsConfig, ScriptDraft, Store};
use isolet::{Execution, Isolet, Limits, ScriptId, SourceKind, Status};
use tokio::task::JoinSet;

use crate::{Directory, full, tenant};

fn draft(number: u64) -> ScriptDraft {
    ScriptDraft::new(format!("({number})"), SourceKind::Auto)
}

async fn put(store: &Store, isolet: &Isolet, script: &ScriptId, number: u64) -> Arc<str> {
    let put = store.scripts().put(isolet, &tenant(), script, &draft(number), &Expected::Anything).await;
    put.expect("it is put").revision
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_execution_runs_what_was_before_a_put() {
    let updates = if full() { 10_000 } else { 150 };
    let directory = Directory::new();
    let store = Store::open(&directory.location()).await.expect("a store");
    let limits = Limits { runs_per_tenant: 16, runs_per_script: 16, ..Limits::default() };
    let isolet = Isolet::builder().vms_warm(4).limits(limits).scripts(Arc::new(store.scripts().clone())).build();
    let isolet = isolet.expect("an isolet");
    let script = ScriptId::new("current.js").expect("an id");
    put(&store, &isolet, &script, 0).await;
    let (returned, is_over, ran) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (isolet, script) = (isolet.clone(), script.clone());
        let (returned, is_over, ran) = (returned.clone(), is_over.clone(), ran.clone());
        callers.spawn(async move {
            while !is_over.load(SeqCst) {
                let at_least = returned.load(SeqCst);
                let report = isolet.execute(Execution::stored(script.clone(), tenant())).await;
                let number: u64 = report.output_as().expect("a number");
                assert!(number >= at_least, "{number} ran after {at_least} was put");
                ran.fetch_add(1, SeqCst);
            }
        });
    }
    for number in 1..=updates {
        put(&store, &isolet, &script, number).await;
        returned.store(number, SeqCst);
        // Ten executions for each update.
        while ran.load(SeqCst) < number * 10 {
            assert!(callers.try_join_next().is_none(), "a caller has given up");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    is_over.store(true, SeqCst);
    callers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_end_on_the_revision_that_they_began_with() {
    let directory = Directory::new();
    let store = Store::open(&directory.location()).await.expect("a store");
    let wait_max = Duration::from_secs(60);
    let config = RecordsConfig { durability: Durability::Sync, wait_max, ..RecordsConfig::default() };
    let records = store.records(config);
    let isolet = Isolet::builder().vms_warm(2).scripts(Arc::new(store.scripts().clone())).reports(records.clone());
    let isolet = isolet.build().expect("an isolet");
    let script = ScriptId::new("waits.js").expect("an id");
    let waits = |number: u64| {
        let text = format!("console.log('begun'); await new Promise((go) => setTimeout(go, 200)); {number}");
        ScriptDraft::new(text, SourceKind::Auto)
    };
    let scripts = store.scripts();
    let old = scripts.put(&isolet, &tenant(), &script, &waits(1), &Expected::Absent).await.expect("it is put");
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let execution = Execution::stored(script.clone(), tenant()).on_log(move |_| {
        let _ = begun.lock().expect("nobody panics under it").take().expect("one line").send(());
    });
    let running = tokio::spawn({
        let isolet = isolet.clone();
        async move { isolet.execute(execution).await }
    });
    has_begun.await.expect("it runs");
    let new = scripts.put(&isolet, &tenant(), &script, &waits(2), &Expected::Anything).await.expect("it is put");
    let report = running.await.expect("it ends");
    assert_eq!((report.output_as().ok(), report.context.revision.as_deref()), (Some(1), Some(&*old.revision)));
    let report = isolet.execute(Execution::stored(script.clone(), tenant())).await;
    assert_eq!((report.output_as().ok(), report.context.revision.as_deref()), (Some(2), Some(&*new.revision)));

    let kept = records.page(&tenant(), &RecordQuery::default()).await.expect("it serves").records;
    let revisions: HashSet<_> = kept.iter().filter_map(|record| record.revision.as_deref()).collect();
    assert_eq!(revisions, HashSet::from([&*old.revision, &*new.revision]));
    assert!(kept.iter().all(|record| record.status == Status::Ok));

    let broken = ScriptDraft::new("1\n  +* 2", SourceKind::Auto);
    let refused = scripts.put(&isolet, &tenant(), &script, &broken, &Expected::Anything).await;
    let isolet::store::StoreError::Refused(error) = refused.expect_err("it does not compile") else {
        panic!("it was not looked at")
    };
    assert_eq!((error.kind, error.line, error.column), (Status::SyntaxError, Some(2), Some(4)));
}
