//! A file that an earlier version made.

use isolet_cache::{BytecodeStore, ProgramTarget};
use isolet_core_traits::EngineId;
use isolet_store::Expected;
use sqlx::{Connection, Executor as _, SqliteConnection};

use crate::contract::{Words, draft, open, script, tenant};
use crate::directory::location;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_later_tables_gets_them() {
    let (location, _directory) = location();
    let store = open(&location).await;
    let (acme, total) = (tenant("acme"), script("total"));
    store.scripts().put(&Words, &acme, &total, &draft("1"), &Expected::Anything).await.expect("it serves");
    store.close().await;
    let mut file = SqliteConnection::connect(&format!("sqlite://{location}")).await.expect("a connection");
    for statement in ["DROP TABLE isolet_bytecode_uses", "DELETE FROM isolet_migrations WHERE version > 1"] {
        file.execute(statement).await.expect("it is there");
    }
    file.close().await.expect("it closes");

    let store = open(&location).await;
    assert!(store.scripts().get(&acme, &total).await.expect("it serves").is_some());
    let target = ProgramTarget::new(&EngineId::new("test/1"), "none");
    assert_eq!(store.bytecode().used_last(&target, 10).await, Ok(vec![]));
}
