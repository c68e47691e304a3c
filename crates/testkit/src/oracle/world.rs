//! What cases run in: an environment, its VMs, and the scripts that look for traces.

use std::sync::Arc;

use isolet_core_traits::{
    End, Engine, Environment, Interrupt, MonotonicClock, Output, Purpose, Reset, Resume, RunLimits, SetupScript,
    SourceKind, Step, Vm, VmConfig,
};

use super::case::TICK;
use super::run;
use crate::conformance::stage::{self, Checked, ensure};
use crate::conformance::{text, world};

/// The time stands still: what a script does must not depend on when it is run.
const NO_TIME: &str = "
const { Date } = global, { construct } = Reflect;
function Still(...parts) {
  return new.target ? construct(Date, parts.length ? parts : [0], new.target) : construct(Date, [0]).toString();
}
for (const name of ['UTC', 'parse']) Object.defineProperty(Still, name, Object.getOwnPropertyDescriptor(Date, name));
Object.defineProperty(Still, 'now', { value: () => 0, writable: true, configurable: true });
Object.defineProperty(Still, 'prototype', { value: Date.prototype });
Date.prototype.constructor = Still;
global.Date = Still;
";

/// Touches what scripts most like to change, and tells what it saw.
const PROBE: &str = "
const map = new Map([[{}, 1], ['a', 2]]);
const seen = [...map.values(), /x(y)/g.exec('xy'), Math.random(), Symbol('q').toString(), input, [3, 1, 2].sort()];
for (const value of [globalThis, Object.prototype, Function.prototype, Array.prototype, Promise.prototype,
    String.prototype, Error, Error.prototype, RegExp.prototype, Date.prototype, Uint8Array.prototype, Reflect, JSON,
    test, console, probe]) {
  const keys = Reflect.ownKeys(value);
  seen.push(keys.length, Object.isExtensible(value), String(keys.at(-1)), typeof Object.getPrototypeOf(value));
}
const reply = await test.echo({ n: 1n, bytes: new Uint8Array(3) });
class Keeper { #reply = reply; get reply() { return [String(this.#reply.n), this.#reply.bytes.length] } }
let deep = 0;
const dive = () => { deep++; if (deep < 100) dive() };
dive();
let kept;
try { null.x } catch (error) { kept = error.stack }
console.log('probe', deep);
[seen, new Keeper().reply, kept, probe.kind('x'), JSON.stringify({ a: [1.5, 'ä'] }), 'abc'.toUpperCase(), String(2n ** 90n)]";

/// What runs in a VM while another run of it is parked.
const INTRUDERS: [&str; 5] = [
    "1",
    "Object.prototype.toJSON = () => 'polluted'; Array.prototype.push = null; globalThis.test = 1; Promise.prototype.then = 2; delete globalThis.console; 1",
    "const a = []; for (;;) a.push({ n: a.length })",
    "for (;;);",
    "test.echo(1); test.hang(new Uint8Array(1000)); Promise.reject(1); await new Promise(() => {})",
];

/// How much of the memory limit an intruder gets.
const INTRUDER_BYTES: u64 = 512 << 10;

/// The largest limit of a case.
const MEMORY_BYTES_MAX: u64 = 16 << 20;

/// Looks at a VM that was reset, in a way that only its engine knows. What is wrong comes in words.
pub type Inspect<V> = fn(&mut V) -> Result<(), String>;

/// An environment and its VMs.
pub(super) struct World<'engine, E: Engine> {
    pub(super) engine: &'engine E,
    pub(super) environment: Arc<Environment>,
    inspect: Inspect<E::Vm>,
    /// Kept between cases, if the engine's VMs can be used again.
    compiler: Option<E::Vm>,
    runner: Option<E::Vm>,
    intruders: Vec<E::Program>,
    probe: Option<E::Program>,
    /// What the probe tells in a new VM.
    probed: String,
    /// What a VM holds at most when a script does nothing.
    pub(super) standing_bytes: u64,
}

impl<'engine, E: Engine> World<'engine, E> {
    pub(super) fn new(engine: &'engine E, inspect: Inspect<E::Vm>, also: &Environment, eval: bool) -> Checked<Self> {
        let mut environment = Environment::clone(&world::environment(eval));
        environment.setup.push(SetupScript { name: "conformance-setup-4", source: NO_TIME });
        environment.natives.extend_from_slice(&also.natives);
        environment.setup.extend_from_slice(&also.setup);
        environment.lazy.extend_from_slice(&also.lazy);
        // A panic ends the fuzzer: its hook aborts before the engine can catch it.
        environment.natives.retain(|native| native.name != "panic");
        let mut world = Self {
            engine,
            environment: Arc::new(environment),
            inspect,
            compiler: None,
            runner: None,
            intruders: Vec::new(),
            probe: None,
            probed: String::new(),
            standing_bytes: 0,
        };
        world.intruders = INTRUDERS.iter().map(|text| world.own_program(text)).collect::<Checked<_>>()?;
        world.probe = Some(world.own_program(PROBE)?);
        let nothing = world.own_program("")?;
        let mut vm = world.vm(Purpose::Run)?;
        if let Step::Done(outcome) = start(&mut vm, &nothing, &RunLimits::default(), &generous(), "null")? {
            world.standing_bytes = outcome.memory_peak_bytes;
        }
        world.put_back(Purpose::Run, vm)?;
        world.probed = world.probed()?;
        ensure(world.probed.starts_with("done [[1,2"), || format!("the probe ends so: {}", world.probed))?;
        Ok(world)
    }

