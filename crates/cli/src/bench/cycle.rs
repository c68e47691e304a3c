//! Runs on one VM after another: taken back, left dirty, and made anew.
//!
//! The kinds take turns in short rounds, so that whatever else the machine does meets all of them alike.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use isolet::engine::{QuickJsVm, Reset, Vm};

use super::figures::{Quantiles, VmCycle};
use super::workbench::Workbench;
use super::{PART_TIME_MAX, Plan};

const RUNS_PER_ROUND: usize = 1_000;
/// Runs before those that count, each time a kind has its turn: they bring code and memory into the caches.
const WARM_UP_RUNS: usize = 20;
/// Making a VM takes tens of times longer than a run.
const RUNS_PER_NEW_VM: usize = 20;

pub(super) fn measure(workbench: &Workbench, plan: &Plan) -> Result<VmCycle> {
    let (mut pristine, mut dirty, mut new) = (Vec::new(), Vec::new(), Vec::new());
    let began = Instant::now();
    let mut runs_left = plan.runs;
    while runs_left > 0 && began.elapsed() < PART_TIME_MAX {
        let runs = runs_left.min(RUNS_PER_ROUND);
        if workbench.reuses_vms() {
            pristine.extend(on_one_vm(workbench, runs, take_back)?);
        }
        dirty.extend(on_one_vm(workbench, runs, leave_dirty)?);
        new.extend(on_new_vms(workbench, runs.div_ceil(RUNS_PER_NEW_VM))?);
        runs_left -= runs;
    }
    let [pristine_us, dirty_us, new_vm_us] = [pristine, dirty, new].map(Quantiles::of);
    Ok(VmCycle { pristine_us, dirty_us, new_vm_us })
}

/// Runs on a VM that `make_ready` makes startable again after each.
fn on_one_vm(
    workbench: &Workbench,
    runs: usize,
    make_ready: fn(&mut QuickJsVm) -> Result<()>,
) -> Result<Vec<Duration>> {
    let mut vm = workbench.vm()?;
    let mut one = || {
        let request = workbench.request();
        let began = Instant::now();
        let step = workbench.run(&mut vm, request);
        make_ready(&mut vm)?;
        let time = began.elapsed();
        Workbench::check(&step).map(|()| time)
    };
    for _ in 0..WARM_UP_RUNS {
        one()?;
    }
    (0..runs).map(|_| one()).collect()
}

fn take_back(vm: &mut QuickJsVm) -> Result<()> {
    ensure!(vm.reset() == Reset::Pristine, "a VM could not be taken back after a run");
    Ok(())
}

fn leave_dirty(vm: &mut QuickJsVm) -> Result<()> {
    vm.stay_dirty();
    Ok(())
}

/// Runs on a VM each, which is made and dropped in its time.
fn on_new_vms(workbench: &Workbench, runs: usize) -> Result<Vec<Duration>> {
    let one = || {
        let request = workbench.request();
        let began = Instant::now();
        let mut vm = workbench.vm()?;
        let step = workbench.run(&mut vm, request);
        drop(vm);
        let time = began.elapsed();
        Workbench::check(&step).map(|()| time)
    };
    (0..runs).map(|_| one()).collect()
}
