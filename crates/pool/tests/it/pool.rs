//! The shell: futures that come and go, threads, timers in paused time.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use isolet_core_traits::{Clock, EngineError, Reset, VmOrigin, WaitedFor};
use isolet_pool::{Lease, Need, Pool, PoolConfig, Rejected, Request, VmFactory, VmSlot};
use tokio::time::Instant;

use crate::{caps, request};

/// What a run uses.
pub(crate) const CPU: Duration = Duration::from_micros(100);

/// Tokio's own time, which tests pause.
#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A VM that counts itself.
#[derive(Debug)]
pub(crate) struct FakeVm(Arc<AtomicUsize>);

impl FakeVm {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Drop for FakeVm {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    AtOnce,
    Later,
    Failure,
    GivenUp,
}

/// Answers as it is told. While it works it asks for the pool's figures: that would block if the lock were held.
pub(crate) struct Factory {
    answers: Mutex<Answers>,
    slots: Mutex<Vec<VmSlot<FakeVm>>>,
    pub(crate) alive: Arc<AtomicUsize>,
    destroyed: AtomicUsize,
    pool: Mutex<Option<Pool<FakeVm>>>,
}

impl Factory {
    fn set(&self, answers: Answers) {
        *self.answers.lock().expect("no test panics here") = answers;
    }

    fn make_one(&self) {
        let slot = self.slots.lock().expect("no test panics here").remove(0);
        slot.ready(FakeVm::new(&self.alive));
    }

    fn use_pool(&self) {
        if let Some(pool) = &*self.pool.lock().expect("no test panics here") {
            pool.stats();
        }
    }
}

impl VmFactory<FakeVm> for Factory {
    fn create(&self, slot: VmSlot<FakeVm>) {
        self.use_pool();
        let answers = *self.answers.lock().expect("no test panics here");
        match answers {
            Answers::AtOnce => slot.ready(FakeVm::new(&self.alive)),
            Answers::Later => self.slots.lock().expect("no test panics here").push(slot),
            Answers::Failure => slot.failed(EngineError::Memory),
            Answers::GivenUp => drop(slot),
        }
    }

