//! The fake engine: its language, its counters, its knobs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use isolet_core_traits::{
    CallId, Compilation, CompileFailure, End, Engine, EngineError, EngineId, Environment, HostInterface, HostNamespace,
    HostOperation, HostReply, Interrupt, Invocation, JsonText, NotParkable, Output, Payload, Purpose, Reset, Resume,
    RunLimits, SealError, SealKey, SealKeys, Seed, Source, SourceHash, SourceKind, Step, Vm, VmConfig,
};
use isolet_testkit::{FakeEngine, FakeOptions, FakeProgram, FakeVm, ManualClock, ParkFault, Stage};

fn config(purpose: Purpose) -> VmConfig {
    let operations = vec![HostOperation::new("lookup")];
    let crm = HostNamespace { name: "crm".into(), exposed: true, operations };
    let host = HostInterface::new(vec![crm]).expect("the names are valid");
    VmConfig::new(purpose, Arc::new(Environment { host, ..Environment::default() }))
}

fn vm(engine: &FakeEngine, purpose: Purpose) -> FakeVm {
    engine.create_vm(&config(purpose)).expect("a VM")
}

fn interrupt(clock: &Arc<ManualClock>, wall_time: Duration) -> Arc<Interrupt> {
    let interrupt = Interrupt::new(clock.clone());
    interrupt.start(wall_time);
    Arc::new(interrupt)
}

fn idle() -> Arc<Interrupt> {
    interrupt(&Arc::default(), Duration::from_secs(1))
}

fn source(text: &str) -> Source {
    Source::new("fake.js", text, SourceKind::Auto).expect("a valid name")
}

fn compiled(engine: &FakeEngine, text: &str) -> Compilation<FakeProgram> {
    vm(engine, Purpose::Compile).compile(&source(text), &RunLimits::default(), &idle())
}

fn program(engine: &FakeEngine, text: &str) -> FakeProgram {
    match compiled(engine, text) {
        Compilation::Done(Ok(program)) => program,
        other => panic!("{text}: {other:?}"),
    }
}

fn invocation() -> Invocation {
    let json = |text| JsonText::parse(text).expect("valid JSON");
    let source_name = source("").name().clone();
    Invocation { source_name, input: json("[1]"), context: json("{}"), random_seed: Seed::Drawn(1), now: None }
}

fn start(engine: &FakeEngine, vm: &mut FakeVm, text: &str) -> Step {
    vm.start(&program(engine, text), invocation(), RunLimits::default(), idle())
}

/// The end of a run in which every call is answered with its number.
fn run(text: &str) -> String {
    let engine = FakeEngine::default();
    let _thread = engine.attach_thread().expect("a thread");
    let mut vm = vm(&engine, Purpose::Run);
    let mut step = start(&engine, &mut vm, text);
    loop {
        step = match step {
            Step::Done(outcome) => {
                let warnings: String = outcome.warnings.iter().map(|warning| format!(" !{}", warning.code)).collect();
                return match outcome.end {
                    End::Output(Output::Json(json)) => format!("{json}{warnings}"),
                    End::Failed(failure) => {
                        let place = failure.place.expect("a place");
                        format!(
                            "{:?} {}: {} at {}:{}",
                            failure.kind, failure.name, failure.message, place.line, place.column
                        )
                    }
                    End::OutOfMemory { asked, used, max, .. } => format!("{asked} + {used} > {max}"),
                    end => format!("{end:?}{warnings}"),
                };
            }
            Step::HostCalls { calls, cancelled } => {
                let reply = |id: CallId| {
                    let payload = Payload { json: id.0.to_string(), buffers: Vec::new() };
                    HostReply { call: id, result: Ok(payload) }
                };
                let cancelled: String = cancelled.iter().map(|CallId(id)| format!(" not {id}")).collect();
                assert!(cancelled.is_empty() || cancelled == " not 0", "{cancelled}");
                vm.resume(Resume::Replies(calls.iter().map(|call| reply(call.id)).collect()))
            }
            Step::Preempted => vm.resume(Resume::Go),
            Step::Stalled => return "stalled".into(),
        };
    }
}