    /// A pristine VM.
    pub(super) fn vm(&mut self, purpose: Purpose) -> Checked<E::Vm> {
        if let Some(vm) = self.kept(purpose).take() {
            return Ok(vm);
        }
        let config =
            VmConfig { memory_bytes_max: MEMORY_BYTES_MAX, ..VmConfig::new(purpose, self.environment.clone()) };
        self.engine.create_vm(&config).map_err(|error| format!("failed to make a VM: {error}"))
    }

    /// Resets a VM and looks for what is left in it. What cannot be used again is dropped.
    pub(super) fn put_back(&mut self, purpose: Purpose, mut vm: E::Vm) -> Checked<()> {
        let is_kept = self.engine.capabilities().reuse;
        if is_kept {
            self.restore(&mut vm)?;
            *self.kept(purpose) = Some(vm);
        }
        Ok(())
    }

    pub(super) fn restore(&self, vm: &mut E::Vm) -> Checked<()> {
        ensure(vm.reset() == Reset::Pristine, || "the VM cannot be used again".into())?;
        ensure(vm.take_logs().is_empty(), || "lines are left after a reset".into())?;
        (self.inspect)(vm)
    }

    fn kept(&mut self, purpose: Purpose) -> &mut Option<E::Vm> {
        match purpose {
            Purpose::Compile => &mut self.compiler,
            Purpose::Run => &mut self.runner,
        }
    }

    /// Whether the probe tells what it told in a new VM.
    pub(super) fn probe(&mut self) -> Checked<()> {
        let probed = self.probed()?;
        ensure(probed == self.probed, || format!("the probe tells {probed}, it told {}", self.probed))
    }

    fn probed(&mut self) -> Checked<String> {
        let mut vm = self.vm(Purpose::Run)?;
        let Some(probe) = &self.probe else { return Err("there is no probe".into()) };
        let mut step = start(&mut vm, probe, &RunLimits::default(), &generous(), "[1]")?;
        while let Step::HostCalls { calls, .. } = &step {
            let replies: Vec<_> = calls.iter().filter_map(world::answer).collect();
            let step_again = vm.resume(Resume::Replies(replies));
            step = stage::go_on(&mut vm, step_again);
        }
        let Step::Done(outcome) = step else { return Err(format!("the probe does not end: {step:?}")) };
        let End::Output(Output::Json(json)) = &outcome.end else {
            return Err(format!("the probe ends so: {}", text::end(&outcome.end)));
        };
        let logs = text::logs(&vm.take_logs());
        let told = format!("done {json} {logs}");
        self.put_back(Purpose::Run, vm)?;
        Ok(told)
    }

    /// Uses a pristine VM for another run, as if it were another tenant's, and takes it back.
    pub(super) fn intrude(&self, vm: &mut E::Vm, choice: u8) -> Checked<()> {
        let program = &self.intruders[usize::from(choice) % self.intruders.len()];
        let limits = RunLimits { memory_bytes: INTRUDER_BYTES, wall_time: TICK * 3, ..RunLimits::default() };
        let step = start(vm, program, &limits, &run::interrupt(&limits), "null")?;
        if let Step::Done(outcome) = &step {
            ensure(!matches!(outcome.end, End::EngineFault), || "an intruder ends in a fault".into())?;
        }
        self.restore(vm)
    }

    fn own_program(&mut self, text: &str) -> Checked<E::Program> {
        let mut vm = self.vm(Purpose::Compile)?;
        let source = stage::source(text, SourceKind::Script);
        let compiled = stage::compile(&mut vm, &source, &RunLimits::default(), &generous())?;
        self.put_back(Purpose::Compile, vm)?;
        compiled.map_err(|failure| format!("a script of the oracle's did not compile: {failure:?}"))
    }
}

/// Starts a run of the oracle's own.
fn start<V: Vm>(
    vm: &mut V,
    program: &V::Program,
    limits: &RunLimits,
    interrupt: &Arc<Interrupt>,
    input: &str,
) -> Checked<Step> {
    let step = vm.start(program, stage::invocation(input, "{}", 1)?, limits.clone(), interrupt.clone());
    Ok(stage::go_on(vm, step))
}

/// An interrupt that never comes.
fn generous() -> Arc<Interrupt> {
    Arc::new(Interrupt::new(Arc::new(MonotonicClock::new())))
}
