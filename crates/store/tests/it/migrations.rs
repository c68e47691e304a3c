//! Files that other versions made.

use isolet_cache::{BytecodeStore, ProgramTarget};
use isolet_core_traits::EngineId;
use isolet_store::Expected;
use sqlx::{Connection, Executor as _, SqliteConnection};
use tokio::task::JoinSet;

use crate::contract::{Words, draft, full, open, script, tenant};
use crate::directory::location;

async fn execute(location: &str, statement: &'static str) {
    let mut file = SqliteConnection::connect(&format!("sqlite://{location}")).await.expect("a connection");
    file.execute(statement).await.expect("the file is as it should be");
    file.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_later_tables_gets_them() {
    let (location, _directory) = location();
    let store = open(&location).await;
    let (acme, total) = (tenant("acme"), script("total"));
    store.scripts().put(&Words, &acme, &total, &draft("1"), &Expected::Anything).await.expect("it serves");
    store.close().await;
    for statement in ["DROP TABLE isolet_bytecode_uses", "DELETE FROM isolet_migrations WHERE version > 1"] {
        execute(&location, statement).await;
    }

    let store = open(&location).await;
    assert!(store.scripts().get(&acme, &total).await.expect("it serves").is_some());
    let target = ProgramTarget::new(&EngineId::new("test/1"), "none");
    assert_eq!(store.bytecode().used_last(&target, 10).await, Ok(vec![]));
}

/// Where several processes share a database, they are not all replaced at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_a_later_version_is_opened() {
    let (location, _directory) = location();
    open(&location).await.close().await;
    execute(
        &location,
        "INSERT INTO isolet_migrations SELECT 99, 'later', installed_on, true, checksum, 0 FROM \
         isolet_migrations WHERE version = 1",
    )
    .await;
    let store = open(&location).await;
    assert!(store.scripts().get(&tenant("acme"), &script("total")).await.expect("it serves").is_none());
}

/// Processes that start together open a file that is not there yet together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_open_a_new_file_at_once() {
    for _ in 0..if full() { 1_000 } else { 50 } {
        let (location, _directory) = location();
        let stores: JoinSet<_> = (0..8)
            .map(|_| {
                let location = location.clone();
                async move { open(&location).await.close().await }
            })
            .collect();
        stores.join_all().await;
    }
}
