//! One engine and one trivial script: what it takes to drive a VM by hand.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use isolet::engine::{
    End, Engine, Environment, HostInterface, Interrupt, Invocation, Output, Purpose, QuickJsProgram, QuickJsVm, Resume,
    RunLimits, Seed, Step, Vm, VmConfig,
};
use isolet::{JsonText, MonotonicClock, Policy, QuickJs, Source, SourceKind};

/// The input: an order.
const ORDER: &str = r#"{"order":{"id":42,"items":[{"sku":"a","qty":2,"price":9.5},{"sku":"b","qty":1,"price":20}]}}"#;

/// A script as small as customers write them.
const SCRIPT: &str = "({ id: input.order.id, total: input.order.items.reduce((t, i) => t + i.qty * i.price, 0) })";

/// What it gives for the order.
const TOTAL: &str = r#"{"id":42,"total":39}"#;

/// The order as an input.
pub(super) fn order() -> Result<JsonText> {
    Ok(JsonText::parse(ORDER)?)
}

/// The script as a source.
pub(super) fn script() -> Result<Source> {
    Ok(Source::new("bench.js", SCRIPT, SourceKind::Script)?)
}

/// An engine with VMs as an executor makes them by default, and the script compiled for them.
pub(super) struct Workbench {
    engine: QuickJs,
    environment: Arc<Environment>,
    clock: Arc<MonotonicClock>,
    source: Source,
    program: QuickJsProgram,
    input: JsonText,
}

/// What a run is started with, made before its time is taken.
pub(super) struct Request {
    invocation: Invocation,
    limits: RunLimits,
    interrupt: Arc<Interrupt>,
}

impl Workbench {
    pub(super) fn new(engine: QuickJs, policy: &Policy) -> Result<Self> {
        let environment = policy.environment(HostInterface::default());
        let (clock, source, limits) = (Arc::default(), script()?, RunLimits::default());
        let mut vm = engine.create_vm(&VmConfig::new(Purpose::Compile, environment.clone())).context("cannot start")?;
        let compiled = vm.compile_to_end(&source, &limits, &interrupt(&clock, limits.wall_time));
        let Ok(program) = compiled else { bail!("the script was not compiled") };
        Ok(Self { engine, environment, clock, source, program, input: order()? })
    }

    /// Whether the engine takes VMs back to what they were.
    pub(super) fn reuses_vms(&self) -> bool {
        self.engine.capabilities().reuse
    }

    pub(super) fn vm(&self) -> Result<QuickJsVm> {
        let config = VmConfig::new(Purpose::Run, self.environment.clone());
        self.engine.create_vm(&config).context("cannot make a VM")
    }

    pub(super) fn request(&self) -> Request {
        let limits = RunLimits::default();
        let invocation = Invocation {
            source_name: self.source.name().clone(),
            input: self.input.clone(),
            context: JsonText::null(),
            random_seed: Seed::Drawn(1),
            now: None,
        };
        Request { invocation, interrupt: interrupt(&self.clock, limits.wall_time), limits }
    }

    /// Runs the script to its end, or until it waits.
    pub(super) fn run(&self, vm: &mut QuickJsVm, request: Request) -> Step {
        let mut step = vm.start(&self.program, request.invocation, request.limits, request.interrupt);
        while let Step::Preempted = step {
            step = vm.resume(Resume::Go);
        }
        step
    }

    /// Fails unless the run gave what it must.
    pub(super) fn check(step: &Step) -> Result<()> {
        match step {
            Step::Done(outcome) => match &outcome.end {
                End::Output(Output::Json(json)) if &**json == TOTAL => Ok(()),
                end => bail!("a run failed: {end:?}"),
            },
            step => bail!("a run did not end: {step:?}"),
        }
    }
}

fn interrupt(clock: &Arc<MonotonicClock>, wall_time: Duration) -> Arc<Interrupt> {
    let interrupt = Interrupt::new(clock.clone());
    interrupt.start(wall_time);
    Arc::new(interrupt)
}
