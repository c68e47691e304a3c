//! An executor with all parts of a store, and what goes on while the database does not serve.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{ExecutionId, ReportSink, SealKey, SealKeys, Source, SourceKind, Status};
use isolet_executor::{BytecodeConfig, BytecodeStats, Execution, Executor};
use isolet_store::{
    Change, Durability, Expected, OnFull, Put, RecordQuery, RecordStats, RecordStore, RecordsConfig, Store,
    StoreConfig, StoreError,
};
use isolet_testkit::FakeEngine;
use tokio::time::timeout;

use super::{Words, draft, input, open, report, script, tenant, until};

/// What never takes so long, on any machine, unless it waits for ever.
const LONG: Duration = Duration::from_secs(120);

/// Inline executions of one round: too many for a round in which each of them waits for the database.
const EXECUTIONS: u32 = 200;

/// Reports that are given to a writer that promises to have written them.
const SYNC: u64 = 3;

const QUEUE_BYTES_MAX: usize = 20_000;

/// What can be had of a database that lets nobody write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Whether scripts are found that are not in memory.
    pub(crate) reads: bool,
    /// What a change to a script may be told, besides that the store does not serve.
    pub(crate) messages: &'static [&'static str],
}

/// A store with three scripts: two are in memory, and one of these has two revisions.
pub(crate) struct Stage {
    pub(crate) store: Store,
    pub(crate) records: Arc<RecordStore>,
    executor: Executor<FakeEngine>,
    /// The same records, by a writer whose callers wait.
    sync: Arc<RecordStore>,
    first: Arc<str>,
    second: Arc<str>,
    location: String,
}

/// Puts what a stage needs.
pub(crate) async fn put_scripts(location: &str) {
    let store = open(location).await;
    for (name, text) in [("known", "output 0"), ("known", "output 1"), ("cold", "output 1")] {
        let (acme, name) = (tenant("acme"), script(name));
        store.scripts().put(&Words, &acme, &name, &draft(text), &Expected::Anything).await.expect("it is put");
    }
    store.close().await;
}

/// On a slow machine the first attempts may come to nothing.
async fn opened(location: &str, config: &StoreConfig) -> Store {
    for _ in 0..10 {
        if let Ok(store) = Store::open_with(location, config.clone()).await {
            return store;
        }
    }
    Store::open_with(location, config.clone()).await.expect("a store")
}

impl Stage {
    /// One whose requests wait for the database up to a second.
    pub(crate) async fn new(location: &str) -> Self {
        Self::with(location, |_| ()).await
    }

    pub(crate) async fn with(location: &str, change: impl FnOnce(&mut StoreConfig)) -> Self {
        Self::beside(location, location, change).await
    }

    /// One whose scripts are put by another way to the same database.
    pub(crate) async fn beside(location: &str, direct: &str, change: impl FnOnce(&mut StoreConfig)) -> Self {
        put_scripts(direct).await;
        Self::over(location, direct, change).await
    }

    /// One whose scripts are there.
    pub(crate) async fn over(location: &str, direct: &str, change: impl FnOnce(&mut StoreConfig)) -> Self {
        let mut config = StoreConfig { wait_max: Duration::from_secs(1), ..StoreConfig::default() };
        change(&mut config);
        let store = opened(location, &config).await;
        let other = open(direct).await;
        let changes = other.scripts().history(&tenant("acme"), &script("known"), None, 2).await.expect("it serves");
        other.close().await;
        let [second, first] = &changes[..] else { panic!("{changes:?}") };
        let revision = |change: &Change| change.revision.as_deref().expect("it was put").into();
        let (first, second) = (revision(first), revision(second));
        let batched = RecordsConfig { queue_bytes_max: QUEUE_BYTES_MAX, ..RecordsConfig::default() };
        let wait_max = Duration::from_millis(100);
        let sync = RecordsConfig { durability: Durability::Sync, wait_max, ..RecordsConfig::default() };
        let (records, sync) = (store.records(batched), store.records(sync));
        let keys = SealKeys { current: SealKey { number: 1, secret: [7; 32] }, previous: vec![] };
        let bytecode = BytecodeConfig { rest: Duration::from_secs(1), ..BytecodeConfig::default() };
        let executor = Executor::builder(FakeEngine::default())
            .scripts(Arc::new(store.scripts().clone()))
            .reports(records.clone())
            .bytecode(store.bytecode(), keys, bytecode)
            .build()
            .expect("an executor");
        let stage = Self { store, records, executor, sync, first, second, location: direct.to_owned() };
        until("what is to be known is in memory", async || stage.stored("known").await == Status::Ok).await;
        stage
    }

    pub(crate) async fn stored(&self, name: &str) -> Status {
        let report = self.executor.execute(Execution::stored(script(name), tenant("acme"))).await;
        if (name, report.status) == ("known", Status::Ok) {
            assert_eq!(report.context.revision.as_deref(), Some(&*self.second));
        }
        report.status
    }

    /// Scripts out of memory, and new texts that the store of programs is asked for.
    pub(crate) async fn executions_go_on(&self) {
        let executions = async {
            for number in 0..EXECUTIONS {
                assert_eq!(self.stored("known").await, Status::Ok);
                let source = Source::new("fresh", format!("output {number}"), SourceKind::Auto).expect("a name");
                let report = self.executor.execute(Execution::new(source, tenant("acme"))).await;
                assert_eq!((report.status, report.output_as::<u32>().ok()), (Status::Ok, Some(number)));
            }
        };
        timeout(LONG, executions).await.expect("nobody waits for the database");
    }

