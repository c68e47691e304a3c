//! Resident memory of the process, before and after there are more VMs or more waiting runs.

use std::time::Duration;

use anyhow::{Context, Result};
use isolet::engine::{QuickJsVm, Reset, Vm};
use isolet::{Execution, Isolet, Permissions, Source, SourceKind, TenantId};
use tokio::task::JoinSet;

use super::gate::Gate;
use super::workbench::Workbench;
use super::{checked, execute, figures, workbench};

/// VMs whose memory is measured together: single ones would be lost in what the allocator does meanwhile.
const VMS: usize = 50;
/// Runs that wait on so few VMs that nearly all of them are parked.
const RUNS: usize = 900;
const VMS_OF_RUNS: usize = 10;
const WAITING_TIME_MAX: Duration = Duration::from_secs(2);

/// A script that adds up an order, too, but waits for the host before it ends.
const SCRIPT: &str = "const total = input.order.items.reduce((t, i) => t + i.qty * i.price, 0); \
                      ({ total, passed: await gate.pass(input.order.id) })";

pub(super) fn measure(workbench: &Workbench) -> Result<figures::Memory> {
    // The first one brings along what all share. None is dropped before the end: others would get its memory.
    let mut vms = vec![idle_vm(workbench)?];
    let before = resident_bytes();
    for _ in 0..VMS {
        vms.push(idle_vm(workbench)?);
    }
    let idle_vm_bytes = bytes_of_one(before, resident_bytes(), VMS);
    let in_flight_run_bytes = execute::runtime()?.block_on(in_flight())?;
    Ok(figures::Memory { idle_vm_bytes, in_flight_run_bytes })
}

/// A VM that has served a run, as most have that stand ready.
fn idle_vm(workbench: &Workbench) -> Result<QuickJsVm> {
    let mut vm = workbench.vm()?;
    Workbench::check(&workbench.run(&mut vm, workbench.request()))?;
    match vm.reset() {
        Reset::Pristine => Ok(vm),
        Reset::Discard => workbench.vm(),
    }
}

/// Holds runs of as many tenants in a host call. The first ones bring along what all share.
async fn in_flight() -> Result<Option<u64>> {
    let gate = Gate::default();
    let builder = Isolet::builder().vms_warm(VMS_OF_RUNS).vms_max(VMS_OF_RUNS).host(gate.clone());
    let builder = builder.permissions(Permissions::all());
    let isolet = builder.build().context("cannot start")?;
    let mut runs = JoinSet::new();
    ask(&mut runs, &isolet, 2 * VMS_OF_RUNS)?;
    let first = gate.wait_for(2 * VMS_OF_RUNS, WAITING_TIME_MAX).await;
    let before = resident_bytes();
    ask(&mut runs, &isolet, RUNS)?;
    let all = gate.wait_for(2 * VMS_OF_RUNS + RUNS, WAITING_TIME_MAX).await;
    let after = resident_bytes();
    gate.open();
    runs.join_all().await.into_iter().collect::<Result<Vec<()>>>()?;
    isolet.shutdown(Duration::from_secs(60)).await;
    Ok(bytes_of_one(before, after, all - first))
}

fn ask(runs: &mut JoinSet<Result<()>>, isolet: &Isolet, count: usize) -> Result<()> {
    let source = Source::new("waits.js", SCRIPT, SourceKind::Script)?;
    let input = workbench::order()?;
    for _ in 0..count {
        // Tenants of their own, because the caps of one are not what is measured.
        let tenant = TenantId::new(format!("tenant-{}", runs.len()))?;
        let execution = Execution::new(source.clone(), tenant).input_json(input.clone());
        let isolet = isolet.clone();
        runs.spawn(async move { checked(isolet.execute(execution).await).map(drop) });
    }
    Ok(())
}

/// `None` if the system does not tell, or tells that there is no more than before.
fn bytes_of_one(before: Option<u64>, after: Option<u64>, count: usize) -> Option<u64> {
    let bytes = after?.checked_sub(before?)?.checked_div(count as u64)?;
    (bytes > 0).then_some(bytes)
}

/// Linux only: the sum over all mappings, which is exact, or else what the kernel counts as it goes.
fn resident_bytes() -> Option<u64> {
    let field_of = |file, name| std::fs::read_to_string(file).ok().and_then(|text| kibibytes(&text, name));
    let kibibytes = field_of("/proc/self/smaps_rollup", "Rss:").or_else(|| field_of("/proc/self/status", "VmRSS:"))?;
    Some(kibibytes * 1024)
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let mut words = text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let rollup = "55d5-7ffd ---p 00000000 00:00 0    [rollup]\nRss:                1812 kB\nPss:      284 kB\n";
        for (text, name, expected) in [
            (rollup, "Rss:", Some(1812)),
            (rollup, "Pss:", Some(284)),
            (rollup, "VmRSS:", None),
            ("VmRSS:\t x kB", "VmRSS:", None),
            ("Rss:", "Rss:", None),
        ] {
            assert_eq!(kibibytes(text, name), expected, "{name}");
        }
    }

    #[test]
    fn nothing_is_made_up() {
        for (before, after, count, expected) in [
            (Some(1_000), Some(2_000), 10, Some(100)),
            (None, Some(2_000), 10, None),
            (Some(1_000), None, 10, None),
            (Some(2_000), Some(1_000), 10, None),
            (Some(1_000), Some(1_000), 10, None),
            (Some(1_000), Some(2_000), 0, None),
        ] {
            assert_eq!(bytes_of_one(before, after, count), expected, "{before:?} {after:?} {count}");
        }
    }
}
