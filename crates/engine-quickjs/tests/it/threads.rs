//! VMs move between threads between steps.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use isolet_core_traits::{
    End, Engine, Environment, HostInterface, HostNamespace, HostOperation, HostReply, Interrupt, Invocation, JsonText,
    MonotonicClock, Output, Payload, Purpose, Resume, RunLimits, Seed, Source, SourceKind, Step, Vm, VmConfig,
};
use isolet_engine_quickjs::{QuickJs, QuickJsProgram, QuickJsVm};

/// Recurses as deep as its stack allows, then waits for the host, each time on another thread.
const SCRIPT: &str = "
    let depth = 0;
    const dive = () => { depth++; dive(); };
    const depths = [];
    for (let i = 0; i < 4; i++) {
        depth = 0;
        try { dive() } catch (error) { depths.push([error.name, depth > 20]) }
        await host.step(i);
    }
    depths";

const THREAD_STACKS: [usize; 5] = [4 << 20, 512 << 10, 8 << 20, 1 << 20, 512 << 10];

fn environment() -> Arc<Environment> {
    let namespace = HostNamespace { name: "host".into(), exposed: true, operations: vec![HostOperation::new("step")] };
    let host = HostInterface::new(vec![namespace]).expect("valid names");
    Arc::new(Environment { host, ..Environment::default() })
}

fn interrupt() -> Arc<Interrupt> {
    let interrupt = Interrupt::new(Arc::new(MonotonicClock::new()));
    interrupt.start(Duration::from_secs(30));
    Arc::new(interrupt)
}

/// Slow machines must not preempt what is not meant to be.
fn unsliced() -> RunLimits {
    RunLimits { slice: Duration::from_secs(30), ..RunLimits::default() }
}

fn program(engine: &QuickJs, environment: &Arc<Environment>) -> QuickJsProgram {
    let mut vm = engine.create_vm(&VmConfig::new(Purpose::Compile, environment.clone())).expect("a VM");
    let source = Source::new("threads.js", SCRIPT, SourceKind::Script).expect("a name");
    vm.compile_to_end(&source, &RunLimits::default(), &interrupt()).expect("it compiles")
}

/// Steps the VM on a new thread with this much stack.
fn on_thread(mut vm: QuickJsVm, stack: usize, step: impl FnOnce(&mut QuickJsVm) -> Step + Send) -> (QuickJsVm, Step) {
    let stepping = move || {
        let step = step(&mut vm);
        (vm, step)
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(stack).spawn_scoped(scope, stepping).expect("a thread");
        thread.join().expect("no panic")
    })
}

#[test]
fn a_vm_moves_between_threads() {
    let engine = crate::rows::engine();
    let environment = environment();
    let program = program(&engine, &environment);
    let vm = engine.create_vm(&VmConfig::new(Purpose::Run, environment)).expect("a VM");
    let invocation = Invocation {
        source_name: "threads.js".parse().expect("a name"),
        input: JsonText::null(),
        context: JsonText::null(),
        random_seed: Seed::Drawn(1),
        now: None,
    };
    let start = |vm: &mut QuickJsVm| vm.start(&program, invocation, unsliced(), interrupt());
    let (mut vm, mut step) = on_thread(vm, THREAD_STACKS[0], start);
    for stack in &THREAD_STACKS[1..] {
        let Step::HostCalls { calls, .. } = step else { panic!("{step:?}") };
        let reply = Payload::from_value(&()).expect("JSON");
        let replies = vec![HostReply { call: calls[0].id, result: Ok(reply) }];
        (vm, step) = on_thread(vm, *stack, |vm| vm.resume(Resume::Replies(replies)));
    }
    let Step::Done(outcome) = step else { panic!("{step:?}") };
    let End::Output(Output::Json(json)) = outcome.end else { panic!("{outcome:?}") };
    assert_eq!(&*json, format!("[{}]", [r#"["RangeError",true]"#; 4].join(",")));
}

#[test]
fn many_vms_run_on_many_threads() {
    let engine = crate::rows::engine();
    let environment = Arc::new(Environment::default());
    let text = "let x = 0; for (let i = 0; i < 20000; i++) x += Math.random() < 2 ? 1 : 0; [x, input]";
    let source = Source::new("many.js", text, SourceKind::Script).expect("a name");
    thread::scope(|scope| {
        for number in 0..4 {
            let (engine, environment, source) = (&engine, environment.clone(), source.clone());
            scope.spawn(move || {
                for round in 0..25 {
                    let mut compiler =
                        engine.create_vm(&VmConfig::new(Purpose::Compile, environment.clone())).expect("a VM");
                    let compiled = compiler.compile_to_end(&source, &RunLimits::default(), &interrupt());
                    let program = compiled.expect("it compiles");
                    let mut vm = engine.create_vm(&VmConfig::new(Purpose::Run, environment.clone())).expect("a VM");
                    let invocation = Invocation {
                        source_name: source.name().clone(),
                        input: JsonText::from_value(&[number, round]).expect("JSON"),
                        context: JsonText::null(),
                        random_seed: Seed::Drawn(round),
                        now: None,
                    };
                    let step = vm.start(&program, invocation, unsliced(), interrupt());
                    let Step::Done(outcome) = step else { panic!("{step:?}") };
                    let End::Output(Output::Json(json)) = outcome.end else { panic!("{outcome:?}") };
                    assert_eq!(&*json, format!("[20000,[{number},{round}]]"));
                }
            });
        }
    });
}
