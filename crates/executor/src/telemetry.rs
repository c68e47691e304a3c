//! Figures for OpenTelemetry: what an executor tells to whoever has set a meter provider up.
//!
//! Nearly all of it is read when it is asked for, and costs executions nothing. What each name means is told in
//! `docs/observability.md`.

use std::sync::{Arc, Weak};

use isolet_core_traits::{Engine, Report, Status};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Histogram, Meter};

use crate::bytecode::BytecodeStats;
use crate::core::Core;
use crate::metrics::ExecutorMetrics;

/// A value, and the attribute that tells what it is of.
type Tell<'a> = &'a mut dyn FnMut(u64, Option<KeyValue>);

/// Something that is read from the figures.
struct Figure {
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    read: fn(&ExecutorMetrics, Tell<'_>),
}

fn figure(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    read: fn(&ExecutorMetrics, Tell<'_>),
) -> Figure {
    Figure { name, unit, description, read }
}

/// What is so now.
fn gauges() -> [Figure; 13] {
    [
        figure("isolet.vm.count", "{vm}", "VMs by what they are at", |metrics, tell| {
            let pool = &metrics.pool;
            for (state, vms) in [("available", pool.ready), ("in_use", pool.in_use), ("being_made", pool.being_made)] {
                tell(vms as u64, Some(KeyValue::new("isolet.vm.state", state)));
            }
        }),
        figure("isolet.vm.total", "{vm}", "VMs that are made", |metrics, tell| tell(metrics.pool.total as u64, None)),
        figure("isolet.vm.target", "{vm}", "VMs that the pool aims at", |metrics, tell| {
            tell(metrics.pool.target as u64, None);
        }),
        figure("isolet.vm.memory", "By", "Memory of all VMs", |metrics, tell| tell(metrics.pool.vm_bytes as u64, None)),
        figure("isolet.queue.waiting", "{request}", "Requests that wait", |metrics, tell| {
            tell(metrics.pool.waiting as u64, None);
        }),
        figure("isolet.queue.lacking", "{vm}", "VMs that those who wait could use", |metrics, tell| {
            tell(metrics.pool.lacking as u64, None);
        }),
        figure(
            "isolet.queue.crowds",
            "{request}",
            "Requests that wait, of the tenants with the most",
            |metrics, tell| {
                for crowd in &metrics.pool.crowds {
                    tell(crowd.waiting as u64, Some(KeyValue::new("isolet.tenant", crowd.tenant.as_str().to_owned())));
                }
            },
        ),
        figure("isolet.run.parked", "{run}", "Runs that have left their VM", |metrics, tell| {
            tell(metrics.pool.parked as u64, None);
        }),
        figure("isolet.run.parked.memory", "By", "Memory of parked runs", |metrics, tell| {
            tell(metrics.pool.parked_bytes as u64, None);
        }),
        figure(
            "isolet.execution.in_flight",
            "{execution}",
            "Executions that have begun and not ended",
            |metrics, tell| {
                tell(metrics.in_flight as u64, None);
            },
        ),
        figure("isolet.cache.entries", "{program}", "Programs that are kept", |metrics, tell| {
            tell(metrics.cache.entries as u64, None);
        }),
        figure("isolet.cache.memory", "By", "Memory of programs that are kept", |metrics, tell| {
            tell(metrics.cache.bytes as u64, None);
        }),
        figure("isolet.worker.quarantined", "{worker}", "Threads that are stuck", |metrics, tell| {
            tell(metrics.workers_quarantined as u64, None);
        }),
    ]
}

/// What has been so far.
fn counters() -> [Figure; 16] {
    [
        figure("isolet.vm.created", "{vm}", "VMs that were ordered, by why", |metrics, tell| {
            let ordered = &metrics.pool.ordered;
            for (reason, vms) in
                [("initial", ordered.initial), ("ahead", ordered.ahead), ("on_demand", ordered.on_demand)]
            {
                tell(vms, Some(KeyValue::new("isolet.reason", reason)));
            }
        }),
        figure("isolet.vm.failed", "{vm}", "VMs that could not be made", |metrics, tell| {
            tell(metrics.pool.failed_total, None);
        }),
        figure("isolet.vm.destroyed", "{vm}", "VMs that were destroyed or lost, by why", |metrics, tell| {
            let (destroyed, lost) = (&metrics.pool.destroyed, metrics.pool.lost_total);
            for (reason, vms) in [
                ("idle", destroyed.idle),
                ("surplus", destroyed.surplus),
                ("memory", destroyed.memory),
                ("drained", destroyed.drained),
                ("lost", lost),
            ] {
                tell(vms, Some(KeyValue::new("isolet.reason", reason)));
            }
        }),
        figure(
            "isolet.queue.grants",
            "{request}",
            "Requests that were granted, by whether they waited",
            |metrics, tell| {
                let (granted, waited) = (metrics.pool.granted_total, metrics.pool.waited_total);
                tell(granted - waited, Some(KeyValue::new("isolet.waited", false)));
                tell(waited, Some(KeyValue::new("isolet.waited", true)));
            },
        ),
        figure("isolet.queue.rejections", "{request}", "Requests that were rejected, by why", |metrics, tell| {
            let rejections = &metrics.pool.rejections;
            for (reason, requests) in [
                ("queue_full", rejections.queue_full),
                ("queue_timeout", rejections.queue_timeout),
                ("draining", rejections.draining),
                ("no_vm", rejections.no_vm),
            ] {
                tell(requests, Some(KeyValue::new("isolet.reason", reason)));
            }
        }),
        figure("isolet.execution.count", "{execution}", "Executions that have ended, by status", |metrics, tell| {
            for status in Status::ALL {
                tell(metrics.executions.of(status), Some(KeyValue::new("isolet.status", status.as_str())));
            }
        }),
        figure("isolet.run.kills", "{run}", "Runs that a limit has ended, by the limit", |metrics, tell| {
            for (limit, runs) in metrics.kills.by_limit() {
                tell(runs, Some(KeyValue::new("isolet.limit", limit)));
            }
        }),
        figure("isolet.run.parks", "{park}", "Times that a run left its VM", |metrics, tell| {
            tell(metrics.pool.parks_total, None);
        }),
        figure("isolet.host.calls", "{call}", "Host calls that runs have made", |metrics, tell| {
            tell(metrics.host_calls, None);
        }),
        figure("isolet.host.calls.denied", "{call}", "Host calls that were denied", |metrics, tell| {
            tell(metrics.host_calls_denied, None);
        }),
        figure(
            "isolet.cache.lookups",
            "{lookup}",
            "Programs that were asked for, by what came of it",
            |metrics, tell| {
                let cache = &metrics.cache;
                for (result, lookups) in
                    [("hit", cache.hits), ("miss", cache.misses), ("stored", cache.stored), ("shared", cache.shared)]
                {
                    tell(lookups, Some(KeyValue::new("isolet.result", result)));
                }
            },
        ),
        figure("isolet.cache.evictions", "{program}", "Programs that gave way to others", |metrics, tell| {
            tell(metrics.cache.evictions, None);
        }),
        figure("isolet.cache.saved", "us", "CPU time that was not spent on compiling again", |metrics, tell| {
            tell(u64::try_from(metrics.cache.compile_time_saved.as_micros()).unwrap_or(u64::MAX), None);
        }),
        figure("isolet.bytecode.loads", "{program}", "Loads from the store, by what came of them", |metrics, tell| {
            for (result, loads) in metrics.bytecode.iter().flat_map(BytecodeStats::loads) {
                tell(loads, Some(KeyValue::new("isolet.result", result)));
            }
        }),
        figure("isolet.bytecode.saves", "{program}", "Programs for the store, by what came of it", |metrics, tell| {
            for (result, saves) in metrics.bytecode.iter().flat_map(BytecodeStats::saves) {
                tell(saves, Some(KeyValue::new("isolet.result", result)));
            }
        }),
        figure("isolet.worker.replaced", "{worker}", "Threads that were stuck and replaced", |metrics, tell| {
            tell(metrics.workers_replaced, None);
        }),
    ]
}

/// What is recorded as it happens.
pub(crate) struct Telemetry {
    meter: Meter,
    wait_times: Histogram<f64>,
    run_times: Histogram<f64>,
}

/// From what takes no time at all to the usual limits, in seconds.
const WAIT_TIMES: [f64; 9] = [0.000_01, 0.000_1, 0.001, 0.01, 0.1, 0.25, 1.0, 5.0, 30.0];
const RUN_TIMES: [f64; 11] = [0.000_02, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.01, 0.05, 0.1, 1.0, 10.0, 30.0];

impl Telemetry {
    pub(crate) fn new(meter: Meter) -> Self {
        let histogram = |name, description, boundaries: &[f64]| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(boundaries.into()).build()
        };
        Self {
            wait_times: histogram("isolet.queue.wait.duration", "From a run's request to its grant", &WAIT_TIMES),
            run_times: histogram("isolet.run.duration", "From a run's grant to its end, by status", &RUN_TIMES),
            meter,
        }
    }

    /// An execution has ended.
    pub(crate) fn ended(&self, report: &Report) {
        if report.metrics.vm.is_some() {
            self.wait_times.record(seconds(report.queue.waited_us), &[]);
            let status = KeyValue::new("isolet.status", report.status.as_str());
            self.run_times.record(seconds(report.metrics.run_us), &[status]);
        }
    }

    /// Offers the figures of `core`, for as long as it is there.
    pub(crate) fn offer<E: Engine>(&self, core: &Arc<Core<E>>) {
        for Figure { name, unit, description, read } in gauges() {
            let gauge = self.meter.u64_observable_gauge(name).with_unit(unit).with_description(description);
            gauge.with_callback(observe(Arc::downgrade(core), read)).build();
        }
        for Figure { name, unit, description, read } in counters() {
            let counter = self.meter.u64_observable_counter(name).with_unit(unit).with_description(description);
            counter.with_callback(observe(Arc::downgrade(core), read)).build();
        }
        let description = "VMs in use by VMs there are, averaged over a minute";
        let utilization = self.meter.f64_observable_gauge("isolet.vm.utilization").with_unit("1");
        let core = Arc::downgrade(core);
        let observe = move |observer: &dyn AsyncInstrument<f64>| {
            if let Some(core) = core.upgrade() {
                observer.observe(core.metrics().pool.utilisation_average, &[]);
            }
        };
        utilization.with_description(description).with_callback(observe).build();
    }
}

fn observe<E: Engine>(
    core: Weak<Core<E>>,
    read: fn(&ExecutorMetrics, Tell<'_>),
) -> impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static {
    move |observer| {
        if let Some(core) = core.upgrade() {
            read(&core.metrics(), &mut |value, attribute| observer.observe(value, attribute.as_slice()));
        }
    }
}

fn seconds(time_us: u64) -> f64 {
    time_us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_every_name() {
        let page = include_str!("../../../docs/observability.md");
        let others = ["isolet.queue.wait.duration", "isolet.run.duration", "isolet.vm.utilization"];
        let names = gauges().into_iter().chain(counters()).map(|figure| figure.name).chain(others);
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