    fn destroy(&self, vm: FakeVm) {
        self.use_pool();
        self.destroyed.fetch_add(1, Relaxed);
        drop(vm);
    }
}

pub(crate) fn pool_with(config: PoolConfig, answers: Answers) -> (Pool<FakeVm>, Arc<Factory>) {
    let factory = Arc::new(Factory {
        answers: Mutex::new(answers),
        slots: Mutex::default(),
        alive: Arc::default(),
        destroyed: AtomicUsize::new(0),
        pool: Mutex::default(),
    });
    let clock = Arc::new(TokioClock(Instant::now()));
    let pool = Pool::new(config, factory.clone(), clock).expect("a valid config");
    (pool, factory)
}

pub(crate) fn pool(vms_initial: usize, vms_max: usize) -> (Pool<FakeVm>, Arc<Factory>) {
    pool_with(PoolConfig { vms_initial, vms_max, ..PoolConfig::default() }, Answers::AtOnce)
}

pub(crate) async fn run(pool: &Pool<FakeVm>, tenant: &str) -> Result<Lease<FakeVm>, Rejected> {
    pool.acquire(request(tenant, "a.js", Need::Vm)).await
}

/// Polls once.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

const fn is_send<T: Send>() {}
const _: () = is_send::<Lease<FakeVm>>();
const _: () = is_send::<Pool<FakeVm>>();

#[tokio::test(start_paused = true)]
async fn leases_end_as_they_are_told() {
    type End = fn(Lease<FakeVm>);
    let cases: [(&str, End, usize, u64); 13] = [
        ("pristine", |lease| lease.finish(Reset::Pristine, CPU), 0, 0),
        ("untouched", |lease| lease.finish(Reset::Discard, CPU), 0, 0),
        (
            "discarded",
            |mut lease| {
                assert!(lease.vm().is_some());
                lease.finish(Reset::Discard, CPU);
            },
            1,
            1,
        ),
        ("to be taken later, and never taken", |mut lease| drop(lease.vm_later()), 0, 0),
        ("taken later", |mut lease| assert!(lease.vm_later().take(0).is_some()), 0, 1),
        (
            "taken too late",
            |mut lease| {
                let vm = lease.vm_later();
                lease.finish(Reset::Pristine, CPU);
                assert!(vm.take(0).is_none());
            },
            0,
            0,
        ),
        ("dropped untouched", drop, 0, 0),
        ("dropped after use", |mut lease| assert!(lease.vm().is_some()), 1, 1),
        ("taken and dropped", |mut lease| drop(lease.take_vm()), 0, 1),
        (
            "taken and put back",
            |mut lease| {
                let vm = lease.take_vm().expect("a VM");
                assert!(lease.vm().is_none());
                lease.put_vm(vm);
                lease.finish(Reset::Pristine, CPU);
            },
            0,
            0,
        ),
        (
            "taken and not put back",
            |mut lease| {
                let vm = lease.take_vm();
                lease.finish(Reset::Pristine, CPU);
                drop(vm);
            },
            0,
            1,
        ),
        (
            "returned early",
            |mut lease| {
                lease.return_vm(Reset::Pristine);
                lease.return_vm(Reset::Discard);
                assert!(lease.vm().is_none());
            },
            0,
            0,
        ),
        (
            "put back after it was returned",
            |mut lease| {
                let vm = lease.take_vm().expect("a VM");
                lease.return_vm(Reset::Discard);
                lease.put_vm(vm);
            },
            1,
            1,
        ),
    ];
    for (case, end, destroyed, lost) in cases {
        let (pool, factory) = pool(1, 1);
        *factory.pool.lock().expect("no test panics here") = Some(pool.clone());
        let lease = run(&pool, "acme").await.expect("a VM stands ready");
        assert_eq!((lease.vm_origin(), lease.queue().waited_for), (Some(VmOrigin::Warm), None), "{case}");
        end(lease);
        let metrics = pool.stats();
        assert_eq!((metrics.leases, metrics.in_use, metrics.ready, metrics.tenants), (0, 0, 1, 0), "{case}");
        let counts = (factory.destroyed.load(Relaxed), metrics.lost_total, factory.alive.load(Relaxed));
        assert_eq!(counts, (destroyed, lost, 1), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_woken_and_told_of_it() {
    let (pool, _) = pool(1, 1);
    let first = run(&pool, "a").await.expect("a VM");
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { run(&pool, "b").await }
    });
    tokio::time::sleep(Duration::from_millis(12)).await;
    assert_eq!(pool.stats().waiting, 1);
    first.finish(Reset::Pristine, CPU);
    let second = waiting.await.expect("no panic").expect("a VM");
    let queue = second.queue();
    assert_eq!((queue.waited_us, queue.waited_for, queue.position), (12_000, Some(WaitedFor::Vm), 0));
    assert_eq!(second.vm_origin(), Some(VmOrigin::Warm));
}

#[tokio::test(start_paused = true)]
async fn a_vm_made_for_a_request_is_cold() {
    let (pool, factory) = pool_with(PoolConfig { vms_initial: 0, ..PoolConfig::default() }, Answers::Later);
    let mut acquire = Box::pin(run(&pool, "a"));
    assert!(poll(&mut acquire).is_pending());
    factory.make_one();
    let lease = acquire.await.expect("a VM");
    assert_eq!(lease.vm_origin(), Some(VmOrigin::Cold));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_loses_nothing() {
    let (pool, factory) = pool(1, 1);
    let first = run(&pool, "a").await.expect("a VM");
    let mut before_grant = Box::pin(run(&pool, "b"));
    let mut after_grant = Box::pin(run(&pool, "c"));
    assert!(poll(&mut before_grant).is_pending() && poll(&mut after_grant).is_pending());
    drop(before_grant);
    assert_eq!(pool.stats().waiting, 1);
    first.finish(Reset::Pristine, CPU);
    assert_eq!((pool.stats().leases, pool.stats().in_use), (1, 1), "granted, not yet picked up");
    drop(after_grant);
    let metrics = pool.stats();
    assert_eq!((metrics.leases, metrics.ready, metrics.lost_total, metrics.waiting), (0, 1, 0, 0));
    assert_eq!(factory.alive.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn waits_end_by_their_own_timers() {
    let (pool, _) = pool(1, 1);
    let _running = run(&pool, "a").await.expect("a VM");
    let started = Instant::now();
    let rejected = run(&pool, "b").await.expect_err("nobody gives the VM back");
    assert!(matches!(rejected, Rejected::QueueTimeout { waited, .. } if waited >= Duration::from_secs(30)));
    assert_eq!(started.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_fails_is_reported_and_tried_again() {
    for (answers, error) in [
        (Answers::Failure, EngineError::Memory),
        (Answers::GivenUp, EngineError::Thread { message: "it was given up while a VM was being made".into() }),
    ] {
        let (pool, factory) = pool_with(PoolConfig::default(), answers);
        let rejected = run(&pool, "a").await.expect_err("there is no VM");
        let retry_after = Some(Duration::from_millis(200));
        assert_eq!(rejected, Rejected::NoVm { failures: 3, error, retry_after });
        factory.set(Answers::AtOnce);
        let lease = run(&pool, "a").await.expect("the next attempt succeeds");
        assert_eq!((lease.vm_origin(), pool.stats().failed_total), (Some(VmOrigin::Cold), 12));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_wakes_those_who_came_to_need_it_later() {
    let config = PoolConfig { vms_initial: 0, ..PoolConfig::default() };
    let (pool, factory) = pool_with(config, Answers::Later);
    let permit = pool.acquire(request("a", "a.js", Need::Permit)).await.expect("a permit");
    let started = Instant::now();
    let waiting = tokio::spawn({
        let pool = pool.clone();
        let second = Request { share: caps(1, 5), ..request("a", "a.js", Need::Vm) };
        async move { pool.acquire(second).await.map(|lease| lease.queue().waited_us) }
    });
    let mut failing = Box::pin(run(&pool, "b"));
    assert!(poll(&mut failing).is_pending());
    tokio::task::yield_now().await;
    factory.slots.lock().expect("no test panics here").remove(0).failed(EngineError::Memory);
    drop(failing);
    factory.set(Answers::AtOnce);
    permit.finish(Reset::Discard, CPU);
    waiting.await.expect("no panic").expect("a VM after the pause");
    assert!(started.elapsed() < Duration::from_millis(100), "it took {:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn drained_when_the_last_lease_is_back() {
    let (pool, factory) = pool(2, 2);
    let leases = [run(&pool, "a").await.expect("a VM"), run(&pool, "b").await.expect("a VM")];
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { run(&pool, "c").await.map(drop) }
    });
    tokio::task::yield_now().await;
    pool.drain();
    assert_eq!(run(&pool, "d").await.map(drop), Err(Rejected::Draining { in_use: 2 }));
    assert_eq!(pool.stats().waiting, 1, "whoever waited before still does");
    pool.turn_away();
    assert_eq!(waiting.await.expect("no panic"), Err(Rejected::Draining { in_use: 2 }));
    let mut drained = Box::pin(pool.drained());
    for lease in leases {
        assert!(poll(&mut drained).is_pending());
        lease.finish(Reset::Pristine, CPU);
    }
    drained.await;
    pool.drained().await;
    assert_eq!((factory.alive.load(Relaxed), pool.stats().ready), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn idle_vms_are_destroyed_by_ticks() {
    let (pool, factory) = pool(1, 3);
    let leases = [run(&pool, "a").await, run(&pool, "b").await, run(&pool, "c").await];
    assert!(leases.iter().all(Result::is_ok));
    drop(leases);
    assert_eq!(pool.stats().ready, 3);
    tokio::time::advance(Duration::from_secs(301)).await;
    pool.tick();
    assert_eq!((pool.stats().ready, factory.alive.load(Relaxed)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_destroys_what_stands_ready() {
    let (pool, factory) = pool(3, 3);
    let lease = run(&pool, "a").await.expect("a VM");
    drop(pool);
    assert_eq!(factory.destroyed.load(Relaxed), 0);
    lease.finish(Reset::Pristine, CPU);
    assert_eq!((factory.destroyed.load(Relaxed), factory.alive.load(Relaxed)), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_share_it() {
    let config = PoolConfig { vms_initial: 2, vms_max: 6, queue_max: 10_000, ..PoolConfig::default() };
    let (pool, factory) = pool_with(config, Answers::AtOnce);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..2_000_usize {
        let (pool, running, most) = (pool.clone(), Arc::clone(&running), Arc::clone(&most));
        tasks.spawn(async move {
            let tenant = format!("tenant {}", number % 17);
            let mut acquire = Box::pin(run(&pool, &tenant));
            if number % 5 == 0 {
                // Dropped in the queue, or with its grant on the way.
                let _ = poll(&mut acquire);
                return;
            }
            let mut lease = acquire.await.expect("a VM in time");
            most.fetch_max(running.fetch_add(1, Relaxed) + 1, Relaxed);
            assert!(lease.vm().is_some());
            tokio::task::yield_now().await;
            running.fetch_sub(1, Relaxed);
            lease.finish(if number % 3 == 0 { Reset::Discard } else { Reset::Pristine }, CPU);
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("no task panics");
    }
    let metrics = pool.stats();
    assert!(most.load(Relaxed) <= 6);
    assert_eq!((metrics.leases, metrics.waiting, metrics.in_use, metrics.tenants), (0, 0, 0, 0));
    assert_eq!(metrics.ready + metrics.being_made, factory.alive.load(Relaxed));
}
