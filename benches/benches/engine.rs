//! The engine alone: making a VM, compiling, and a run on a VM that stands ready, each beside plain rquickjs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use isolet_benches::{Bench, ORDER, TRIVIAL, script_20kb, source};
use isolet_core_traits::{Purpose, Reset, Vm};
use rquickjs::{Context, Ctx, Module, Runtime};

/// What a service writes that has no isolet: parse the input, evaluate, write the output.
fn plain_run(ctx: &Ctx<'_>, script: &str) -> String {
    let input = ctx.json_parse(ORDER).expect("valid JSON");
    ctx.globals().set("input", input).expect("a global");
    let value: rquickjs::Value = ctx.eval(script).expect("an output");
    let json = ctx.json_stringify(value).expect("JSON").expect("a value");
    json.to_string().expect("UTF-8")
}

fn plain() -> (Runtime, Context) {
    let runtime = Runtime::new().expect("a runtime");
    let context = Context::full(&runtime).expect("a context");
    (runtime, context)
}

/// Making a VM, with everything that scripts find in it.
fn cold_start(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("cold start (new VM)");
    group.bench_function("baseline: rquickjs runtime and context", |b| b.iter_with_large_drop(plain));
    group.bench_function("isolet VM", |b| b.iter_with_large_drop(|| bench.vm(Purpose::Run)));
    group.finish();
}

/// A run on a VM that stands ready, and what makes it pristine again. The baseline keeps its context, dirty as it gets.
fn warm_start(criterion: &mut Criterion) {
    let bench = Bench::new();
    let trivial = source(TRIVIAL);
    let program = bench.compile(&mut bench.vm(Purpose::Compile), &trivial);
    let (_runtime, context) = plain();
    let mut group = criterion.benchmark_group("warm start (trivial script)");
    group.bench_function("baseline: rquickjs, one dirty context, evaluated anew", |b| {
        context.with(|ctx| b.iter(|| plain_run(&ctx, black_box(TRIVIAL))));
    });
    group.bench_function("isolet, dirty: a run, and nothing restored", |b| {
        let mut vm = bench.vm(Purpose::Run);
        b.iter(|| {
            let outcome = bench.run(&mut vm, &program, &trivial);
            vm.stay_dirty();
            outcome
        });
    });
    group.bench_function("isolet, pristine: a run and the restore after it", |b| {
        let mut vm = bench.vm(Purpose::Run);
        b.iter(|| {
            let outcome = bench.run(&mut vm, &program, &trivial);
            assert_eq!(vm.reset(), Reset::Pristine);
            outcome
        });
    });
    group.finish();
}

/// From source to bytecode. The baseline compiles a module in a context that is there.
fn compile(criterion: &mut Criterion) {
    let bench = Bench::new();
    let text = script_20kb();
    let large = source(&text);
    let (_runtime, context) = plain();
    let mut group = criterion.benchmark_group("compile (20 KB script)");
    group.bench_function("baseline: rquickjs module to bytecode", |b| {
        context.with(|ctx| {
            b.iter(|| {
                let module = Module::declare(ctx.clone(), "bench", text.as_str()).expect("compiles");
                module.write(Default::default()).expect("bytecode")
            });
        });
    });
    group.bench_function("isolet compile, VM included", |b| {
        b.iter(|| bench.compile(&mut bench.vm(Purpose::Compile), &large));
    });
    group.finish();
}

criterion_group!(benches, cold_start, warm_start, compile);
criterion_main!(benches);
