//! Sealed programs as rows.

use std::time::Duration;

use isolet_cache::{BytecodeStore, ProgramKey, ProgramTarget, StoredProgram};
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

fn target(fingerprint: &str) -> ProgramTarget {
    ProgramTarget::new(&EngineId::new("test/1"), fingerprint)
}

/// A store that keeps these programs.
async fn with_programs(location: &str, numbers: std::ops::Range<u32>) -> std::sync::Arc<isolet_store::Bytecode> {
    let programs = open(location).await.bytecode();
    for number in numbers {
        programs.save(&key(number), &program(number as u8, number as usize)).await.expect("it serves");
    }
    programs
}

pub(crate) async fn what_was_used_last_is_known(location: &str) {
    let programs = with_programs(location, 0..40).await;
    let note = async |fingerprint: &str, numbers: &[u32]| {
        let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
        // Later ones are told apart by their time.
        tokio::time::sleep(Duration::from_millis(2)).await;
        programs.note_used(&target(fingerprint), &keys).await.expect("it serves");
    };
    let used_last = async |fingerprint: &str, max: usize| {
        open(location).await.bytecode().used_last(&target(fingerprint), max).await.expect("it serves")
    };
    assert_eq!(used_last("a", 10).await, []);
    note("a", &[]).await;
    note("a", &[3, 1, 999, 2]).await;
    note("b", &[7]).await;
    assert_eq!(used_last("a", 10).await, [key(3), key(1), key(2)], "999 is not there");
    note("a", &[4, 1]).await;
    assert_eq!(used_last("a", 10).await, [key(4), key(1), key(3), key(2)]);
    assert_eq!(used_last("a", 2).await, [key(4), key(1)]);
    assert_eq!((used_last("b", 10).await, used_last("c", 10).await), (vec![key(7)], vec![]));

    // As many as caches hold, noted by two processes at the same time in different orders.
    let forwards: Vec<_> = (0..40).chain(1_000..2_000).collect();
    let backwards: Vec<_> = forwards.iter().rev().copied().collect();
    tokio::join!(note("b", &forwards), note("b", &backwards), note("b", &forwards));
    assert_eq!(used_last("b", usize::MAX).await.len(), 36, "four are the other one's");

    // Those that are given up are not known any more.
    let pruning = open_with(location, |config| config.programs_kept_for = Duration::from_millis(1)).await.bytecode();
    tokio::time::sleep(Duration::from_millis(2)).await;
    pruning.save(&key(7), &program(7, 7)).await.expect("it serves");
    assert_eq!(used_last("a", 10).await, []);
    assert!(used_last("b", 10).await.iter().all(|used| *used == key(7)), "the one that was saved again");
}

pub(crate) async fn several_programs_come_at_once(location: &str) {
    let programs = with_programs(location, 0..300).await;
    let load = async |numbers: std::ops::Range<u32>, bytes_max| {
        let keys: Vec<_> = numbers.map(key).collect();
        let mut found = programs.load_all(&keys, bytes_max).await.expect("it serves");
        found.sort_by_key(|(_, program)| program.sealed.0.len());
        found
    };
    let expected = |numbers: std::ops::Range<u32>| -> Vec<_> {
        numbers.map(|number| (key(number), program(number as u8, number as usize))).collect()
    };
    assert_eq!(load(0..0, 10).await, []);
    assert_eq!(load(5..6, 10).await, expected(5..6));
    assert_eq!(load(290..310, usize::MAX).await, expected(290..300), "what is not there is left out");
    assert_eq!(load(0..300, 99).await, expected(0..100), "and what is too large");
    open(location).await.close().await;
}
