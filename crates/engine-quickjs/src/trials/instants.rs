//! A run may be suspended and left at any instruction of the engine's: nothing is lost, no lock stays held, and every
//! byte is back.

use std::thread;
use std::time::Duration;

use isolet_core_traits::{
    Abort, End, Engine, HostReply, KilledIn, Outcome, Payload, Purpose, Reset, Resume, SourceKind, Step, Vm,
};

use super::{Bench, interrupt, restored};
use crate::{QuickJsProgram, QuickJsVm};

/// Builtins that do not poll, builtins that use libc, and ordinary code, each of them busy for longer than any run here.
const SCRIPTS: &[&str] = &[
    "const s = 'a'.repeat(1 << 20), t = 'a'.repeat(1 << 19) + 'b'; s.indexOf(t)",
    "Array.prototype.join.call({ length: 2 ** 32 - 1 }).length",
    "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })",
    "((1n << 1000000n) - 3n).toString().length",
    "for (;;) (3n ** 30000n) * 7n",
    "let a = [1]; for (let i = 0; i < 30; i++) a = [a, a]; JSON.stringify(a).length",
    "for (;;) JSON.parse('[' + '{\"a\":[1,2,3]},'.repeat(3000) + '1]')",
    "/(a+)+$/.test('a'.repeat(40) + 'b')",
    "const a = new Float64Array(1 << 16); for (;;) { for (let i = 0; i < a.length; i++) a[i] = (i * 7919) % 100003; a.sort() }",
    "for (;;) Array.from({ length: 3000 }, (_, i) => (i * 7919) % 1009).sort().reverse().concat([1]).slice(5).indexOf(7)",
    "for (;;) new Date(2020, 1, 1).toString() + new Date(1e12).toISOString() + Date.parse('2020-02-30')",
    "for (;;) 'ﬁÅ'.repeat(5000).normalize('NFKD').normalize('NFC').toUpperCase().localeCompare('x')",
    "for (;;) { const m = new Map(); for (let i = 0; i < 3000; i++) m.set('k' + i, { i }); structure(m) } function structure(m) { return [...m].flat(2).length }",
    "for (;;) new Uint8Array(1 << 20).fill(7).slice(3).copyWithin(0, 9).set(new Uint8Array(1 << 19))",
    "for (;;) ('x,'.repeat(20000)).split(',').join(';').replaceAll('x', '$&y').padEnd(1 << 20).trimEnd()",
    "const f = () => { Promise.resolve().then(f) }; f(); new Promise(() => {})",
    "for (;;) try { null.x } catch (error) { error.stack.length }",
    "const deep = n => n ? deep(n - 1) + 1 : 0; for (;;) try { deep(1e6) } catch {}",
    "for (;;) echo('x'.repeat(1e5)) + echo(new Uint8Array(1000)).length",
    "for (;;) { const wait = host.step('x'.repeat(1000)).catch(() => {}); await null }",
    "const kept = []; for (;;) kept.push(new Array(100).fill(kept.length))",
    "const p = new Proxy({}, { get: (t, k, r) => r[k] }); for (;;) try { p.x } catch {}",
    "for (;;) { const shared = new Int32Array(new SharedArrayBuffer(64)); Atomics.notify(shared, 0); Atomics.add(shared, 0, 1) }",
    "await host.step(1); for (;;) console_like(); function console_like() { return echo([1].join('x'.repeat(5000))) }",
];

const RUNS: usize = 20_000;

/// Where the runs of a thread were when they ended.
#[derive(Debug, Default)]
struct Seen {
    natives: usize,
    polls: usize,
    memory: usize,
    parked: usize,
    dropped: usize,
    others: usize,
}

