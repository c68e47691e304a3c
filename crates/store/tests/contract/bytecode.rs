//! Sealed programs as rows.

use std::time::Duration;

use isolet_cache::{BytecodeStore, ProgramKey, StoredProgram};
use isolet_core_traits::{EngineId, SealedProgram, Source, SourceKind};

use super::{open, open_with};

fn key(number: u32) -> ProgramKey {
    let source = Source::new("a.js", number.to_string(), SourceKind::Auto).expect("a name");
    ProgramKey::new(&EngineId::new("test/1"), "none", &source)
}

fn program(byte: u8, length: usize) -> StoredProgram {
    StoredProgram { sealed: SealedProgram(vec![byte; length]), compile_time: Duration::from_micros(90) }
}

pub(crate) async fn programs_are_kept_and_replaced(location: &str) {
    let store = open(location).await;
    let programs = store.bytecode();
    assert_eq!(programs.load(&key(1)).await, Ok(None));
    for program in [program(1, 100), program(2, 0), program(3, 1 << 20)] {
        programs.save(&key(1), &program).await.expect("it serves");
        assert_eq!(open(location).await.bytecode().load(&key(1)).await, Ok(Some(program)));
    }
    assert_eq!(programs.load(&key(2)).await, Ok(None));
    programs.save(&key(2), &program(1, isolet_store::PROGRAM_BYTES_MAX + 1)).await.expect("it serves");
    assert_eq!(programs.load(&key(2)).await, Ok(None), "too large to be kept");
    store.close().await;
    programs.load(&key(1)).await.expect_err("it is closed");
    programs.save(&key(1), &program(1, 1)).await.expect_err("it is closed");
}

pub(crate) async fn old_and_surplus_programs_go(location: &str) {
    let count = async |change: fn(&mut isolet_store::StoreConfig)| {
        // A new handle looks for old programs at its first save.
        let programs = open_with(location, change).await.bytecode();
        programs.save(&key(100), &program(1, 10)).await.expect("it serves");
        let mut count = 0;
        for number in 0..10 {
            count += usize::from(programs.load(&key(number)).await.expect("it serves").is_some());
        }
        count
    };
    let programs = open(location).await.bytecode();
    for number in 0..10 {
        programs.save(&key(number), &program(1, 10)).await.expect("it serves");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(count(|_| ()).await, 10);
    assert_eq!(count(|config| config.programs_max = 5).await, 4, "and the one that was just saved");
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(count(|config| config.programs_kept_for = Duration::from_millis(1)).await, 0);
}
