//! Compiled programs beyond the process: what opens, what does not, and what it takes.

use std::sync::Arc;
use std::time::Duration;

use isolet::store::Store;
use isolet::{
    BytecodeConfig, BytecodeStats, Execution, Isolet, IsoletBuilder, ProgramKey, ProgramOrigin, SealKeys, Status,
    StoredProgram,
};

use crate::shelf::{Mood, Shelf};
use crate::{Directory, full, keys, source, tenant};

/// Machines that run tests may be slow.
fn patient() -> BytecodeConfig {
    BytecodeConfig { load_wait_max: Duration::from_secs(60), ..BytecodeConfig::default() }
}

/// An isolet that keeps no program in memory.
fn forgetful(shelf: &Arc<Shelf>, keys: SealKeys, config: BytecodeConfig) -> IsoletBuilder {
    let config = BytecodeConfig { warm_max: 0, ..config };
    Isolet::builder().vms_warm(1).cache_entries(0).bytecode(shelf.clone(), keys, config)
}

fn stats(isolet: &Isolet) -> BytecodeStats {
    isolet.metrics().bytecode.expect("there is a store")
}

/// Runs a script, which gives its number, and tells where its program came from.
async fn run(isolet: &Isolet, number: usize) -> ProgramOrigin {
    let report = isolet.execute(Execution::new(source(format!("({number})")), tenant())).await;
    assert_eq!((report.status, report.output_as::<usize>().ok()), (Status::Ok, Some(number)));
    report.metrics.cache.expect("it had a program")
}

/// Waits until the cache is filled with what can be read ahead.
async fn is_warm(isolet: &Isolet) {
    until(isolet, |stats| !stats.is_warming).await;
}

/// Waits until so many programs were saved, or could not be.
async fn saved(isolet: &Isolet, count: u64) {
    until(isolet, |stats| stats.saved + stats.save_failures + stats.save_drops >= count).await;
}

