//! Trials of whole VMs that need to see or to tamper with what is inside: that restores are exact, that a run can be
//! left at any allocation, and that nothing grows.

mod alone;
pub(crate) mod calls;
mod coexistence;
mod compilations;
mod exactness;
mod faults;
mod growth;
mod instants;
mod out_of_memory;
mod sizes;
mod time_zones;

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    Engine, Environment, HostInterface, HostModule, HostNamespace, HostOperation, HostReply, Interrupt, Invocation,
    JsonText, LazyScript, MonotonicClock, Native, NativeFailure, NativeValue, Outcome, Payload, Purpose, Reset, Resume,
    RunLimits, Seed, SetupScript, Source, SourceKind, Step, Vm, VmConfig,
};

use crate::{QuickJs, QuickJsProgram, QuickJsVm, Restoring};

/// Generous: no trial ends by it, unless it says so.
const WALL_TIME: Duration = Duration::from_secs(60);

/// Touches much of the engine, waits for the host once, and does the same each time.
const PROBE: &str = "
    const map = new Map([[{}, 1], ['a', 2]]);
    const seen = [...map.values(), /x(y)/g.exec('xy'), Math.random(), Symbol('q').toString(), input];
    const reply = await host.step('probe');
    class Keeper { #reply = reply; get reply() { return this.#reply } }
    [seen, new Keeper().reply, Object.getOwnPropertyNames(globalThis).length, [3, 1, 2].sort(), 'abc'.toUpperCase()]";

/// An engine, a world with a host and natives, and a program that does the same each time.
pub(crate) struct Bench {
    engine: QuickJs,
    environment: Arc<Environment>,
    probe: QuickJsProgram,
    slice: Duration,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::restoring(Restoring::Whole)
    }

    fn restoring(restoring: Restoring) -> Self {
        Self::with(QuickJs::new().expect("an engine").restoring(restoring))
    }

    fn with(engine: QuickJs) -> Self {
        let namespace =
            HostNamespace { name: "host".into(), exposed: true, operations: vec![HostOperation::new("step")] };
        let host = HostInterface::new(vec![namespace]).expect("valid names");
        let natives = vec![Native { name: "echo", arguments: 1, call: |_, arguments| echo(&arguments[0]) }];
        let setup = vec![SetupScript { name: "trials", source: "global.echo = value => native.echo(value)" }];
        let script = SetupScript {
            name: "late",
            source: "own.turn ??= () => false; return [value => native.echo(value), own.brand([])]",
        };
        let lazy = vec![LazyScript { script, globals: &["late", "later"], natives: natives.clone() }];
        let module = HostModule { name: "there".into(), source: "export default ['there']".into() };
        let modules = vec![module];
        let environment = Environment { natives, host, setup, lazy, modules, ..Environment::default() };
        let environment = Arc::new(environment);
        let probe = compile(&engine, &environment, PROBE, SourceKind::Script).expect("compiles");
        Self { engine, environment, probe, slice: RunLimits::default().slice }
    }

    fn vm(&self, purpose: Purpose) -> QuickJsVm {
        self.engine.create_vm(&VmConfig::new(purpose, self.environment.clone())).expect("a VM")
    }

    pub(crate) fn compile(&self, text: &str, kind: SourceKind) -> Option<QuickJsProgram> {
        compile(&self.engine, &self.environment, text, kind)
    }

    /// Starts a program, and goes on for as long as it is preempted.
    fn start(&self, vm: &mut QuickJsVm, program: &QuickJsProgram, interrupt: Arc<Interrupt>) -> Step {
        let step = self.begin(vm, program, interrupt);
        go_on(vm, step)
    }

    fn begin(&self, vm: &mut QuickJsVm, program: &QuickJsProgram, interrupt: Arc<Interrupt>) -> Step {
        let limits = RunLimits { memory_bytes: 16 << 20, slice: self.slice, ..RunLimits::default() };
        let invocation = Invocation {
            source_name: "trial.js".parse().expect("a name"),
            input: JsonText::parse(r#"[1,{"a":"x"}]"#).expect("JSON"),
            context: JsonText::parse(r#"{"tenant":"acme","tags":["a","b"]}"#).expect("JSON"),
            random_seed: Seed::Drawn(7),
            now: None,
        };
        vm.start(program, invocation, limits, interrupt)
    }

    /// Runs `program` for at most `wall_time`. Host calls are answered once, then left open: `None`.
    fn run(&self, vm: &mut QuickJsVm, program: &QuickJsProgram, wall_time: Duration) -> Option<Outcome> {
        self.run_with(vm, program, interrupt(wall_time))
    }

    fn run_with(&self, vm: &mut QuickJsVm, program: &QuickJsProgram, interrupt: Arc<Interrupt>) -> Option<Outcome> {
        let mut step = self.start(vm, program, interrupt);
        if let Step::HostCalls { calls, .. } = step {
            let reply =
                Payload { json: r#"[7,{"$buffer":0},{"$$x":{"$bigint":"5"}}]"#.into(), buffers: vec![vec![1; 9]] };
            step = vm.resume(Resume::Replies(vec![HostReply { call: calls[0].id, result: Ok(reply) }]));
            step = go_on(vm, step);
        }
        match step {
            Step::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Whether every byte is back, and what the probe leaves behind.
    fn inspect(&self, vm: &mut QuickJsVm) -> Result<Vec<u8>, String> {
        restored(vm)?;
        self.run(vm, &self.probe, WALL_TIME);
        let left = vm.used_bytes();
        restored(vm).map(|()| left)
    }
}

/// Resumes the run for as long as it is preempted.
fn go_on(vm: &mut QuickJsVm, mut step: Step) -> Step {
    while let Step::Preempted = step {
        step = vm.resume(Resume::Go);
    }
    step
}

/// Resets the VM and looks at every byte.
fn restored(vm: &mut QuickJsVm) -> Result<(), String> {
    match vm.reset() {
        Reset::Pristine => vm.differences(),
        Reset::Discard => Err("discarded".into()),
    }
}

fn echo(value: &NativeValue) -> Result<NativeValue, NativeFailure> {
    match value {
        NativeValue::Null => Err(NativeFailure { name: "RangeError", message: "null is refused".into() }),
        value => Ok(value.clone()),
    }
}

fn interrupt(wall_time: Duration) -> Arc<Interrupt> {
    let interrupt = Interrupt::new(Arc::new(MonotonicClock::new()));
    interrupt.start(wall_time);
    Arc::new(interrupt)
}

fn compile(engine: &QuickJs, environment: &Arc<Environment>, text: &str, kind: SourceKind) -> Option<QuickJsProgram> {
    let mut vm = engine.create_vm(&VmConfig::new(Purpose::Compile, environment.clone())).expect("a VM");
    let source = Source::new("trial.js", text, kind).expect("a name");
    vm.compile_to_end(&source, &RunLimits::default(), &interrupt(WALL_TIME)).ok()
}
