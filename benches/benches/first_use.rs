//! What it costs a run to be the first to use a web API, which is made then: each beside a run that uses none.

use criterion::{Criterion, criterion_group, criterion_main};
use isolet_benches::{Bench, source};
use isolet_core_traits::{Purpose, Reset, Vm};

/// A script that uses nothing, and one for each of the scripts that are evaluated on first use.
const SCRIPTS: &[(&str, &str)] = &[
    ("baseline: none", "1"),
    ("atob", "atob; 1"),
    ("setTimeout", "setTimeout; 1"),
    ("structuredClone", "structuredClone; 1"),
    ("URL", "URL; 1"),
    ("TextDecoder", "TextDecoder; 1"),
    ("AbortController", "AbortController; 1"),
    ("Headers", "Headers; 1"),
    ("crypto", "crypto; 1"),
    ("performance", "performance; 1"),
    ("Intl", "Intl; 1"),
    ("a number's toLocaleString", "(1234.5).toLocaleString(); 1"),
    ("a date's toLocaleDateString", "new Date(0).toLocaleDateString(); 1"),
    (
        "all of them",
        "[atob, setTimeout, structuredClone, URL, TextDecoder, AbortController, Headers, crypto, performance, Intl]; 1",
    ),
];

fn first_use(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("first use of a web API (a pristine run)");
    for (name, script) in SCRIPTS {
        let source = source(script);
        let program = bench.compile(&mut bench.vm(Purpose::Compile), &source);
        let mut vm = bench.vm(Purpose::Run);
        group.bench_function(*name, |b| {
            b.iter(|| {
                let outcome = bench.run(&mut vm, &program, &source);
                assert_eq!(vm.reset(), Reset::Pristine);
                outcome
            });
        });
    }
    group.finish();
}

criterion_group!(benches, first_use);
criterion_main!(benches);