    /// All that holds while nothing can be written.
    pub(crate) async fn bears(&self, fault: Fault) {
        self.executions_go_on().await;
        let cold = async {
            match fault.reads {
                true => until("it is found", async || self.stored("cold").await == Status::Ok).await,
                false => assert_eq!(self.stored("cold").await, Status::Rejected),
            }
        };
        let all = async { tokio::join!(cold, self.changes_fail(fault.messages)) };
        timeout(LONG, all).await.expect("nobody waits for ever");
        assert_eq!(self.stored("known").await, Status::Ok, "a change that failed took nothing away");
        self.records_wait_within_their_bound().await;
    }

    async fn changes_fail(&self, messages: &[&str]) {
        let (scripts, acme, known) = (self.store.scripts(), tenant("acme"), script("known"));
        // In a full file there may be room for something short.
        let long = "output 2 ".repeat(1_000);
        let is_told = |failed: Result<Put, StoreError>| {
            let Err(StoreError::Unavailable { message }) = failed else { panic!("{failed:?}") };
            messages.iter().any(|expected| message.contains(expected))
        };
        // A machine that is slow may first be told of that.
        tokio::join!(
            until("a put is told", async || is_told(self.put("new", &long).await)),
            until("another put is told", async || is_told(self.put("known", &long).await)),
            until("a rollback is told", async || {
                is_told(scripts.rollback(&acme, &known, &self.first, &Expected::Anything).await)
            }),
        );
    }

    async fn records_wait_within_their_bound(&self) {
        let stats = self.records.stats();
        assert!(stats.dropped > 0 && stats.waiting_bytes <= QUEUE_BYTES_MAX, "{stats:?}");
        assert_eq!(stats.late, 0, "nobody waited");
        let long = format!("{:?}", "x".repeat(8 << 10));
        for number in 0..SYNC {
            let told = report("acme", "sync", &format!("sync-{number}"), "ok", &long);
            timeout(LONG, self.sync.record(&told, &input("{}"))).await.expect("its caller waits for so long only");
        }
        let RecordStats { written, dropped, late, waiting, .. } = self.sync.stats();
        assert_eq!((written, dropped, late, waiting as u64), (0, 0, SYNC, SYNC));
        let patient = RecordsConfig {
            on_full: OnFull::Wait,
            wait_max: Duration::from_millis(100),
            queue_bytes_max: 1,
            ..RecordsConfig::default()
        };
        let full = self.store.records(patient);
        timeout(LONG, full.record(&report("acme", "full", "full", "ok", "1"), &input("{}")))
            .await
            .expect("it gives up");
        assert_eq!(full.stats().dropped, 1);
        until("it is tried", async || self.records.stats().failures > 0 && self.sync.stats().failures > 0).await;
    }

    /// All that holds when the database serves again.
    pub(crate) async fn recovers(&self) {
        for records in [&self.records, &self.sync] {
            timeout(LONG, records.flush()).await.expect("it serves again");
        }
        self.every_record_is_there_once().await;
        let put = async || self.put("later", "output 1").await.is_ok();
        until("scripts are put again", put).await;
        for name in ["later", "cold", "known"] {
            until("scripts are found again", async || self.stored(name).await == Status::Ok).await;
        }
        self.nothing_is_half_done().await;
        let saved = self.bytecode().saved;
        until("programs are saved again", async || {
            let text = format!("output {}", self.records.stats().written);
            let source = Source::new("again", text, SourceKind::Auto).expect("a name");
            self.executor.execute(Execution::new(source, tenant("acme"))).await;
            self.records.flush().await;
            self.bytecode().saved > saved
        })
        .await;
    }

    async fn every_record_is_there_once(&self) {
        let RecordStats { written, waiting, waiting_bytes, .. } = self.records.stats();
        assert_eq!((waiting, waiting_bytes, self.sync.stats().written), (0, 0, SYNC));
        let store = open(&self.location).await;
        let reader = store.records(RecordsConfig { durability: Durability::Off, ..RecordsConfig::default() });
        let mut query = RecordQuery { count_max: 1_000, ..RecordQuery::default() };
        let mut count = 0;
        loop {
            let page = reader.page(&tenant("acme"), &query).await.expect("it serves");
            count += page.records.len() as u64;
            let Some(next) = page.next else { break };
            query.after = Some(next);
        }
        assert_eq!(count, written + SYNC);
        for number in 0..SYNC {
            let id = ExecutionId::new(format!("sync-{number}")).expect("an id");
            assert!(reader.get(&tenant("acme"), &id).await.expect("it serves").is_some(), "{number}");
        }
        store.close().await;
    }

    /// Changes that failed are not there, or as a whole.
    async fn nothing_is_half_done(&self) {
        let store = open(&self.location).await;
        let (scripts, acme, known) = (store.scripts(), tenant("acme"), script("known"));
        let current = scripts.get(&acme, &known).await.expect("it serves").expect("it is there");
        assert_eq!((&current.revision, current.version), (&self.second, 2));
        assert!(scripts.get(&acme, &script("new")).await.expect("it serves").is_none());
        for (revision, version) in [(&self.first, 3), (&self.second, 4)] {
            let back = scripts.rollback(&acme, &known, revision, &Expected::Anything).await;
            assert_eq!(back.expect("it had it").version, version);
        }
        store.close().await;
    }

    pub(crate) fn bytecode(&self) -> BytecodeStats {
        self.executor.metrics().bytecode.expect("there is a store")
    }

    pub(crate) async fn put(&self, name: &str, text: &str) -> Result<Put, StoreError> {
        let scripts = self.store.scripts();
        scripts.put(&Words, &tenant("acme"), &script(name), &draft(text), &Expected::Anything).await
    }
}
