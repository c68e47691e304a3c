//! A compilation may be suspended and left at any instruction: what comes of it is the same, and every byte is back.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    Abort, Compilation, CompileFailure, Engine, Interrupt, Purpose, RunLimits, Source, SourceKind, Vm,
};

use super::{Bench, interrupt, restored};
use crate::{QuickJsProgram, QuickJsVm};

/// Long enough for dozens of ticks of 50 µs, with all that makes a parser go back: arrows, patterns, templates, classes.
fn long(ends: &str) -> String {
    let mut text = String::new();
    for number in 0..400 {
        let _ = writeln!(
            text,
            "const f{number} = async ({{ a: [b, ...c] = [{number}], d }}) => `${{b + 1}}${{/x+{number}/u}}`;"
        );
        let _ = writeln!(
            text,
            "class C{number} {{ static #p = '{number}ü'; get p() {{ return C{number}.#p ?? {number}n }} }}"
        );
    }
    text + ends
}

fn sliced(
    vm: &mut QuickJsVm,
    text: &str,
    kind: SourceKind,
    interrupt: &Arc<Interrupt>,
    preempted: &mut usize,
) -> Result<QuickJsProgram, CompileFailure> {
    let source = Source::new("long.js", text, kind).expect("a name");
    let limits = RunLimits { slice: Duration::from_micros(50), ..RunLimits::default() };
    let mut compilation = vm.compile(&source, &limits, interrupt);
    loop {
        match compilation {
            Compilation::Done(compiled) => return compiled,
            Compilation::Preempted => {
                *preempted += 1;
                compilation = vm.resume_compile();
            }
        }
    }
}

#[test]
fn what_is_suspended_comes_to_the_same() {
    let mut bench = Bench::new();
    bench.engine = bench.engine.tick(Duration::from_micros(50));
    let _attached = bench.engine.attach_thread().expect("ticks");
    let whole = Bench::new();
    let mut vm = bench.vm(Purpose::Compile);
    let kinds = [
        ("[f7, C8]", SourceKind::Script),
        ("await f7", SourceKind::Script),
        ("export default f7", SourceKind::Auto),
        ("return f7", SourceKind::Body),
        ("let await = 1; await", SourceKind::Auto),
    ];
    for (ends, kind) in kinds {
        let (text, mut preempted) = (long(ends), 0);
        let program = sliced(&mut vm, &text, kind, &interrupt(Duration::MAX), &mut preempted).expect("it compiles");
        assert!(preempted > 0, "{ends}");
        let expected = whole.compile(&text, kind).expect("it compiles");
        assert!(program.bytecode() == expected.bytecode(), "{ends}");
        assert_eq!(restored(&mut vm), Ok(()), "{ends}");
    }
    let (text, mut preempted) = (long("let f7"), 0);
    let failed = sliced(&mut vm, &text, SourceKind::Auto, &interrupt(Duration::MAX), &mut preempted);
    let Err(CompileFailure::Syntax(failure)) = failed else { panic!("it has the name already") };
    assert_eq!((failure.place.map(|place| place.line), preempted > 0), (Some(801), true));
}

#[test]
fn what_is_left_in_the_middle_leaves_nothing() {
    let mut bench = Bench::new();
    bench.engine = bench.engine.tick(Duration::from_micros(50));
    let _attached = bench.engine.attach_thread().expect("ticks");
    let text = long("1");
    let source = Source::new("long.js", &*text, SourceKind::Script).expect("a name");
    let mut vm = bench.vm(Purpose::Compile);
    for turns in 0..40 {
        let interrupt = interrupt(Duration::MAX);
        let mut compilation = vm.compile(&source, &RunLimits::default(), &interrupt);
        for _ in 0..turns {
            if let Compilation::Preempted = compilation {
                compilation = vm.resume_compile();
            }
        }
        if let Compilation::Preempted = compilation {
            interrupt.request(Abort::Cancelled);
            let left = vm.resume_compile();
            assert!(matches!(left, Compilation::Done(Err(CompileFailure::Aborted(Abort::Cancelled)))), "{left:?}");
        }
        assert_eq!(restored(&mut vm), Ok(()), "{turns}");
    }
    // On another thread it does not go on, and one that is dropped there is gone.
    let compilation = vm.compile(&source, &RunLimits::default(), &interrupt(Duration::MAX));
    assert!(matches!(compilation, Compilation::Preempted));
    let elsewhere = std::thread::spawn(move || vm.resume_compile()).join().expect("no panic");
    assert!(matches!(elsewhere, Compilation::Done(Err(CompileFailure::EngineFault))));
}
