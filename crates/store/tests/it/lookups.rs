//! Loads of programs that come together, are given up, or meet the end of the store.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use isolet_cache::{BytecodeStore, BytecodeStoreError, ProgramKey, StoredProgram};
use isolet_core_traits::{EngineId, SealedProgram, Source, SourceKind};
use isolet_store::Store;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::directory::location;

/// More than there are connections.
const LOADS: usize = 50;

/// What no load takes.
const AGES: Duration = Duration::from_secs(60);

fn key() -> ProgramKey {
    let source = Source::new("a.js", "1", SourceKind::Auto).expect("a name");
    ProgramKey::new(&EngineId::new("test/1"), "none", &source)
}

/// A store with a program of 100 KB.
async fn store(location: &str) -> (Store, StoredProgram) {
    let store = Store::open(location).await.expect("a store");
    let program = StoredProgram { sealed: SealedProgram(vec![7; 100_000]), compile_time: Duration::from_micros(90) };
    store.bytecode().save(&key(), &program).await.expect("it serves");
    (store, program)
}

/// Begins them all.
fn loads(store: &Store) -> JoinSet<Result<Option<StoredProgram>, BytecodeStoreError>> {
    (0..LOADS)
        .map(|_| {
            let programs = store.bytecode();
            async move { programs.load(&key()).await }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_loads_at_once_are_served() {
    let (location, _directory) = location();
    let (store, program) = store(&location).await;
    let loads = loads(&store);
    let loaded = timeout(AGES, loads.join_all()).await.expect("they end");
    assert!(loaded.into_iter().all(|loaded| loaded == Ok(Some(program.clone()))));
    timeout(AGES, store.close()).await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_that_are_given_up_keep_no_connection() {
    let (location, _directory) = location();
    let (store, program) = store(&location).await;
    let (programs, key) = (store.bytecode(), key());
    let mut given_up = 0;
    for _ in 0..LOADS {
        {
            // Polled once, so that the connection has the query, and dropped.
            let mut load = pin!(programs.load(&key));
            let is_over = poll_fn(|context| Poll::Ready(load.as_mut().poll(context).is_ready())).await;
            given_up += usize::from(!is_over);
        }
        assert_eq!(programs.load(&key).await, Ok(Some(program.clone())));
    }
    assert!(given_up > 0, "every load was over at once");
    timeout(AGES, store.close()).await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_closes_under_loads() {
    let (location, _directory) = location();
    let (store, program) = store(&location).await;
    let loads = loads(&store);
    timeout(AGES, store.close()).await.expect("it closes");
    for loaded in timeout(AGES, loads.join_all()).await.expect("they end") {
        assert!(loaded.is_err() || loaded == Ok(Some(program.clone())), "a load that was answered was answered right");
    }
    store.bytecode().load(&key()).await.expect_err("it is closed");
}