#[test]
fn scripts_do_what_they_say() {
    for (text, end) in [
        ("", "Output(Undefined)"),
        ("output input", "[1]"),
        ("output {\"a\": \";\"} // the end", "{\"a\": \";\"}"),
        ("log info a; throw TypeError it is broken", "Runtime TypeError: it is broken at 1:13"),
        (
            "\n  fail sandbox SandboxViolation eval is blocked",
            "SandboxViolation SandboxViolation: eval is blocked at 2:3",
        ),
        ("warn w you should know; output 1", "1 !w"),
        ("call crm.lookup [1, 2]; call crm.lookup; output replies", "[0,1]"),
        ("spawn crm.lookup; spawn crm.lookup; await; await; output reply", "1"),
        ("spawn crm.lookup; cancel 0; output 1", "1"),
        ("spawn crm.lookup; spawn crm.lookup; output 1", "1 !calls_not_awaited"),
        ("await; output reply", "null"),
        ("await any", "stalled"),
        ("call crm.nothing", "Runtime TypeError: crm.nothing is not a function at 1:1"),
        ("call nowhere.lookup", "Runtime ReferenceError: nowhere is not defined at 1:1"),
        ("preempt 3; output 1", "1"),
        ("spin 5; output 1", "1"),
        ("alloc 60MiB; free; alloc 60MiB; output 1", "1"),
        ("alloc 60MiB; alloc 5MiB", "5242880 + 62914560 > 67108864"),
        ("big 100MiB", "104857600 + 0 > 67108864"),
        ("fault", "EngineFault"),
        ("stall", "stalled"),
    ] {
        assert_eq!(run(text), end, "{text}");
    }
}

#[test]
fn a_cancelled_call_is_told_once_and_its_reply_ignored() {
    let engine = FakeEngine::default();
    let _thread = engine.attach_thread().expect("a thread");
    let mut vm = vm(&engine, Purpose::Run);
    let text = "spawn crm.lookup; spawn crm.lookup; call crm.lookup; cancel 0; call crm.lookup; await; output reply";
    assert!(matches!(start(&engine, &mut vm, text), Step::HostCalls { calls, .. } if calls.len() == 3));
    let reply = |id: u32| {
        let payload = Payload { json: format!("\"reply {id}\""), buffers: Vec::new() };
        HostReply { call: CallId(id), result: Ok(payload) }
    };
    let step = vm.resume(Resume::Replies(vec![reply(2)]));
    assert!(
        matches!(&step, Step::HostCalls { calls, cancelled } if calls[0].id == CallId(3) && cancelled == &[CallId(0)])
    );
    let step = vm.resume(Resume::Replies(vec![reply(0), reply(3)]));
    assert!(matches!(&step, Step::HostCalls { calls, cancelled } if calls.is_empty() && cancelled.is_empty()));
    let Step::Done(outcome) = vm.resume(Resume::Replies(vec![reply(1)])) else { panic!("not done") };
    assert!(matches!(outcome.end, End::Output(Output::Json(json)) if &*json == "\"reply 1\""));
}

