//! Executions go on whatever the store does: locked, full, read-only, closed.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{ReportSink, ScriptId, SealKey, SealKeys, Source, SourceKind, Status};
use isolet_executor::{BytecodeConfig, BytecodeStats, Execution, Executor};
use isolet_store::{Expected, Put, RecordStore, RecordsConfig, Store, StoreConfig, StoreError};
use isolet_testkit::FakeEngine;
use sqlx::{AssertSqlSafe, Connection, Executor as _, SqliteConnection};

use crate::contract::{Words, draft, script, tenant, until};
use crate::directory::location;

/// An executor with all parts of a store.
struct Stage {
    store: Store,
    records: Arc<RecordStore>,
    executor: Executor<FakeEngine>,
}

impl Stage {
    async fn new(location: &str, bytes_max: u64) -> Self {
        let config = StoreConfig { wait_max: Duration::from_millis(300), bytes_max, ..StoreConfig::default() };
        let store = Store::open_with(location, config).await.expect("a store");
        let records = store.records(RecordsConfig { queue_bytes_max: 20_000, ..RecordsConfig::default() });
        let keys = SealKeys { current: SealKey { number: 1, secret: [7; 32] }, previous: vec![] };
        let executor = Executor::builder(FakeEngine::default())
            .scripts(Arc::new(store.scripts().clone()))
            .reports(records.clone())
            .bytecode(store.bytecode(), keys, BytecodeConfig::default())
            .build()
            .expect("an executor");
        let stage = Self { store, records, executor };
        stage.put("known", "output 1").await.expect("it is put");
        assert_eq!(stage.stored("known").await, Status::Ok);
        stage
    }

    async fn stored(&self, name: &str) -> Status {
        let script = ScriptId::new(name).expect("an id");
        self.executor.execute(Execution::stored(script, tenant("acme"))).await.status
    }

    /// Old scripts out of memory, and new texts that the store of programs is asked for.
    async fn executions_go_on(&self) {
        for number in 0..200 {
            assert_eq!(self.stored("known").await, Status::Ok);
            let source = Source::new("fresh", format!("output {number}"), SourceKind::Auto).expect("a name");
            let report = self.executor.execute(Execution::new(source, tenant("acme"))).await;
            assert_eq!((report.status, report.output_as::<u32>().ok()), (Status::Ok, Some(number)));
        }
    }

    fn bytecode(&self) -> BytecodeStats {
        self.executor.metrics().bytecode.expect("there is a store")
    }

    async fn put(&self, name: &str, text: &str) -> Result<Put, StoreError> {
        let scripts = self.store.scripts();
        scripts.put(&Words, &tenant("acme"), &script(name), &draft(text), &Expected::Anything).await
    }

    async fn put_fails(&self) {
        let failed = self.put("new", "output 1").await;
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    }
}

async fn connection(location: &str) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{location}")).await.expect("a connection")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_store_delays_nobody() {
    let (location, _directory) = location();
    let stage = Stage::new(&location, 1 << 30).await;
    let mut other = connection(&location).await;
    other.execute("BEGIN IMMEDIATE").await.expect("nobody else writes");
    stage.executions_go_on().await;
    stage.put_fails().await;
    let stats = stage.records.stats();
    assert!(stats.dropped > 0 && stats.waiting_bytes <= 20_000, "what cannot be written is bounded: {stats:?}");
    assert_eq!(stage.records.stats().late, 0);
    other.execute("ROLLBACK").await.expect("it gives way");
    tokio::time::timeout(Duration::from_secs(60), stage.records.flush()).await.expect("it serves again");
    stage.put("new", "output 1").await.expect("it serves again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_ends_nothing_but_writing() {
    let (location, _directory) = location();
    let stage = Stage::new(&location, 400 << 10).await;
    let mut failed = None;
    for number in 0..100 {
        let text = format!("{number} {}", "x".repeat(32 << 10));
        if let Err(error) = stage.put("large", &text).await {
            failed = Some(error);
            break;
        }
    }
    let message = failed.expect("it is full").to_string();
    assert_eq!(message, "the store does not serve: database or disk is full");
    stage.executions_go_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_refuses_writes_ends_nothing_but_writing() {
    let (location, _directory) = location();
    let stage = Stage::new(&location, 1 << 30).await;
    let mut other = connection(&location).await;
    for table in ["isolet_records", "isolet_bytecode", "isolet_history"] {
        let trigger = format!(
            "CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'read-only'); END"
        );
        other.execute(AssertSqlSafe(trigger)).await.expect("a trigger");
    }
    stage.executions_go_on().await;
    stage.put_fails().await;
    until("it is tried", async || stage.records.stats().failures > 0 && stage.bytecode().save_failures > 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_gone_fails_only_what_nobody_knows() {
    let (location, _directory) = location();
    let stage = Stage::new(&location, 1 << 30).await;
    stage.store.close().await;
    stage.executions_go_on().await;
    stage.put_fails().await;
    assert_eq!(stage.stored("unknown").await, Status::Rejected);
    let bytecode = stage.bytecode();
    assert!(bytecode.is_resting && bytecode.skipped > 100, "it is left alone: {bytecode:?}");
}
