//! The cycle of one VM: a run and the restore after it, beside the same without a restore, and what others do.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use isolet_benches::{Bench, ORDER, TOTAL, TRIVIAL, source};
use isolet_core_traits::{Purpose, Reset, Source, Vm};
use isolet_engine_quickjs::{PlainRuntime, QuickJsProgram, QuickJsVm, Restoring};

/// Runs on a dirty VM before it is restored: what they leave behind must not become what is measured, nor must the page
/// faults of a VM that grows.
const DIRTY_RUNS: u64 = 32;

fn compiled(bench: &Bench, text: &str) -> (QuickJsProgram, Source) {
    let source = source(text);
    (bench.compile(&mut bench.vm(Purpose::Compile), &source), source)
}

fn cycle(bench: &Bench, vm: &mut QuickJsVm, (program, source): &(QuickJsProgram, Source)) {
    black_box(bench.run(vm, program, source));
    assert_eq!(vm.reset(), Reset::Pristine);
}

/// A trivial JSON script: load, input, run, output, restore.
fn trivial(criterion: &mut Criterion) {
    let bench = Bench::new();
    let script = compiled(&bench, TRIVIAL);
    let mut group = criterion.benchmark_group("vm cycle (trivial script)");
    group.bench_function("baseline: dirty, a VM that is not restored", |b| {
        let mut vm = bench.vm(Purpose::Run);
        vm.without_images();
        b.iter_custom(|count| {
            let mut total = Duration::ZERO;
            for first in (0..count).step_by(DIRTY_RUNS as usize) {
                cycle(&bench, &mut vm, &script);
                let began = Instant::now();
                for _ in 0..DIRTY_RUNS.min(count - first) {
                    black_box(bench.run(&mut vm, &script.0, &script.1));
                    vm.stay_dirty();
                }
                total += began.elapsed();
            }
            total
        });
    });
    group.bench_function("pristine, program loaded by the engine", |b| {
        let mut vm = bench.vm(Purpose::Run);
        vm.without_images();
        b.iter(|| cycle(&bench, &mut vm, &script));
    });
    group.bench_function("pristine, with a script image", |b| {
        let mut vm = bench.vm(Purpose::Run);
        b.iter(|| cycle(&bench, &mut vm, &script));
    });
    for (name, restoring) in [("the whole image copied", Restoring::Whole), ("hot pages", Restoring::HotPages)] {
        let bench = Bench::restoring(restoring);
        group.bench_function(format!("pristine, {name}"), |b| {
            let mut vm = bench.vm(Purpose::Run);
            b.iter(|| cycle(&bench, &mut vm, &script));
        });
    }
    group.bench_function("a kept plain runtime, the same calls", |b| {
        let mut plain = PlainRuntime::new();
        assert_eq!(plain.run(&script.0, ORDER, "null").as_deref(), Some(TOTAL));
        b.iter(|| plain.run(&script.0, black_box(ORDER), "null"));
    });
    group.bench_function("a fresh plain runtime, the same calls", |b| {
        b.iter(|| PlainRuntime::new().run(&script.0, black_box(ORDER), "null"));
    });
    group.bench_function("a new VM, run and dropped", |b| {
        b.iter(|| {
            let mut vm = bench.vm(Purpose::Run);
            bench.run(&mut vm, &script.0, &script.1)
        });
    });
    group.finish();
}

/// The restore alone, after a run that touched little, and after one that touched 5 MB.
fn restore(criterion: &mut Criterion) {
    let bench = Bench::new();
    let little = compiled(&bench, TRIVIAL);
    let much = compiled(&bench, "const a = new Uint8Array(5e6).fill(1); a.length");
    let mut group = criterion.benchmark_group("restore");
    for (name, script) in [("baseline: after a trivial script", &little), ("after a script that touched 5 MB", &much)] {
        let vm = RefCell::new(bench.vm(Purpose::Run));
        group.bench_function(name, |b| {
            b.iter_batched(
                || drop(bench.run(&mut vm.borrow_mut(), &script.0, &script.1)),
                |()| assert_eq!(vm.borrow_mut().reset(), Reset::Pristine),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Many scripts in one VM, one after another.
fn many_scripts(criterion: &mut Criterion) {
    const SCRIPTS: usize = 1_000;
    let bench = Bench::new();
    let scripts: Vec<_> =
        (0..SCRIPTS).map(|number| compiled(&bench, &format!("const number = {number}; {TRIVIAL}"))).collect();
    let mut group = criterion.benchmark_group("different scripts in one VM");
    for (name, count) in [("baseline: one script", 1), ("1,000 scripts in turn", SCRIPTS)] {
        group.bench_function(name, |b| {
            let mut vm = bench.vm(Purpose::Run);
            // The second time makes a script's image.
            for _ in 0..2 {
                scripts[..count].iter().for_each(|script| cycle(&bench, &mut vm, script));
            }
            let mut turn = (0..count).cycle();
            b.iter(|| cycle(&bench, &mut vm, &scripts[turn.next().expect("endless")]));
        });
    }
    group.finish();
}

criterion_group!(benches, trivial, restore, many_scripts);
criterion_main!(benches);
