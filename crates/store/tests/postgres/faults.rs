//! Executions go on whatever Postgres, and the way to it, do: locked, slow, silent, gone, full, read-only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use isolet_core_traits::{ReportSink, Status};
use isolet_store::{Expected, RecordsConfig, Store};
use isolet_testkit::Postgres;
use sqlx::{Connection, Executor as _, PgConnection};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::contract::stage::{Fault, Stage};
use crate::contract::{Words, draft, full, input, open, open_with, report, script, tenant, until};
use crate::proxy::{Proxy, Way};

/// Statements of a transaction that lets nobody read or write.
const LOCK: &str = "BEGIN; LOCK TABLE isolet_change, isolet_scripts, isolet_revisions, isolet_history, isolet_bytecode, \
     isolet_records IN ACCESS EXCLUSIVE MODE";

/// What the server does when it cannot make a file longer.
const FULL: &str = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'could not extend file: No space left on device'; END $$; \
     CREATE TRIGGER full_disk BEFORE INSERT ON isolet_history EXECUTE FUNCTION full_disk(); \
     CREATE TRIGGER full_disk BEFORE INSERT ON isolet_bytecode EXECUTE FUNCTION full_disk(); \
     CREATE TRIGGER full_disk BEFORE INSERT ON isolet_records EXECUTE FUNCTION full_disk()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_store_delays_nobody() {
    let location = Postgres::shared().database();
    let stage = Stage::new(&location).await;
    let mut other = PgConnection::connect(&location).await.expect("a connection");
    other.execute(LOCK).await.expect("it waits its turn");
    let messages = &["canceling statement due to statement timeout", "no answer within 1000 ms", "no connection"];
    stage.bears(Fault { reads: false, messages }).await;
    other.execute("ROLLBACK").await.expect("it gives way");
    stage.recovers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_ends_nothing_but_writing() {
    let location = Postgres::shared().database();
    let stage = Stage::new(&location).await;
    Postgres::shared().sql(&location, FULL);
    stage.bears(Fault { reads: true, messages: &["could not extend file: No space left on device"] }).await;
    until("it is tried", async || stage.bytecode().save_failures > 0).await;
    Postgres::shared().sql(&location, "DROP FUNCTION full_disk() CASCADE");
    stage.recovers().await;
}

/// As after a failover to a server that only follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_store_ends_nothing_but_writing() {
    let location = Postgres::shared().database();
    let (_, database) = location.rsplit_once('/').expect("a database");
    let become_ = |how: &str| {
        let others = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
        Postgres::shared().sql("postgres", &format!("ALTER DATABASE {database} {how}"));
        Postgres::shared().sql("postgres", &others);
    };
    let stage = Stage::new(&location).await;
    become_("SET default_transaction_read_only = on");
    stage.bears(Fault { reads: true, messages: &["in a read-only transaction"] }).await;
    become_("RESET default_transaction_read_only");
    stage.recovers().await;
}

/// Slower than anybody waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_too_slow_delays_nobody() {
    let location = Postgres::shared().database();
    let proxy = Proxy::to(&location).await;
    let stage = Stage::beside(proxy.location(), &location, |_| ()).await;
    proxy.set(Way::Slow(Duration::from_secs(2)));
    stage.bears(Fault { reads: false, messages: &["no answer within 1000 ms", "no connection"] }).await;
    proxy.set(Way::Open);
    stage.recovers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_store_is_waited_for_by_those_who_need_it() {
    let location = Postgres::shared().database();
    let proxy = Proxy::to(&location).await;
    let patient = Duration::from_secs(120);
    let stage = Stage::beside(proxy.location(), &location, |config| config.wait_max = patient).await;
    proxy.set(Way::Slow(Duration::from_millis(if full() { 2_000 } else { 250 })));
    stage.executions_go_on().await;
    assert_eq!(stage.stored("cold").await, Status::Ok);
    stage.put("slow", "output 1").await.expect("it is put at last");
    assert_eq!(stage.stored("slow").await, Status::Ok);
    stage.records.flush().await;
    assert_eq!(stage.records.stats().waiting, 0);
}

