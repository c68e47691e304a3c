//! Leases whose runs leave their VM and come back to it.

use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use isolet_core_traits::Reset;
use isolet_pool::{Lease, Need, Notice, Pool, PoolConfig, VmLost};

use crate::pool::{Answers, CPU, FakeVm, poll, pool, pool_with, run};
use crate::request;

/// Saves the run of a lease.
fn park(lease: &mut Lease<FakeVm>) {
    let vm = lease.take_vm().expect("it is on its VM");
    lease.put_vm(vm);
    lease.park(1_000);
}

fn notice(lease: &mut Lease<FakeVm>) -> Option<Notice> {
    match poll(&mut Box::pin(lease.notice())) {
        Poll::Ready(notice) => Some(notice),
        Poll::Pending => None,
    }
}

/// Whether it is on its VM again.
fn unpark(lease: &mut Lease<FakeVm>) -> Poll<Result<(), VmLost>> {
    poll(&mut Box::pin(lease.unpark()))
}

/// A lease whose run is on its VM.
async fn begun(pool: &Pool<FakeVm>) -> Lease<FakeVm> {
    let mut lease = run(pool, "a").await.expect("a VM");
    assert!(lease.vm().is_some());
    lease
}

/// A pool of one VM; a run that left it, and one that is on it.
async fn one_parked() -> (Pool<FakeVm>, Lease<FakeVm>, Lease<FakeVm>) {
    let (pool, _) = pool(1, 1);
    let mut first = begun(&pool).await;
    first.wait();
    assert_eq!(notice(&mut first), None);
    let mut second = Box::pin(run(&pool, "b"));
    assert!(poll(&mut second).is_pending());
    assert_eq!([notice(&mut first), notice(&mut first)], [Some(Notice::Park); 2], "it is told as often as it asks");
    park(&mut first);
    let mut second = second.await.expect("a VM");
    assert!(second.vm().is_some());
    (pool, first, second)
}

