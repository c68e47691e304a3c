//! Whatever a script did, every byte is back after a restore, and the next run leaves the same bytes behind as if
//! nothing had been.

use std::thread;
use std::time::Duration;

use isolet_core_traits::Purpose;
use isolet_testkit::hostile::{Requirement, all};

use super::{Bench, WALL_TIME};
use crate::{QuickJsProgram, Restoring};

fn programs(bench: &Bench) -> Vec<(&'static str, QuickJsProgram)> {
    let can_be_run = all().filter(|row| row.requires != Requirement::KillInNatives);
    let compiled = can_be_run.filter_map(|row| Some((row.name, bench.compile(row.source, row.kind)?)));
    compiled.collect()
}

/// Runs programs one after another on one VM, each for its time, and says what was not as after the first one.
fn broken<'a>(bench: &'a Bench, runs: impl Iterator<Item = (&'a str, &'a QuickJsProgram, Duration)>) -> Vec<String> {
    let (mut vm, mut expected, mut broken) = (bench.vm(Purpose::Run), None, Vec::new());
    // The second time that the probe is loaded makes its image.
    let nothing = [("nothing", &bench.probe, WALL_TIME); 2];
    for (at, (name, program, wall_time)) in nothing.into_iter().chain(runs).enumerate() {
        bench.run(&mut vm, program, wall_time);
        match bench.inspect(&mut vm) {
            Ok(_) if at == 0 => {}
            Ok(left) if expected.get_or_insert_with(|| left.clone()) == &left => {}
            Ok(left) => {
                broken.push(format!("{name}: the probe leaves other bytes behind at {:?}", first(&left, &expected)))
            }
            Err(difference) => broken.push(format!("{name}: {difference}")),
        }
    }
    broken
}

/// Where two states differ first.
fn first(left: &[u8], expected: &Option<Vec<u8>>) -> Option<usize> {
    left.iter().zip(expected.iter().flatten()).position(|(left, expected)| left != expected)
}

fn hold_after_each_hostile_script(restoring: Restoring) {
    let bench = Bench::restoring(restoring);
    let programs = programs(&bench);
    let broken = broken(&bench, programs.iter().map(|(name, program)| (*name, program, Duration::from_millis(25))));
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(programs.len() >= 60);
}

#[test]
fn after_each_hostile_script_every_byte_is_back() {
    hold_after_each_hostile_script(Restoring::Whole);
}

#[test]
fn after_each_hostile_script_every_hot_page_is_back() {
    hold_after_each_hostile_script(Restoring::HotPages);
}

#[test]
fn after_random_cycles_on_four_threads_every_byte_is_back() {
    thread::scope(|scope| {
        for thread in 0..4u64 {
            scope.spawn(move || {
                // An engine each, so that each has a stack of its own: its place is among the bytes.
                let modes = [Restoring::Whole, Restoring::HotPages];
                // And slices of one poll each.
                let bench = Bench { slice: Duration::ZERO, ..Bench::restoring(modes[thread as usize % modes.len()]) };
                let programs = programs(&bench);
                let mut random = thread + 1;
                // Ends at random polls, mostly early ones.
                let runs = (0..2_500).map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let (name, program) = &programs[(random >> 33) as usize % programs.len()];
                    (*name, program, Duration::from_micros((random >> 20) % 1_500))
                });
                let broken = broken(&bench, runs);
                assert!(broken.is_empty(), "{broken:#?}");
            });
        }
    });
}