/// All connections are in use when the server falls silent, as when its machine is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_silent_delays_nobody() {
    let postgres = Postgres::shared();
    let location = postgres.database();
    let proxy = Proxy::to(&location).await;
    let stage = Stage::beside(proxy.location(), &location, |_| ()).await;
    let mut other = PgConnection::connect(&location).await.expect("a connection");
    other.execute(LOCK).await.expect("it waits its turn");
    let (mut lookups, is_over) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for _ in 0..20 {
        let (scripts, is_over) = (stage.store.scripts().clone(), is_over.clone());
        lookups.spawn(async move {
            while !is_over.load(SeqCst) {
                scripts.get(&tenant("acme"), &script("cold")).await.expect_err("it is locked, or silent");
            }
        });
    }
    // One may be the one that listens.
    let is_used_up = async || postgres.sql(&location, &waiting("relation")).parse().is_ok_and(|count: u32| count >= 8);
    until("all connections wait", is_used_up).await;
    proxy.set(Way::Silent);
    is_over.store(true, SeqCst);
    other.execute("ROLLBACK").await.expect("it gives way");
    lookups.join_all().await;
    stage.bears(Fault { reads: false, messages: &["no answer within 1000 ms", "no connection"] }).await;
    proxy.set(Way::Open);
    stage.recovers().await;
    proxy.set(Way::Silent);
    timeout(Duration::from_secs(60), stage.store.close()).await.expect("a silent server is not waited for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_gone_fails_only_what_nobody_knows() {
    let location = Postgres::shared().database();
    let proxy = Proxy::to(&location).await;
    let stage = Stage::beside(proxy.location(), &location, |_| ()).await;
    proxy.set(Way::Closed);
    let messages = &["no answer within 1000 ms", "no connection", "error communicating with database"];
    stage.bears(Fault { reads: false, messages }).await;
    proxy.set(Way::Open);
    stage.recovers().await;
}

/// The server commits a batch, and the connection ends before it says so: the batch is tried again, and is not written
/// twice, whether the commit is over by then or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_whose_acknowledgement_is_lost_are_there_once() {
    const SLOW_COMMIT: &str = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON isolet_records DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION wait()";
    for is_over in [true, false] {
        let postgres = Postgres::shared();
        let location = postgres.database();
        let proxy = Proxy::to(&location).await;
        let store = open_with(proxy.location(), |config| config.wait_max = Duration::from_secs(60)).await;
        postgres.sql(&location, SLOW_COMMIT);
        let mut other = PgConnection::connect(&location).await.expect("a connection");
        other.execute("SELECT pg_advisory_lock(7)").await.expect("it is free");
        let records = store.records(RecordsConfig::default());
        for number in 0..3 {
            records.record(&report("acme", "a", &format!("r{number}"), "ok", "1"), &input("{}")).await;
        }
        until("it commits", async || postgres.sql(&location, &waiting("advisory")) == "1").await;
        proxy.set(Way::Closed);
        until("the writer knows nothing of it", async || records.stats().failures > 0).await;
        if !is_over {
            proxy.set(Way::Open);
            until("it is tried again", async || postgres.sql(&location, &waiting("advisory")) == "2").await;
        }
        other.execute("SELECT pg_advisory_unlock(7)").await.expect("it has it");
        let count = "SELECT count(*) FROM isolet_records";
        until("it has committed", async || postgres.sql(&location, count) != "0").await;
        proxy.set(Way::Open);
        timeout(Duration::from_secs(60), records.flush()).await.expect("it serves again");
        let stats = records.stats();
        assert_eq!((stats.written, stats.waiting, postgres.sql(&location, count).as_str()), (3, 0, "3"), "{is_over}");
    }
}

/// It holds the lock that all who change scripts need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_vanishes_in_a_transaction_holds_nobody_up_for_long() {
    let postgres = Postgres::shared();
    let location = postgres.database();
    let proxy = Proxy::to(&location).await;
    let vanishing = open_with(proxy.location(), |config| config.wait_max = Duration::from_secs(3)).await;
    let store = open(&location).await;
    let put = async |store: &Store, text: &str| {
        let (acme, total) = (tenant("acme"), script("total"));
        store.scripts().put(&Words, &acme, &total, &draft(text), &Expected::Anything).await
    };
    let mut other = PgConnection::connect(&location).await.expect("a connection");
    other.execute("BEGIN; LOCK TABLE isolet_history IN EXCLUSIVE MODE").await.expect("nobody has it");
    let vanishes = async {
        until("it is in the middle", async || postgres.sql(&location, &waiting("relation")) == "1").await;
        proxy.set(Way::Silent);
        other.execute("ROLLBACK").await.expect("it gives way");
    };
    let (vanished, ()) = tokio::join!(put(&vanishing, "1"), vanishes);
    vanished.expect_err("nobody tells it anything");
    put(&store, "2").await.expect("it has its turn");
}

/// Asks how many connections to a database wait for such a lock.
fn waiting(lock: &str) -> String {
    let mine = "datname = current_database() AND wait_event_type = 'Lock'";
    format!("SELECT count(*) FROM pg_stat_activity WHERE {mine} AND wait_event = '{lock}'")
}
