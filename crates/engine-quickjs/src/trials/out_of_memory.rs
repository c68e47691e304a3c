//! A run can be left at each of its allocations and polls: the status is right, nothing of Rust's is lost, every byte
//! is back.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{Abort, CompileFailure, End, Interrupt, Outcome, Purpose, RunLimits, Source, SourceKind, Vm};
use isolet_testkit::TickingClock;

use super::{Bench, WALL_TIME, interrupt, restored};
use crate::{QuickJsProgram, QuickJsVm};

/// Scripts that go through all of the engine's doors: natives, host calls and their replies, the output, errors.
const WORKLOADS: &[(SourceKind, &str)] = &[
    (SourceKind::Script, super::PROBE),
    (
        SourceKind::Script,
        "const parts = [];
         for (let i = 0; i < 3000; i++) parts.push({ i, text: 'part ' + i, list: [i, i + 1] });
         const groups = Map.groupBy(parts, part => part.i % 7);
         const text = JSON.stringify([...groups]);
         const back = JSON.parse(text).map(([key, list]) => [key, list.length, list.map(part => part.text).join('').length]);
         back.concat(text.split('part').length, text.replace(/[0-9]+/g, '#').length)",
    ),
    (
        SourceKind::Script,
        "const { promise, resolve } = Promise.withResolvers();
         async function* numbers() { for (let i = 0; i < 200; i++) yield i }
         let sum = 0;
         for await (const number of numbers()) sum += number;
         const calls = [1n, new Uint8Array(100), { $buffer: 1, $$x: [new Date(0)] }, 'ä'].map(value => host.step(value, sum));
         const first = await calls[0];
         resolve(first);
         [await promise, sum, String(first[2].$x)]",
    ),
    (
        SourceKind::Script,
        "const seen = [];
         for (const value of ['text', 'ä'.repeat(300), 1.5, null, new Uint8Array(1000), undefined, {}]) {
             try { seen.push(echo(value)) } catch (error) { seen.push(error.name + error.message + error.stack.length) }
         }
         class Refused extends Error { get extra() { return 'x'.repeat(10000) } }
         const error = new Refused('no: ' + seen.join());
         error.cause = { error };
         throw error",
    ),
    (
        SourceKind::Script,
        "const blocks = Array.from({ length: 900 }, (_, i) => i % 2 ? 'x'.repeat(600 + i) : new Uint8Array(600 + i));
         blocks.map(block => block.length)",
    ),
    (SourceKind::Script, "const a = { list: [{ n: 1 }, { big: { deep: 10n } }] }; a"),
    (SourceKind::Script, "const a = { list: [{}] }; a.list[0].back = a; a"),
    (SourceKind::Script, "throw { toJSON() { return ['thrown', 'x'.repeat(5000)] } }"),
    (SourceKind::Script, "Promise.reject(Symbol('unhandled')); 1"),
    (SourceKind::Script, "({ toJSON() { throw new DOMException('no', 'DataError') } })"),
    (SourceKind::Script, "[late('x'.repeat(300)), later, await import('there')]"),
    (SourceKind::Module, "export default async (input, context) => Object.entries({ input, context })"),
    (SourceKind::Module, "export const a = 1"),
    (SourceKind::Body, "const map = new Map(input.entries()); return [...map, await host.step(map.size)]"),
    (
        SourceKind::Body,
        "let text = ''; for (let i = 0; i < 400; i++) text += String.fromCodePoint(0x1f600 + i % 60);
         const words = [...text].map((c, at) => c.padStart(at % 20, '-'));
         const typed = Float64Array.from(words, word => word.length).sort();
         return [words.sort().slice(-3), typed.at(-1), (2n ** 900n).toString(7).length, new Date(1e12).toISOString(),
             /(?<year>\\d{4})-(?<rest>.*)/u.exec('2026-x').groups, structure(new Set(words)), new Proxy(words, {}).length];
         function structure(set) { return [...set].reduce((tree, word) => ({ ...tree, [word]: tree.size }), { size: 0 }).size }",
    ),
];

/// Every so many-th allocation is refused: each one, unless a checker under which everything is slow asks for fewer.
fn stride() -> usize {
    let stride = env::var("ISOLET_TRIALS_STRIDE").ok();
    stride.map_or(1, |stride| stride.parse().expect("a number"))
}

/// How often a workload asks for memory.
fn allocations(bench: &Bench, vm: &mut QuickJsVm, program: &QuickJsProgram) -> u64 {
    const FAR: u64 = 1 << 40;
    vm.refuse_after(FAR);
    bench.run(vm, program, WALL_TIME);
    let allocations = FAR - vm.refused_after();
    restored(vm).expect("every byte is back");
    allocations
}