async fn until(isolet: &Isolet, is_so: impl Fn(&BytecodeStats) -> bool) {
    for _ in 0..6_000 {
        if is_so(&stats(isolet)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a minute is over: {:?}", stats(isolet));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_compiles_nothing() {
    const SCRIPTS: usize = 1_000;
    let directory = Directory::new();
    let mut compile_time = Duration::ZERO;
    // At the last start it waits for what is read ahead.
    for (expected, warm_max) in
        [(ProgramOrigin::Miss, SCRIPTS), (ProgramOrigin::Stored, 0), (ProgramOrigin::Hit, SCRIPTS)]
    {
        let store = Store::open(&directory.location()).await.expect("a store");
        let config = BytecodeConfig { queue_max: SCRIPTS, warm_max, ..patient() };
        let isolet = Isolet::builder().vms_warm(1).bytecode(store.bytecode(), keys(1), config).build();
        let isolet = isolet.expect("an isolet");
        is_warm(&isolet).await;
        for number in 0..SCRIPTS {
            assert_eq!(run(&isolet, number).await, expected);
        }
        let first_runs = isolet.metrics().cache;
        for number in 0..SCRIPTS {
            assert_eq!(run(&isolet, number).await, ProgramOrigin::Hit);
        }
        let both_runs = isolet.metrics().cache;
        let all = SCRIPTS as u64;
        let is_first = expected == ProgramOrigin::Miss;
        if is_first {
            saved(&isolet, all).await;
            compile_time = both_runs.compile_time_saved;
        }
        isolet.shutdown(Duration::from_secs(60)).await;
        let stats = stats(&isolet);
        let counts = (both_runs.misses, both_runs.stored, stats.saved, stats.loaded, stats.warmed);
        let expected = match expected {
            ProgramOrigin::Miss => (all, 0, all, 0, 0),
            ProgramOrigin::Stored => (0, all, 0, all, 0),
            _ => (0, 0, 0, 0, all),
        };
        assert_eq!(counts, expected, "{stats:?}");
        if !is_first {
            // What the second runs of the first start saved is what compiling took, but for fractions of microseconds.
            assert!(first_runs.compile_time_saved + Duration::from_micros(all) >= compile_time);
        }
        store.close().await;
    }
}

/// Every byte in turn, or a sample of them, has a bit changed; then the end is cut at many lengths.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_bytes_are_compiled_again() {
    let shelf = Shelf::new();
    let isolet = forgetful(&shelf, keys(1), patient()).build().expect("an isolet");
    assert_eq!(run(&isolet, 7).await, ProgramOrigin::Miss);
    saved(&isolet, 1).await;
    let (key, sealed) = shelf.rows(|rows| rows.iter().next().map(|(key, row)| (*key, row.clone())).expect("a row"));
    assert_eq!(run(&isolet, 7).await, ProgramOrigin::Stored);
    let changes_max = if full() { 2_000 } else { 150 };
    let bytes = sealed.sealed.0.len();
    let step = bytes.div_ceil(changes_max);
    let (mut changes, before) = (0, stats(&isolet).loaded);
    for at in (0..bytes).step_by(step) {
        for cut in [false, true] {
            let mut row = sealed.clone();
            match cut {
                false => row.sealed.0[at] ^= 1 << (at % 8),
                true => row.sealed.0.truncate(at),
            }
            changes += 1;
            shelf.rows(|rows| rows.insert(key, row));
            assert_eq!(run(&isolet, 7).await, ProgramOrigin::Miss, "byte {at} of {bytes}, cut: {cut}");
            saved(&isolet, changes + 1).await;
            assert_eq!(shelf.rows(|rows| rows[&key].sealed.clone()), sealed.sealed, "it is whole again");
        }
    }
    assert_eq!((stats(&isolet).refused, stats(&isolet).loaded), (changes, before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_other_keys_policies_and_sources_are_compiled_again() {
    let shelf = Shelf::new();
    let first = forgetful(&shelf, keys(1), patient()).build().expect("an isolet");
    for number in [1, 2] {
        run(&first, number).await;
    }
    saved(&first, 2).await;
    swap(&shelf);
    for number in [1, 2] {
        assert_eq!(run(&first, number).await, ProgramOrigin::Miss);
    }
    assert_eq!(stats(&first).refused, 2);

    // The same number with another secret, and another number.
    let mut forged = keys(1);
    forged.current.secret[0] ^= 1;
    for other in [forged, keys(2)] {
        let isolet = forgetful(&shelf, other, patient()).build().expect("an isolet");
        saved(&first, 4).await;
        assert_eq!(run(&isolet, 1).await, ProgramOrigin::Miss);
        assert_eq!(stats(&isolet).refused, 1);
        saved(&isolet, 1).await;
    }

    // What another policy made has another key, and does not open under this one.
    shelf.rows(|rows| rows.clear());
    let trusting = forgetful(&shelf, keys(1), patient()).allow_eval(true).build().expect("an isolet");
    run(&trusting, 1).await;
    saved(&trusting, 1).await;
    assert_eq!(run(&first, 1).await, ProgramOrigin::Miss);
    saved(&first, 5).await;
    swap(&shelf);
    assert_eq!((run(&first, 1).await, stats(&first).refused), (ProgramOrigin::Miss, 3));
}

/// Puts each of two rows in the place of the other.
fn swap(shelf: &Shelf) {
    shelf.rows(|rows| {
        let rows: Vec<&mut StoredProgram> = rows.values_mut().collect();
        let Ok([first, second]) = <[_; 2]>::try_from(rows) else { panic!("two rows") };
        std::mem::swap(first, second);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_store_fails_nothing_and_is_left_alone() {
    for mood in [Mood::Fails, Mood::Panics, Mood::Sleeps, Mood::Never] {
        let shelf = Shelf::new();
        let config = BytecodeConfig {
            load_wait_max: Duration::from_millis(20),
            save_wait_max: Duration::from_millis(20),
            rest: Duration::from_secs(600),
            ..BytecodeConfig::default()
        };
        let isolet = forgetful(&shelf, keys(1), config).build().expect("an isolet");
        shelf.set(mood);
        for number in 0..40 {
            assert_eq!(run(&isolet, number).await, ProgramOrigin::Miss, "{mood:?}");
        }
        let stats = stats(&isolet);
        assert!(stats.is_resting && stats.load_failures <= 5, "{mood:?}: {stats:?}");
        assert_eq!(stats.load_failures + stats.skipped, 40, "{mood:?}: {stats:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_serves_again_is_used_again() {
    let shelf = Shelf::new();
    let config = BytecodeConfig { failures_max: 1, rest: Duration::ZERO, ..patient() };
    let isolet = forgetful(&shelf, keys(1), config).build().expect("an isolet");
    shelf.set(Mood::Fails);
    assert_eq!(run(&isolet, 1).await, ProgramOrigin::Miss);
    shelf.set(Mood::Serves);
    assert_eq!(run(&isolet, 2).await, ProgramOrigin::Miss);
    saved(&isolet, 2).await;
    assert_eq!(run(&isolet, 2).await, ProgramOrigin::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_to_be_saved_is_bounded() {
    let shelf = Shelf::new();
    let config = BytecodeConfig { queue_max: 3, save_wait_max: Duration::from_secs(600), ..patient() };
    let isolet = forgetful(&shelf, keys(1), BytecodeConfig { load_wait_max: Duration::ZERO, ..config });
    let isolet = isolet.build().expect("an isolet");
    shelf.set(Mood::Never);
    for number in 0..4 {
        run(&isolet, number).await;
    }
    assert!(stats(&isolet).save_drops >= 1, "{:?}", stats(&isolet));
}

/// Runs scripts of these numbers on an isolet that stores programs, which are then saved and noted.
async fn ran_before(shelf: &Arc<Shelf>, numbers: std::ops::Range<usize>) {
    let isolet = Isolet::builder().vms_warm(1).bytecode(shelf.clone(), keys(1), patient()).build().expect("an isolet");
    is_warm(&isolet).await;
    for number in numbers.clone() {
        run(&isolet, number).await;
    }
    saved(&isolet, numbers.len() as u64).await;
    isolet.shutdown(Duration::from_secs(60)).await;
}

/// An isolet that was started now, when its cache is warm.
async fn warm(shelf: &Arc<Shelf>, change: fn(IsoletBuilder) -> IsoletBuilder) -> Isolet {
    let isolet = Isolet::builder().vms_warm(1).bytecode(shelf.clone(), keys(1), patient());
    let isolet = change(isolet).build().expect("an isolet");
    is_warm(&isolet).await;
    isolet
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_is_warm_after_a_restart() {
    let shelf = Shelf::new();
    ran_before(&shelf, 0..200).await;
    let isolet = warm(&shelf, |builder| builder).await;
    assert_eq!((stats(&isolet).warmed, stats(&isolet).loaded, isolet.metrics().cache.entries), (200, 0, 200));
    assert_eq!(run(&isolet, 7).await, ProgramOrigin::Hit);
    assert!(isolet.metrics().cache.compile_time_saved > Duration::ZERO);
    isolet.shutdown(Duration::from_secs(60)).await;
    let noted = shelf.noted(|noted| noted.values().next().map(Vec::len));
    assert_eq!(noted, Some(200), "those that did not run now may run again");

    // A smaller cache takes those that were used last; one of another policy has programs of its own.
    let small = warm(&shelf, |builder| builder.cache_entries(3)).await;
    assert_eq!(stats(&small).warmed, 3);
    assert_eq!(run(&small, 7).await, ProgramOrigin::Hit);
    let trusting = warm(&shelf, |builder| builder.allow_eval(true)).await;
    assert_eq!((stats(&trusting).warmed, run(&trusting, 7).await), (0, ProgramOrigin::Miss));
    trusting.shutdown(Duration::from_secs(60)).await;
    assert_eq!(shelf.noted(|noted| noted.len()), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_ahead_is_not_trusted_either() {
    let shelf = Shelf::new();
    ran_before(&shelf, 0..100).await;
    let keys: Vec<_> = shelf.noted(|noted| noted.values().next().cloned().expect("it was noted"));
    shelf.rows(|rows| {
        rows.get_mut(&keys[0]).expect("a row").sealed.0[50] ^= 1;
        rows.get_mut(&keys[1]).expect("a row").sealed.0.truncate(20);
        let third = rows[&keys[2]].clone();
        rows.insert(keys[3], third);
        rows.remove(&keys[4]);
        // Larger than what is read ahead.
        rows.get_mut(&keys[5]).expect("a row").sealed.0.resize(300 << 10, 0);
    });
    // A key that was never one, and one that is there twice.
    let forged = ProgramKey::from_hash(isolet::SourceHash([7; 32]));
    shelf.noted(|noted| noted.values_mut().for_each(|keys| keys.extend([forged, keys[6], keys[6]])));
    let isolet = warm(&shelf, |builder| builder).await;
    assert_eq!((stats(&isolet).refused, isolet.metrics().cache.entries), (3, 95), "{:?}", stats(&isolet));
    for number in 0..100 {
        run(&isolet, number).await;
    }
    assert_eq!((isolet.metrics().cache.hits, isolet.metrics().cache.misses), (95, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_store_delays_nobody_who_fills_a_cache() {
    let shelf = Shelf::new();
    ran_before(&shelf, 0..3).await;
    for mood in [Mood::Fails, Mood::Panics] {
        shelf.set(mood);
        let isolet = warm(&shelf, |builder| builder).await;
        let BytecodeStats { warmed, load_failures, is_resting, .. } = stats(&isolet);
        assert_eq!((warmed, load_failures, is_resting), (0, 1, false), "{mood:?}");
        assert_eq!(run(&isolet, 0).await, ProgramOrigin::Miss);
    }
    // Executions do not wait for it, nor does the end.
    shelf.set(Mood::Never);
    let config = BytecodeConfig { save_wait_max: Duration::from_secs(600), ..BytecodeConfig::default() };
    let isolet = Isolet::builder().vms_warm(1).bytecode(shelf.clone(), keys(1), config).build().expect("an isolet");
    assert_eq!(run(&isolet, 0).await, ProgramOrigin::Miss);
    assert!(stats(&isolet).is_warming);
    isolet.shutdown(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_ahead_or_noted_unless_it_is_asked_for() {
    let shelf = Shelf::new();
    ran_before(&shelf, 0..3).await;
    shelf.noted(|noted| assert_eq!(noted.drain().count(), 1));
    let config = BytecodeConfig { warm_max: 0, ..patient() };
    let isolet = Isolet::builder().vms_warm(1).bytecode(shelf.clone(), keys(1), config).build().expect("an isolet");
    assert!(!stats(&isolet).is_warming);
    assert_eq!(run(&isolet, 0).await, ProgramOrigin::Stored);
    isolet.shutdown(Duration::from_secs(60)).await;
    assert_eq!((stats(&isolet).warmed, shelf.noted(|noted| noted.len())), (0, 0));
}

/// A process may end without a word.
#[tokio::test]
async fn what_a_cache_holds_is_noted_every_minute() {
    let shelf = Shelf::new();
    let isolet = Isolet::builder().vms_warm(1).bytecode(shelf.clone(), keys(1), patient()).build().expect("an isolet");
    for number in 0..3 {
        run(&isolet, number).await;
    }
    is_warm(&isolet).await;
    saved(&isolet, 3).await;
    tokio::time::pause();
    for (second, expected) in [(30, 0), (31, 3)] {
        assert_eq!(noted_after(&shelf, second).await, expected);
    }
}

#[tokio::test]
async fn what_is_saved_late_is_noted_then() {
    let shelf = Shelf::new();
    let config = BytecodeConfig { save_wait_max: Duration::from_secs(600), ..patient() };
    let isolet = Isolet::builder().vms_warm(1).bytecode(shelf.clone(), keys(1), config).build().expect("an isolet");
    is_warm(&isolet).await;
    let held = shelf.saves.lock().await;
    for number in 0..3 {
        run(&isolet, number).await;
    }
    tokio::time::pause();
    assert_eq!(noted_after(&shelf, 61).await, 0);
    drop(held);
    assert_eq!(noted_after(&shelf, 61).await, 3);
}

/// How many programs are noted so many seconds later. For tests whose time stands still.
async fn noted_after(shelf: &Shelf, seconds: u64) -> usize {
    // First what can go on without any time.
    for time in [0, seconds] {
        tokio::time::advance(Duration::from_secs(time)).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    shelf.noted(|noted| noted.values().map(Vec::len).sum())
}