/// One thread's share of all runs, with this tick.
fn soak(tick: Duration, runs: usize, seed: u64) -> Seen {
    let mut bench = Bench::new();
    bench.engine = bench.engine.tick(tick);
    let programs: Vec<_> =
        SCRIPTS.iter().map(|text| bench.compile(text, SourceKind::Script).expect("compiles")).collect();
    let mut vm = bench.vm(Purpose::Run);
    let attach = || bench.engine.attach_thread().expect("ticks");
    let mut attached = attach();
    let (mut seen, mut random) = (Seen::default(), Random(seed));
    // The first runs make the programs' images, if they get that far.
    for program in &programs {
        let before = vm.image_bytes();
        while vm.image_bytes() == before {
            bench.run(&mut vm, program, Duration::from_millis(5));
            restored(&mut vm).expect("every byte is back");
        }
    }
    drop(attached);
    // The second inspection makes the probe's image.
    for _ in 0..2 {
        bench.inspect(&mut vm).expect("every byte is back");
    }
    let expected = bench.inspect(&mut vm).expect("every byte is back");
    attached = attach();
    for run in 0..runs {
        let which = random.below(SCRIPTS.len());
        let lost = allocation_counter::measure(|| {
            if random.below(8) == 0 {
                vm.refuse_after(random.below(200) as u64);
            }
            let wall_time = Duration::from_micros(random.below(1_500) as u64);
            let outcome = end(&bench, &mut vm, &programs[which], wall_time, &mut random, &mut seen);
            match outcome.end {
                End::Aborted { place: KilledIn::Native, .. } => seen.natives += 1,
                End::Aborted { place: KilledIn::Script, .. } => seen.polls += 1,
                End::OutOfMemory { .. } => seen.memory += 1,
                End::EngineFault => panic!("{}: {outcome:?}", SCRIPTS[which]),
                _ => seen.others += 1,
            }
            drop(outcome);
            restored(&mut vm).expect("every byte is back");
        });
        assert_eq!((lost.count_current, lost.bytes_current), (0, 0), "{}: something is lost", SCRIPTS[which]);
        if run % 16 == 0 {
            // Ticks change what the probe leaves: the engine's poll counter.
            drop(attached);
            let left = bench.inspect(&mut vm).expect("every byte is back");
            assert!(left == expected, "{}: the probe leaves other bytes behind", SCRIPTS[which]);
            attached = attach();
        }
    }
    seen
}

/// Runs a program to its end, which is its deadline, an abort in between, or its own.
fn end(
    bench: &Bench,
    vm: &mut QuickJsVm,
    program: &QuickJsProgram,
    wall_time: Duration,
    random: &mut Random,
    seen: &mut Seen,
) -> Outcome {
    let interrupt = interrupt(wall_time);
    let mut step = bench.begin(vm, program, interrupt.clone());
    loop {
        step = match step {
            Step::Done(outcome) => return outcome,
            Step::Preempted if random.below(20) == 0 => {
                seen.dropped += 1;
                return vm.abort(Abort::Cancelled);
            }
            Step::Preempted => vm.resume(Resume::Go),
            Step::HostCalls { calls, .. } => {
                if random.below(2) == 0 {
                    let parked = vm.park().expect("it waits");
                    assert_eq!(vm.reset(), Reset::Pristine);
                    vm.unpark(parked).expect("its own VM");
                    seen.parked += 1;
                }
                let replies = calls.iter().map(|call| {
                    let payload = Payload { json: "[1]".into(), buffers: Vec::new() };
                    HostReply { call: call.id, result: Ok(payload) }
                });
                vm.resume(Resume::Replies(replies.collect()))
            }
            Step::Stalled => return vm.abort(Abort::NeverSettled),
        };
    }
}

/// Knuth's generator: every run of the trial makes the same choices, though the system ticks as it likes.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn a_run_is_left_at_any_instruction() {
    let threads = [(50, 1), (50, 2), (500, 3), (500, 4)]
        .map(|(tick, seed)| thread::spawn(move || soak(Duration::from_micros(tick), RUNS / 4, seed)));
    let seen = threads.map(|thread| thread.join().expect("no panic"));
    let all = |count: fn(&Seen) -> usize| seen.iter().map(count).sum::<usize>();
    let counts = [all(|seen| seen.natives), all(|seen| seen.polls), all(|seen| seen.memory), all(|seen| seen.parked)];
    assert!(counts.iter().all(|count| *count >= 100) && counts[0] >= 1_000, "{seen:#?}");
}

/// Many threads share few cores, so that several ticks may find a thread where it was: it has had no time to poll.
#[test]
fn a_script_that_waits_for_the_cpu_is_not_inside_of_a_builtin() {
    let runs = || {
        let bench = Bench::new();
        let _attached = bench.engine.attach_thread().expect("ticks");
        let mut vm = bench.vm(Purpose::Run);
        let program = bench.compile("for (;;);", SourceKind::Script).expect("compiles");
        for _ in 0..20 {
            let outcome = bench.run(&mut vm, &program, Duration::from_millis(50)).expect("it is over");
            assert!(matches!(outcome.end, End::Aborted { place: KilledIn::Script, .. }), "{outcome:?}");
            assert_eq!(vm.reset(), Reset::Pristine);
        }
    };
    let threads = [(); 16].map(|()| thread::spawn(runs));
    threads.into_iter().for_each(|thread| thread.join().expect("the script was running"));
}
