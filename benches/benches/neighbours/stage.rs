//! Executors and threads to measure on.

use std::future::Future;
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use isolet::engine::Engine;
use isolet::{
    Execution, HostFailure, HostNamespace, HostOperation, HostService, HostSession, Isolet, Limits, Payload,
    Permissions, PoolConfig, Prepared, RunInfo, TenantId,
};
use isolet_benches::{Bench, source};
use tokio::runtime::Runtime;

/// An executor, and the runtime of a service that has it.
pub(crate) struct Stage {
    pub(crate) isolet: Isolet,
    runtime: Runtime,
}

impl Stage {
    /// With enough VMs for so many runs at once, whoever they belong to.
    pub(crate) fn new(limits: Limits, runs: usize) -> Self {
        let pool = PoolConfig { vms_initial: runs, vms_max: runs, first_runs_percent: 0, ..PoolConfig::default() };
        Self::with_pool(limits, pool)
    }

    pub(crate) fn with_pool(limits: Limits, pool: PoolConfig) -> Self {
        Self::with_host(limits, pool, Echo)
    }

    pub(crate) fn with_host(limits: Limits, pool: PoolConfig, host: impl HostService) -> Self {
        let vms_initial = pool.vms_initial;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let isolet = Isolet::builder()
            .limits(limits)
            .pool(pool)
            .host(host)
            .permissions(Permissions::all())
            .runtime(runtime.handle().clone());
        let stage = Self { isolet: isolet.build().expect("an executor"), runtime };
        while stage.isolet.metrics().pool.ready < vms_initial {
            thread::sleep(Duration::from_millis(1));
        }
        stage
    }

    /// Has a script compiled, so that its runs start at once.
    pub(crate) fn prepare(&self, text: &str) -> Prepared {
        self.isolet.prepare_blocking(&source(text), &tenant("prepares")).expect("a script that compiles")
    }

    /// Does something on a task of the runtime, as a service does, and waits for it.
    pub(crate) fn service<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.block_on(self.runtime.spawn(task)).expect("no panic")
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.runtime.block_on(self.isolet.shutdown(Duration::from_secs(60)));
    }
}

pub(crate) fn tenant(name: impl AsRef<str>) -> TenantId {
    TenantId::new(name).expect("a valid id")
}

pub(crate) fn execution(prepared: &Prepared, tenant_name: impl AsRef<str>) -> Execution {
    Execution::prepared(prepared, tenant(tenant_name))
}

/// Does something on a thread that can step VMs by hand.
pub(crate) fn on_engine_thread<T: Send>(work: impl FnOnce(&Bench) -> T + Send) -> T {
    let bench = Bench::new();
    let stack_bytes = bench.engine().capabilities().thread_stack_bytes.max(8 << 20);
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(stack_bytes).spawn_scoped(scope, || work(&bench));
        thread.expect("a thread").join().expect("no panic")
    })
}

/// Sleeps until `due`, and gives how late it woke.
pub(crate) fn sleep_until(due: Instant) -> Duration {
    thread::sleep(due.saturating_duration_since(Instant::now()));
    due.elapsed()
}

/// A host that answers at once.
struct Echo;

#[async_trait]
impl HostService for Echo {
    fn namespace(&self) -> HostNamespace {
        let ping = HostOperation { cost: 0, ..HostOperation::new("ping") };
        HostNamespace { name: "echo".into(), exposed: true, operations: vec![ping] }
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl HostSession for Echo {
    async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        Ok(Payload { json: "null".into(), buffers: Vec::new() })
    }
}
