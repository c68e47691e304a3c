//! Over many cycles, nothing of the process grows.

use std::fs;

use isolet_core_traits::{End, ParkedRun, Purpose, Reset, SourceKind, Step, Vm};

use super::alone::alone;
use super::{Bench, WALL_TIME, interrupt};

/// What the system sees of the process.
#[derive(Debug)]
struct Footprint {
    resident_bytes: usize,
    maps: usize,
    descriptors: usize,
}

impl Footprint {
    fn now() -> Self {
        let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
        let pages: usize = statm.split(' ').nth(1).expect("a second figure").parse().expect("a number");
        Self {
            resident_bytes: pages * 4096,
            maps: fs::read_to_string("/proc/self/maps").expect("Linux").lines().count(),
            descriptors: fs::read_dir("/proc/self/fd").expect("Linux").count(),
        }
    }
}

/// Ends of all kinds: outputs, errors, memory, waiting, parking, depth.
const SCRIPTS: &[&str] = &[
    "input.length",
    "throw new TypeError('x'.repeat(1000))",
    "await host.step(input); 1",
    "new Promise(() => {})",
    "'x'.repeat(1e8)",
    "const deep = n => n ? deep(n - 1) + 1 : 0; deep(2000)",
    "Array.from({ length: 1000 }, (_, i) => ({ i }))",
    "echo('x'.repeat(100)) + echo(1)",
    "Promise.reject(1); Symbol('s').description",
    "let r; try { echo(null) } catch (e) { r = e.message } r",
];

const CYCLES: usize = 100_000;

#[test]
fn nothing_grows() {
    alone("growth::nothing_grows", || {
        let bench = Bench::new();
        let programs: Vec<_> =
            SCRIPTS.iter().map(|text| bench.compile(text, SourceKind::Script).expect("compiles")).collect();
        let mut vm = bench.vm(Purpose::Run);
        let mut cycle = |number: usize| {
            let program = &programs[number % programs.len()];
            if number.is_multiple_of(3)
                && let Step::HostCalls { .. } = bench.start(&mut vm, program, interrupt(WALL_TIME))
            {
                let parked = vm.park().expect("it waits");
                assert_eq!(vm.reset(), Reset::Pristine);
                if number.is_multiple_of(2) {
                    vm.unpark(parked).expect("its own VM");
                }
            } else if !number.is_multiple_of(3) {
                bench.run(&mut vm, program, WALL_TIME);
            }
            assert_eq!(vm.reset(), Reset::Pristine);
        };
        (0..CYCLES / 20).for_each(&mut cycle);
        let before = Footprint::now();
        let kept = allocation_counter::measure(|| (0..CYCLES).for_each(&mut cycle));
        let after = Footprint::now();
        assert_eq!((kept.count_current, kept.bytes_current), (0, 0), "allocations are kept");
        assert!(after.resident_bytes <= before.resident_bytes + (4 << 20), "{before:?} {after:?}");
        assert!(after.maps <= before.maps + 8, "{before:?} {after:?}");
        assert_eq!(after.descriptors, before.descriptors, "{before:?} {after:?}");
    });
}

#[test]
fn blocks_of_ever_other_sizes_are_given_back() {
    alone("growth::blocks_of_ever_other_sizes_are_given_back", || {
        let bench = Bench::new();
        let text = "const kept = [];
        for (let size = 1 << 18; size < 6e6; size = size * 1.06 | 0) {
            let large = new Uint8Array(size).fill(1);
            kept.push(new Array(500).fill(size));
            large = null;
        }
        await host.step(kept.length)";
        let program = bench.compile(text, SourceKind::Script).expect("compiles");
        let mut vm = bench.vm(Purpose::Run);
        let step = bench.start(&mut vm, &program, interrupt(WALL_TIME));
        assert!(matches!(step, Step::HostCalls { .. }), "{step:?}");
        assert!(vm.resident_bytes() <= 24 << 20, "{} bytes", vm.resident_bytes());
        let parked = vm.park().expect("it waits");
        assert!(parked.bytes() <= 12 << 20, "{} bytes", parked.bytes());
    });
}

#[test]
fn the_peak_is_what_the_system_sees() {
    alone("growth::the_peak_is_what_the_system_sees", || {
        let bench = Bench::new();
        for (text, at_least) in [
            ("input.length", 0),
            ("new Uint8Array(8e6).fill(1).length", 8_000_000),
            ("Array.from({ length: 60000 }, (_, i) => ({ i })).length", 4_000_000),
            ("'x'.repeat(1e5).split('').join('-').length", 3_000_000),
            ("const m = new Map(); for (let i = 0; i < 30000; i++) m.set(i, 'key ' + i); m.size", 1_500_000),
        ] {
            let program = bench.compile(text, SourceKind::Script).expect("compiles");
            let mut vm = bench.vm(Purpose::Run);
            let standing = vm.resident_bytes();
            let outcome = bench.run(&mut vm, &program, WALL_TIME).expect("it is over");
            assert!(matches!(outcome.end, End::Output(_)), "{text}: {:?}", outcome.end);
            let (peak, seen) = (outcome.memory_peak_bytes as usize, vm.resident_bytes());
            assert!(peak >= at_least, "{text}: {peak}");
            // What lies free between blocks is resident, but not in use; pages are rounded up. Of a block, the last eighth
            // may never be touched, which shows where the system has no huge page for it.
            assert!(peak <= seen + peak / 8 + (64 << 10), "{text}: {peak} counted, {seen} resident");
            assert!(seen <= peak + peak * 3 / 4 + (256 << 10), "{text}: {peak} counted, {seen} resident");
            assert_eq!(vm.reset(), Reset::Pristine);
            assert!(vm.resident_bytes() <= standing + (512 << 10), "{text}: {} stay", vm.resident_bytes());
        }
    });
}
