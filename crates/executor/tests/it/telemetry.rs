//! What OpenTelemetry is told agrees with what was sent.

use std::collections::HashMap;
use std::time::Duration;

use isolet_core_traits::Status;
use isolet_executor::Execution;
use isolet_limits::{LimitOverrides, Limits};
use isolet_testkit::services::{Echo, Slow};
use isolet_testkit::{FakeEngine, FakeOptions};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use crate::setup::{builder, execution, source, tenant, until};

struct Collector {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Collector {
    fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).with_interval(Duration::from_secs(3_600)).build();
        Self { exporter, provider: SdkMeterProvider::builder().with_reader(reader).build() }
    }

    /// The figures of this moment: `name` or `name{attribute}`; of distributions, how much was recorded.
    fn figures(&self) -> HashMap<String, u64> {
        self.exporter.reset();
        self.provider.force_flush().expect("it exports");
        let exports = self.exporter.get_finished_metrics().expect("it keeps them");
        exports.iter().flat_map(figures).collect()
    }
}

fn figures(export: &ResourceMetrics) -> Vec<(String, u64)> {
    let mut figures = Vec::new();
    for metric in export.scope_metrics().flat_map(|scope| scope.metrics()) {
        let mut tell = |mut attributes: Vec<String>, value| {
            attributes.sort();
            let of = if attributes.is_empty() { String::new() } else { format!("{{{}}}", attributes.join(",")) };
            figures.push((format!("{}{of}", metric.name()), value));
        };
        let text = |attribute: &opentelemetry::KeyValue| attribute.value.to_string();
        match metric.data() {
            AggregatedMetrics::U64(MetricData::Gauge(gauge)) => {
                gauge.data_points().for_each(|point| tell(point.attributes().map(text).collect(), point.value()));
            }
            AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                assert!(sum.is_monotonic());
                sum.data_points().for_each(|point| tell(point.attributes().map(text).collect(), point.value()));
            }
            AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                gauge.data_points().for_each(|point| tell(Vec::new(), (point.value() * 100.0) as u64));
            }
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                histogram.data_points().for_each(|point| tell(point.attributes().map(text).collect(), point.count()));
            }
            other => panic!("{}: {other:?}", metric.name()),
        }
    }
    figures
}

#[tokio::test]
async fn figures_agree_with_what_was_sent() {
    let (collector, slow) = (Collector::new(), Slow::default());
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(50), ..FakeOptions::default() });
    let limits = Limits { runs_per_tenant: 1, memory_bytes: 1 << 20, ..Limits::default() };
    let builder = builder(&engine).limits(limits).host(Echo).host(slow.clone());
    let executor = builder.meter(collector.provider.meter("isolet")).build().expect("it builds");
    let overrides = LimitOverrides { cpu_time: Some(Duration::from_millis(2)), ..LimitOverrides::default() };
    for (script, status, count) in [
        ("call echo.first [1]; call echo.first [2]; output reply", Status::Ok, 7),
        ("throw Error told", Status::RuntimeError, 2),
        ("syntax!", Status::SyntaxError, 3),
        ("alloc 2000000", Status::MemoryExceeded, 4),
        ("spin", Status::Timeout, 2),
    ] {
        for _ in 0..count {
            let report = executor.execute(execution(script).limits(overrides.clone())).await;
            assert_eq!(report.status, status, "{report:?}");
        }
    }
    let waiting = ["call slow.wait; output 1", "output 2"].map(|script| {
        let executor = executor.clone();
        tokio::spawn(async move { executor.execute(Execution::new(source(script), tenant("crowded"))).await })
    });
    until(|| executor.metrics().pool.waiting == 1 && slow.waiting() == 1).await;

    let figures = collector.figures();
    let check = |expected: &[(&str, u64)]| {
        for (name, value) in expected {
            assert_eq!(figures.get(*name), Some(value), "{name} in {figures:#?}");
        }
    };
    let pool = executor.metrics().pool;
    check(&[
        ("isolet.execution.count{ok}", 7),
        ("isolet.execution.count{runtime_error}", 2),
        ("isolet.execution.count{syntax_error}", 3),
        ("isolet.execution.count{memory_exceeded}", 4),
        ("isolet.execution.count{timeout}", 2),
        ("isolet.execution.count{engine_fault}", 0),
        ("isolet.execution.in_flight", 2),
        ("isolet.host.calls", 14),
        ("isolet.run.kills{memory_bytes}", 4),
        ("isolet.run.kills{cpu_ms}", 2),
        ("isolet.run.kills{wall_ms}", 0),
        ("isolet.run.duration{ok}", 7),
        ("isolet.run.duration{timeout}", 2),
        ("isolet.queue.wait.duration", 15),
        ("isolet.queue.waiting", 1),
        ("isolet.queue.crowds{crowded}", 1),
        ("isolet.queue.grants{false}", pool.granted_total - pool.waited_total),
        ("isolet.queue.grants{true}", pool.waited_total),
        ("isolet.queue.rejections{queue_full}", 0),
        ("isolet.vm.count{in_use}", 1),
        ("isolet.vm.count{available}", pool.ready as u64),
        ("isolet.vm.total", pool.total as u64),
        ("isolet.vm.created{initial}", pool.ordered.initial),
        ("isolet.cache.lookups{hit}", executor.metrics().cache.hits),
        ("isolet.worker.quarantined", 0),
    ]);
    assert!(figures.contains_key("isolet.vm.utilization") && executor.metrics().cache.hits > 0);

    slow.release(1);
    for report in waiting {
        assert!(report.await.expect("a report").is_ok());
    }
    executor.shutdown(Duration::from_secs(60)).await;
    let figures = collector.figures();
    assert_eq!((figures["isolet.execution.count{ok}"], figures["isolet.queue.grants{true}"] > 0), (9, true));
    assert_eq!((figures["isolet.vm.total"], figures["isolet.vm.destroyed{drained}"] > 0), (0, true));
    drop(executor);
    until(|| engine.counts().threads == 0).await;
    assert!(!collector.figures().contains_key("isolet.vm.total"), "there is no executor any more");
}
