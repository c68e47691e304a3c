//! Tests that a restore is exact: whatever a script did, every byte is back, and the next run leaves the same bytes
//! behind as if nothing had been.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use isolet_core_traits::{
    Compilation, Engine, Environment, HostInterface, HostNamespace, HostOperation, HostReply, Interrupt, Invocation,
    JsonText, MonotonicClock, Payload, Purpose, Reset, Resume, RunLimits, Source, SourceKind, Step, Vm, VmConfig,
};
use isolet_testkit::hostile::{Requirement, all};

use crate::{QuickJs, QuickJsProgram, QuickJsVm};

/// Touches much of the engine, waits for the host once, and does the same each time.
const PROBE: &str = "
    const map = new Map([[{}, 1], ['a', 2]]);
    const seen = [...map.values(), /x(y)/g.exec('xy'), Math.random(), Symbol('q').toString(), input];
    const reply = await host.step('probe');
    class Keeper { #reply = reply; get reply() { return this.#reply } }
    [seen, new Keeper().reply, Object.getOwnPropertyNames(globalThis).length, [3, 1, 2].sort(), 'abc'.toUpperCase()]";

struct Bench {
    engine: QuickJs,
    environment: Arc<Environment>,
    probe: QuickJsProgram,
}

impl Bench {
    fn new() -> Self {
        let namespace =
            HostNamespace { name: "host".into(), exposed: true, operations: vec![HostOperation::new("step")] };
        let host = HostInterface::new(vec![namespace]).expect("valid names");
        let environment = Arc::new(Environment { host, ..Environment::default() });
        let engine = QuickJs::new().expect("an engine");
        let probe = compile(&engine, &environment, PROBE, SourceKind::Script).expect("compiles");
        Self { engine, environment, probe }
    }

    fn vm(&self) -> QuickJsVm {
        self.engine.create_vm(&VmConfig::new(Purpose::Run, self.environment.clone())).expect("a VM")
    }

    /// Runs `program` for at most `wall_time`. Host calls are answered once, then left open.
    fn run(&self, vm: &mut QuickJsVm, program: &QuickJsProgram, wall_time: Duration) {
        let limits = RunLimits { wall_time, memory_bytes: 16 << 20, ..RunLimits::default() };
        let invocation = Invocation {
            source_name: "exact.js".parse().expect("a name"),
            input: JsonText::parse(r#"[1,{"a":"x"}]"#).expect("JSON"),
            context: JsonText::null(),
            random_seed: 7,
        };
        if let Step::HostCalls { calls, .. } = vm.start(program, invocation, limits, interrupt(wall_time)) {
            let reply = Payload { json: "[7]".into(), buffers: Vec::new() };
            vm.resume(Resume::Replies(vec![HostReply { call: calls[0].id, result: Ok(reply) }]));
        }
    }

    /// Whether every byte is back, and what the probe leaves behind.
    fn inspect(&self, vm: &mut QuickJsVm) -> Result<Vec<u8>, String> {
        if vm.reset() != Reset::Pristine {
            return Err("discarded".into());
        }
        vm.differences()?;
        self.run(vm, &self.probe, Duration::from_secs(30));
        let left = vm.used_bytes();
        if vm.reset() != Reset::Pristine {
            return Err("discarded after the probe".into());
        }
        vm.differences().map(|()| left)
    }
}

fn interrupt(wall_time: Duration) -> Arc<Interrupt> {
    let interrupt = Interrupt::new(Arc::new(MonotonicClock::new()));
    interrupt.start(wall_time);
    Arc::new(interrupt)
}

fn compile(engine: &QuickJs, environment: &Arc<Environment>, text: &str, kind: SourceKind) -> Option<QuickJsProgram> {
    let mut vm = engine.create_vm(&VmConfig::new(Purpose::Compile, environment.clone())).expect("a VM");
    let source = Source::new("exact.js", text, kind).expect("a name");
    match vm.compile(&source, &RunLimits::default(), &interrupt(Duration::from_secs(30))) {
        Compilation::Done(compiled) => compiled.ok(),
        Compilation::Preempted => None,
    }
}

/// Runs where scripts have all of their stack, and where the probe always finds the stack at the same place.
fn on_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let stack = QuickJs::new().expect("an engine").capabilities().thread_stack_bytes;
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(stack).spawn_scoped(scope, work).expect("a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn programs(bench: &Bench) -> Vec<(&'static str, QuickJsProgram)> {
    let can_be_run = all().filter(|row| row.requires == Requirement::None);
    let compiled = can_be_run
        .filter_map(|row| Some((row.name, compile(&bench.engine, &bench.environment, row.source, row.kind)?)));
    compiled.collect()
}

/// Runs programs one after another on one VM, each for its time, and says what was not as after the first one.
///
/// Inspections have a thread of their own: what the engine leaves unwritten in its structures holds what lies on the
/// stack, which must not be what the programs left there.
fn broken<'a>(bench: &'a Bench, runs: impl Iterator<Item = (&'a str, &'a QuickJsProgram, Duration)>) -> Vec<String> {
    let (inspect, inspected) = (mpsc::sync_channel(0), mpsc::sync_channel(0));
    thread::scope(|scope| {
        scope.spawn(move || {
            on_thread(|| {
                for mut vm in inspect.1 {
                    let found = bench.inspect(&mut vm);
                    if inspected.0.send((vm, found)).is_err() {
                        return;
                    }
                }
            });
        });
        let (mut vm, mut expected, mut broken) = (bench.vm(), None, Vec::new());
        let nothing = [("nothing", &bench.probe, Duration::from_secs(30)); 2];
        for (at, (name, program, wall_time)) in nothing.into_iter().chain(runs).enumerate() {
            bench.run(&mut vm, program, wall_time);
            inspect.0.send(vm).expect("the inspecting thread lives");
            let (back, found) = inspected.1.recv().expect("the inspecting thread lives");
            vm = back;
            match found {
                // The first inspection finds a stack that nothing was on.
                Ok(_) if at == 0 => {}
                Ok(left) if expected.get_or_insert_with(|| left.clone()) == &left => {}
                Ok(left) => {
                    broken.push(format!("{name}: the probe leaves other bytes behind at {:?}", first(&left, &expected)))
                }
                Err(difference) => broken.push(format!("{name}: {difference}")),
            }
        }
        drop(inspect.0);
        broken
    })
}

/// Where two states differ first.
fn first(left: &[u8], expected: &Option<Vec<u8>>) -> Option<usize> {
    left.iter().zip(expected.iter().flatten()).position(|(left, expected)| left != expected)
}

#[test]
fn after_each_hostile_script_every_byte_is_back() {
    let bench = Bench::new();
    let programs = programs(&bench);
    let runs = programs.iter().map(|(name, program)| (*name, program, Duration::from_millis(25)));
    let broken = on_thread(|| broken(&bench, runs));
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(programs.len() >= 60);
}

#[test]
fn after_random_cycles_on_four_threads_every_byte_is_back() {
    let bench = Bench::new();
    let programs = programs(&bench);
    thread::scope(|scope| {
        for thread in 0..4u64 {
            let (bench, programs) = (&bench, &programs);
            scope.spawn(move || {
                let mut random = thread + 1;
                // Ends at random polls, mostly early ones.
                let runs = (0..2_500).map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let (name, program) = &programs[(random >> 33) as usize % programs.len()];
                    (*name, program, Duration::from_micros((random >> 20) % 1_500))
                });
                let broken = on_thread(|| broken(bench, runs));
                assert!(broken.is_empty(), "{broken:#?}");
            });
        }
    });
}