#[test]
fn a_run_is_left_at_any_allocation() {
    let bench = Bench::new();
    let mut points = 0;
    for (kind, text) in WORKLOADS {
        let program = bench.compile(text, *kind).expect("compiles");
        let mut vm = bench.vm(Purpose::Run);
        // Two runs load the program, the third one its image.
        for _ in 0..2 {
            allocations(&bench, &mut vm, &program);
        }
        let count = allocations(&bench, &mut vm, &program);
        for at in (0..count).step_by(stride()) {
            vm.refuse_after(at);
            let lost = allocation_counter::measure(|| {
                let outcome = bench.run(&mut vm, &program, WALL_TIME).expect("it is over");
                let is_right = matches!(outcome.end, End::OutOfMemory { asked, .. } if asked > 0);
                assert!(is_right, "{text}\n at {at}: {:?}", outcome.end);
                drop(outcome);
                restored(&mut vm).expect("every byte is back");
            });
            assert_eq!((lost.count_current, lost.bytes_current), (0, 0), "{text}\n at {at}: something is lost");
        }
        points += count;
    }
    assert!(points >= 3_000, "only {points} points");
}

#[test]
fn a_run_is_left_at_any_poll() {
    const TICK: Duration = Duration::from_millis(1);
    let bench = Bench { slice: WALL_TIME, ..Bench::new() };
    let busy = "let n = 0; const sum = () => { for (let i = 0; i < 2e5; i++) n += i }; sum(); await 1;
                [3, 1, 2].sort((a, b) => (sum(), a - b)); JSON.stringify({ toJSON: sum }); echo('x'); sum(); n";
    let mut polls = 0;
    for (kind, text) in WORKLOADS.iter().chain([&(SourceKind::Script, busy)]) {
        let program = bench.compile(text, *kind).expect("compiles");
        let mut vm = bench.vm(Purpose::Run);
        // The second run makes the program's image.
        for _ in 0..2 {
            bench.run(&mut vm, &program, WALL_TIME);
            restored(&mut vm).expect("every byte is back");
        }
        for readings in 1.. {
            // Each reading of the clock, which is each poll, takes it a tick further.
            let interrupt = Arc::new(Interrupt::new(Arc::new(TickingClock::new(TICK))));
            interrupt.start(TICK * readings);
            let mut is_stopped = false;
            let lost = allocation_counter::measure(|| {
                let outcome = bench.run_with(&mut vm, &program, interrupt.clone());
                is_stopped = matches!(outcome, Some(Outcome { end: End::Aborted { why: Abort::Deadline, .. }, .. }));
                drop(outcome);
                restored(&mut vm).expect("every byte is back");
            });
            assert_eq!((lost.count_current, lost.bytes_current), (0, 0), "{text}\n at {readings}: something is lost");
            if !is_stopped {
                break;
            }
            polls += 1;
        }
    }
    assert!(polls >= 200, "only {polls} polls");
}

#[test]
fn loading_a_program_is_left_at_any_allocation() {
    let bench = Bench::new();
    for (kind, text) in WORKLOADS {
        let program = bench.compile(text, *kind).expect("compiles");
        let count = allocations(&bench, &mut bench.vm(Purpose::Run), &program);
        let mut vm = bench.vm(Purpose::Run);
        for at in (0..count.min(60)).step_by(stride()) {
            vm.refuse_after(at);
            let outcome = bench.run(&mut vm, &program, WALL_TIME).expect("it is over");
            assert!(matches!(outcome.end, End::OutOfMemory { .. }), "{text}\n at {at}: {:?}", outcome.end);
            restored(&mut vm).expect("every byte is back");
            vm.forget_images();
        }
    }
}

#[test]
fn compiling_is_left_at_any_allocation() {
    let bench = Bench::new();
    let sources = WORKLOADS.iter().map(|(kind, text)| (*kind, (*text).to_owned()));
    let wrong = [(SourceKind::Auto, "const x = 1; export default x; const x".to_owned())];
    for (kind, text) in sources.chain(wrong) {
        let source = Source::new("trial.js", text.as_str(), kind).expect("a name");
        let mut vm = bench.vm(Purpose::Compile);
        for at in (0..).step_by(stride()) {
            vm.refuse_after(at);
            let compiled = vm.compile_to_end(&source, &RunLimits::default(), &interrupt(WALL_TIME));
            let was_left = matches!(compiled, Err(CompileFailure::OutOfMemory { .. }));
            restored(&mut vm).expect("every byte is back");
            if !was_left {
                assert!(at > 2, "{text}: {compiled:?} at {at}");
                break;
            }
        }
    }
}

#[test]
fn a_run_that_was_left_is_over() {
    let bench = Bench::new();
    let program = bench.compile("await host.step(1); 'x'.repeat(1e9)", SourceKind::Script).expect("compiles");
    let mut vm = bench.vm(Purpose::Run);
    let outcome = bench.run(&mut vm, &program, WALL_TIME).expect("it is over");
    let End::OutOfMemory { asked, used, max, writing_output } = outcome.end else { panic!("{outcome:?}") };
    assert!(asked >= 1_000_000_000 && used < 100_000 && !writing_output, "{asked} {used}");
    assert_eq!(max, 16 << 20);
    assert!(vm.park().is_err() && vm.take_logs().is_empty());
    assert!(matches!(vm.abort(Abort::Cancelled).end, End::Aborted { .. }));
    restored(&mut vm).expect("every byte is back");
}