#[tokio::test(start_paused = true)]
async fn there_and_back() {
    let (pool, mut first, second) = one_parked().await;
    assert!(first.vm().is_none() && unpark(&mut first).is_pending() && unpark(&mut first).is_pending());
    assert_eq!((pool.stats().parked_returning, pool.stats().parked_bytes), (1, 1_000));
    second.finish(Reset::Pristine, CPU);
    assert_eq!(first.unpark().await, Ok(()));
    assert!(first.vm().is_some());
    assert_eq!(first.unpark().await, Ok(()), "it is there");
    first.finish(Reset::Pristine, CPU);
    let metrics = pool.stats();
    assert_eq!((metrics.ready, metrics.leases, metrics.parks_total, metrics.unparks_total), (1, 0, 1, 1));
    assert_eq!(metrics.lost_total, 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_to_park_does_not_outlive_its_wait() {
    let (pool, _) = pool(1, 1);
    let mut first = begun(&pool).await;
    first.wait();
    let mut second = Box::pin(run(&pool, "b"));
    assert!(poll(&mut second).is_pending());
    first.go_on();
    assert_eq!(notice(&mut first), None, "it was asked, and went on without noticing");
    drop(second);
    first.wait();
    first.wait();
    assert_eq!(notice(&mut first), None, "nobody needs its VM now");
    let mut third = Box::pin(run(&pool, "c"));
    assert!(poll(&mut third).is_pending());
    assert_eq!(notice(&mut first), Some(Notice::Park));
    first.finish(Reset::Pristine, CPU);
    third.await.expect("a VM").finish(Reset::Pristine, CPU);
    assert_eq!(pool.stats().parks_total, 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_may_end_wherever_its_run_is() {
    type End = fn(Lease<FakeVm>);
    let ends: [(&str, End); 5] = [
        ("dropped", drop),
        ("finished", |lease| lease.finish(Reset::Pristine, CPU)),
        ("finished with a discarded VM, which it does not have", |lease| lease.finish(Reset::Discard, CPU)),
        ("returned and finished", |mut lease| {
            lease.return_vm(Reset::Discard);
            lease.return_vm(Reset::Pristine);
            assert_eq!((unpark(&mut lease), notice(&mut lease)), (Poll::Ready(Ok(())), None));
            assert!(lease.take_vm().is_none());
            lease.finish(Reset::Discard, CPU);
        }),
        ("used out of turn", |mut lease| {
            lease.wait();
            lease.go_on();
            lease.park(5);
            assert!(lease.take_vm().is_none());
        }),
    ];
    for (case, end) in ends {
        for (state, back) in [("parked", false), ("in line", false), ("its VM on the way", true)] {
            let (pool, mut first, second) = one_parked().await;
            if state != "parked" {
                assert!(unpark(&mut first).is_pending());
            }
            if back {
                second.finish(Reset::Pristine, CPU);
                end(first);
            } else {
                end(first);
                second.finish(Reset::Pristine, CPU);
            }
            let metrics = pool.stats();
            assert_eq!(
                (metrics.ready, metrics.in_use, metrics.leases, metrics.lost_total),
                (1, 0, 0, 0),
                "{case} {state}"
            );
            assert_eq!((metrics.parked, metrics.parked_returning, metrics.parked_bytes), (0, 0, 0), "{case} {state}");
            assert!(run(&pool, "c").await.expect("the VM is there").vm().is_some(), "{case} {state}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_vm_that_came_back_untouched_is_pristine() {
    let (pool, mut first, second) = one_parked().await;
    second.finish(Reset::Pristine, CPU);
    assert_eq!(first.unpark().await, Ok(()));
    drop(first);
    assert_eq!((pool.stats().ready, pool.stats().lost_total), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_vm_is_told() {
    for in_line in [false, true] {
        let (pool, mut first, second) = one_parked().await;
        assert!(!in_line || unpark(&mut first).is_pending());
        second.finish(Reset::Discard, CPU);
        assert_eq!(notice(&mut first), Some(Notice::VmLost));
        assert_eq!([unpark(&mut first), unpark(&mut first)], [Poll::Ready(Err(VmLost)); 2]);
        assert_eq!((pool.stats().leases, pool.stats().ready), (1, 1), "another VM was made");
        drop(first);
        assert_eq!((pool.stats().leases, pool.stats().ready, pool.stats().lost_total), (0, 1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_without_vm_has_nothing_to_park() {
    let (pool, _) = pool(1, 1);
    let mut lease = pool.acquire(request("a", "a.js", Need::Permit)).await.expect("a permit");
    lease.wait();
    lease.park(7);
    assert_eq!((notice(&mut lease), lease.unpark().await), (None, Ok(())));
    drop(lease);
    assert_eq!((pool.stats().parks_total, pool.stats().leases), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_take_turns() {
    let config = PoolConfig { vms_initial: 2, vms_max: 3, queue_max: 10_000, ..PoolConfig::default() };
    let (pool, factory) = pool_with(config, Answers::AtOnce);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..2_000_usize {
        let pool = pool.clone();
        tasks.spawn(async move {
            let mut lease = run(&pool, &format!("tenant {}", number % 400)).await.expect("a VM in time");
            for _ in 0..number % 4 {
                let vm = lease.take_vm().expect("it is on its VM");
                tokio::task::yield_now().await;
                lease.put_vm(vm);
                lease.wait();
                let asked = tokio::select! {
                    biased;
                    notice = lease.notice() => notice == Notice::Park,
                    () = tokio::task::yield_now() => false,
                };
                if !asked {
                    lease.go_on();
                    continue;
                }
                lease.park(10);
                tokio::task::yield_now().await;
                if number % 7 == 0 {
                    // Dropped while it is parked, in line, or with its VM on the way.
                    let _ = unpark(&mut lease);
                    return;
                }
                if lease.unpark().await.is_err() {
                    return;
                }
            }
            lease.finish(if number % 31 == 0 { Reset::Discard } else { Reset::Pristine }, CPU);
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("no task panics");
    }
    let metrics = pool.stats();
    assert_eq!((metrics.leases, metrics.waiting, metrics.in_use, metrics.tenants), (0, 0, 0, 0));
    assert_eq!((metrics.parked, metrics.parked_returning, metrics.parked_bytes), (0, 0, 0));
    assert!(metrics.parks_total > 0 && metrics.parks_total >= metrics.unparks_total);
    assert_eq!(metrics.ready + metrics.being_made, factory.alive.load(Relaxed));
}