#[test]
fn compiling_is_work_of_its_own() {
    let engine = FakeEngine::default();
    let _thread = engine.attach_thread().expect("a thread");
    for (text, end) in [
        ("compile alloc 1GiB", "OutOfMemory { asked: 1073741824, used: 0, max: 67108864 }"),
        ("compile fault", "EngineFault"),
        ("compile stall", "at 1:1"),
        ("output 1; syntax!", "at 1:11"),
    ] {
        let failure = match compiled(&engine, text) {
            Compilation::Done(Err(CompileFailure::Syntax(failure))) => {
                failure.place.map(|place| format!("at {}:{}", place.line, place.column)).expect("a place")
            }
            Compilation::Done(Err(failure)) => format!("{failure:?}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(failure, end, "{text}");
    }
    let mut compiler = vm(&engine, Purpose::Compile);
    let mut compilation = compiler.compile(&source("compile preempt 2\noutput 1"), &RunLimits::default(), &idle());
    for _ in 0..2 {
        assert!(matches!(compilation, Compilation::Preempted));
        compilation = compiler.resume_compile();
    }
    assert!(matches!(compilation, Compilation::Done(Ok(_))));
    assert_eq!(engine.counts().compiles, 5);
}

#[test]
fn a_panic_is_a_panic_and_the_vm_is_lost() {
    let engine = FakeEngine::default();
    let _thread = engine.attach_thread().expect("a thread");
    let panicking = program(&engine, "call crm.lookup; panic");
    let mut vm = vm(&engine, Purpose::Run);
    assert!(matches!(vm.start(&panicking, invocation(), RunLimits::default(), idle()), Step::HostCalls { .. }));
    let payload = Payload { json: "1".into(), buffers: Vec::new() };
    let reply = HostReply { call: CallId(0), result: Ok(payload) };
    assert!(catch_unwind(AssertUnwindSafe(|| vm.resume(Resume::Replies(vec![reply])))).is_err());
    assert_eq!(vm.reset(), Reset::Discard);
    assert!(matches!(vm.start(&panicking, invocation(), RunLimits::default(), idle()), Step::Done(_)));
    assert_eq!(engine.counts().misuses, 1);
}

#[test]
fn spinning_moves_the_clock_to_the_deadline() {
    let clock = Arc::new(ManualClock::new());
    let spin_clock = Some((clock.clone(), Duration::from_millis(1)));
    let engine = FakeEngine::new(FakeOptions { spin_clock, polls_per_slice: Some(4), ..FakeOptions::default() });
    let _thread = engine.attach_thread().expect("a thread");
    let spin = program(&engine, "spin");
    let mut vm = vm(&engine, Purpose::Run);
    let mut step = vm.start(&spin, invocation(), RunLimits::default(), interrupt(&clock, Duration::from_millis(10)));
    let mut preemptions = 0;
    while matches!(step, Step::Preempted) {
        preemptions += 1;
        step = vm.resume(Resume::Go);
    }
    assert!(matches!(step, Step::Done(outcome) if matches!(outcome.end, End::Aborted { .. })));
    assert_eq!(preemptions, 2);
}

#[test]
fn a_thread_must_be_attached() {
    let engine = FakeEngine::default();
    let thread = engine.attach_thread().expect("a thread");
    let program = program(&engine, "output 1");
    drop(thread);
    let step = vm(&engine, Purpose::Run).start(&program, invocation(), RunLimits::default(), idle());
    assert!(matches!(step, Step::Done(outcome) if matches!(outcome.end, End::EngineFault)));
    assert_eq!((engine.counts().misuses, engine.counts().threads), (1, 0));
}

#[test]
fn vms_fail_when_told_to_and_are_counted() {
    let engine = FakeEngine::default();
    engine.fail_next_vms(2);
    for _ in 0..2 {
        assert_eq!(engine.create_vm(&config(Purpose::Run)).err(), Some(EngineError::Memory));
    }
    let (one, two) = (vm(&engine, Purpose::Run), vm(&engine, Purpose::Compile));
    assert_eq!((one.number(), two.number()), (1, 2));
    drop(one);
    let counts = engine.counts();
    assert_eq!((counts.vms_made, counts.vms_dropped, counts.vms_failed, counts.vms()), (2, 1, 2, 1));
}

#[test]
fn parking_goes_wrong_as_told() {
    let engine = FakeEngine::default();
    let _thread = engine.attach_thread().expect("a thread");
    let park = || {
        let mut vm = vm(&engine, Purpose::Run);
        assert!(matches!(start(&engine, &mut vm, "call crm.lookup [1]"), Step::HostCalls { .. }));
        let parked = vm.park();
        (vm, parked)
    };
    engine.set_park_fault(Some(ParkFault::Declined));
    let (mut declined, parked) = park();
    assert_eq!(parked.err(), Some(NotParkable::NotWaiting));
    let reply = HostReply { call: CallId(0), result: Ok(Payload { json: "1".into(), buffers: vec![] }) };
    assert!(matches!(declined.resume(Resume::Replies(vec![reply])), Step::Done(_)), "the run is as it was");
    engine.set_park_fault(Some(ParkFault::Panics));
    assert!(catch_unwind(AssertUnwindSafe(park)).is_err());
    engine.set_park_fault(Some(ParkFault::Discarded));
    let (mut discarded, parked) = park();
    assert_eq!((parked.is_ok(), discarded.reset()), (true, Reset::Discard));
    engine.set_park_fault(Some(ParkFault::Refused));
    let (mut refusing, parked) = park();
    assert_eq!(refusing.reset(), Reset::Pristine);
    assert!(matches!(refusing.unpark(parked.expect("parked")), Err(EngineError::State { .. })));
    engine.set_park_fault(None);
    let (mut vm, parked) = park();
    assert_eq!(vm.reset(), Reset::Pristine);
    assert_eq!(vm.unpark(parked.expect("parked")), Ok(()));
    assert_eq!((engine.counts().parks, engine.counts().unparks, engine.counts().misuses), (3, 1, 0));
}

#[test]
fn a_hold_keeps_threads_until_it_is_released() {
    let engine = FakeEngine::default();
    let hold = engine.hold(Stage::Compile);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let _thread = engine.attach_thread().expect("a thread");
                program(&engine, "output 1");
            });
        }
        hold.wait_for(3);
        assert_eq!(hold.waiting(), 3);
        hold.admit(1);
        hold.wait_for(2);
        hold.release();
    });
    assert_eq!(engine.counts().compiles, 3);
}

#[test]
fn engines_with_other_ids_do_not_open_each_others_seals() {
    let (one, two) =
        (FakeEngine::default(), FakeEngine::new(FakeOptions { id: EngineId::new("fake/2"), ..FakeOptions::default() }));
    let _thread = one.attach_thread().expect("a thread");
    let keys = SealKeys { current: SealKey { number: 1, secret: [1; 32] }, previous: vec![] };
    let source = SourceHash([3; 32]);
    let sealed = one.seal(&program(&one, "output 1"), &source, &keys);
    assert!(one.unseal(sealed.clone(), &source, &keys).is_ok());
    assert_eq!(two.unseal(sealed, &source, &keys).err(), Some(SealError::Mismatch));
}
