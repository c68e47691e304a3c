//! What the benchmarks share: the scripts, and VMs and executors to run them on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    Engine, Environment, HostInterface, Interrupt, Invocation, JsonText, MonotonicClock, Outcome, Purpose, Resume,
    RunLimits, Seed, Source, SourceKind, Step, Vm, VmConfig,
};
use isolet_engine_quickjs::{QuickJs, QuickJsProgram, QuickJsVm, Restoring};

/// The input of [`TRIVIAL`].
pub const ORDER: &str =
    r#"{"order":{"id":42,"items":[{"sku":"a","qty":2,"price":9.5},{"sku":"b","qty":1,"price":20}]}}"#;

/// A JSON script as small as customers write them: 39 for [`ORDER`].
pub const TRIVIAL: &str = "({ id: input.order.id, total: input.order.items.reduce((t, i) => t + i.qty * i.price, 0) })";

/// What [`TRIVIAL`] gives for [`ORDER`].
pub const TOTAL: &str = r#"{"id":42,"total":39}"#;

/// A script of 20 KB: sixty rules, of which three are used.
pub fn script_20kb() -> String {
    let mut text = String::new();
    for rule in 0.. {
        text.push_str(&format!(
            "function rule{rule}(order) {{\n  // Gold customers get a discount on large orders.\n  \
             const items = order.items.filter((item) => item.qty > {} && item.sku !== 'sku-{rule}');\n  \
             let total = items.reduce((sum, item) => sum + item.qty * item.price, 0);\n  \
             if (total > {} && order.tier === 'gold') {{ total *= 1 - 0.0{}; }}\n  \
             return {{ rule: 'rule{rule}', total, names: items.map(({{ sku }}) => `${{sku}}:{rule}`) }};\n}}\n",
            rule % 3,
            rule * 10,
            rule % 9 + 1
        ));
        if text.len() >= 20 << 10 {
            break;
        }
    }
    text.push_str("[rule0, rule1, rule2].map((rule) => rule(input.order))");
    text
}

/// A directory for a store, removed when this is dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// An empty one.
    pub fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("isolet-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory for temporary files");
        Self(directory)
    }

    /// The location of a store in it.
    pub fn store(&self) -> String {
        self.0.join("store.db").to_str().expect("a name").to_owned()
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A classic script as a source.
pub fn source(text: &str) -> Source {
    Source::new("bench.js", text, SourceKind::Script).expect("a valid name")
}

/// The engine with VMs as an executor makes them by default.
#[derive(Debug)]
pub struct Bench {
    engine: QuickJs,
    clock: Arc<MonotonicClock>,
    environment: Arc<Environment>,
    input: JsonText,
}

impl Bench {
    /// An engine and the default environment.
    pub fn new() -> Self {
        Self::restoring(Restoring::default())
    }

    /// The same, with VMs put back in this way.
    pub fn restoring(restoring: Restoring) -> Self {
        let host = HostInterface::new(vec![isolet_sandbox::timers_namespace()]).expect("valid names");
        let environment = isolet::Policy::default().environment(host);
        let engine = QuickJs::new().expect("an engine").restoring(restoring);
        let input = JsonText::parse(ORDER).expect("valid JSON");
        Self { engine, clock: Arc::default(), environment, input }
    }

    /// The engine.
    pub fn engine(&self) -> &QuickJs {
        &self.engine
    }

    /// A new VM.
    pub fn vm(&self, purpose: Purpose) -> QuickJsVm {
        self.engine.create_vm(&VmConfig::new(purpose, self.environment.clone())).expect("a VM")
    }

    fn interrupt(&self) -> Arc<Interrupt> {
        let interrupt = Interrupt::new(self.clock.clone());
        interrupt.start(Duration::from_secs(30));
        Arc::new(interrupt)
    }

    /// Compiles on a VM that was made for it.
    pub fn compile(&self, vm: &mut QuickJsVm, source: &Source) -> QuickJsProgram {
        vm.compile_to_end(source, &RunLimits::default(), &self.interrupt()).expect("it compiles")
    }

    /// Runs a program that makes no host calls.
    pub fn run(&self, vm: &mut QuickJsVm, program: &QuickJsProgram, source: &Source) -> Outcome {
        let invocation = Invocation {
            source_name: source.name().clone(),
            input: self.input.clone(),
            context: JsonText::null(),
            random_seed: Seed::Drawn(1),
            now: None,
        };
        let mut step = vm.start(program, invocation, RunLimits::default(), self.interrupt());
        loop {
            step = match step {
                Step::Done(outcome) => return outcome,
                Step::Preempted => vm.resume(Resume::Go),
                other => panic!("{other:?}"),
            };
        }
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}
