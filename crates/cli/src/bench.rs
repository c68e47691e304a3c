//! `isolet bench`: a quick look at what isolet takes on this machine.
//!
//! It is no benchmark suite: one trivial script, a fixed number of runs and a cap on the time of each part.

mod cycle;
mod execute;
mod figures;
mod gate;
mod memory;
mod table;
mod workbench;

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use isolet::engine::Engine;
use isolet::{Policy, QuickJs, Report};

use crate::Stop;
use crate::arguments::{BenchArguments, Format};
use crate::terminal::Terminal;
use figures::Figures;
use workbench::Workbench;

/// How much is measured.
struct Plan {
    /// Runs of which a VM or a caller makes one after another. New VMs are fewer, runs of many callers more.
    runs: usize,
    /// What the VM is made for.
    policy: Policy,
}

/// How long a part may take: one VM, one caller, many callers. Memory takes less.
const PART_TIME_MAX: Duration = Duration::from_secs(4);

/// Measures and gives the exit code.
pub(crate) fn bench(arguments: &BenchArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    if cfg!(debug_assertions) {
        let style = terminal.palette().warning;
        terminal.say(&format!("{style}warning{style:#}: this is a debug build, which is several times slower\n"));
    }
    measure_and_show(arguments, terminal).map_err(Stop::Machine)
}

fn measure_and_show(arguments: &BenchArguments, terminal: &mut Terminal) -> Result<u8> {
    let engine = QuickJs::new().context("cannot start")?;
    let machine = machine(&engine);
    let plan = Plan { runs: arguments.iterations, policy: Policy::of(arguments.profile) };
    // VMs need more stack than the main thread may have.
    let thread = thread::Builder::new().name("bench".into()).stack_size(engine.capabilities().thread_stack_bytes);
    let thread = thread.spawn(move || measure(engine, &plan)).context("cannot start a thread")?;
    let figures = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    terminal.output(&match arguments.format {
        Format::Json => serde_json::to_string(&figures).context("cannot write the figures as JSON")?,
        Format::Pretty => table::table(&machine, &figures),
    })?;
    Ok(0)
}

fn measure(engine: QuickJs, plan: &Plan) -> Result<Figures> {
    let _attached = engine.attach_thread().context("cannot start")?;
    let workbench = Workbench::new(engine, &plan.policy)?;
    // Memory comes first: what other parts gave back to the allocator would hide what VMs take.
    let memory = memory::measure(&workbench)?;
    let vm_cycle = cycle::measure(&workbench, plan)?;
    let execute = execute::measure(plan)?;
    Ok(Figures { vm_cycle, execute, memory })
}

fn machine(engine: &QuickJs) -> String {
    let cores = thread::available_parallelism().map_or("unknown".into(), |cores| cores.to_string());
    format!("isolet {}, {}, cores: {cores}", env!("CARGO_PKG_VERSION"), engine.id())
}

/// The report of a run that must not fail.
fn checked(report: Report) -> Result<Report> {
    match &report.error {
        None => Ok(report),
        Some(error) => Err(anyhow!("a run failed: {}: {}", report.status, error.message)),
    }
}
