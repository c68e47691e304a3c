//! How runs end that have left their VMs.

use std::time::Duration;

use expect_test::{Expect, expect};
use isolet_core_traits::{KilledIn, LimitName, Report, Status};
use isolet_testkit::{ParkFault, Stage};
use tokio::task::JoinHandle;

use crate::parking::{Scene, WALL_TIME};
use crate::setup::{output, source, tenant, told, until};

const CALL: &str = "log info before; call slow.wait [7]; output reply";

/// Where a parked run is when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Parked,
    WaitingForItsVm,
}

impl Place {
    const BOTH: [Self; 2] = [Self::Parked, Self::WaitingForItsVm];

    /// Has a parked run come there.
    async fn reach(self, scene: &Scene) {
        if self == Self::WaitingForItsVm {
            scene.slow.release(1);
            until(|| scene.executor.metrics().pool.parked_returning == 1).await;
        }
    }
}

/// The report of a run that ends while the test does nothing but look: paused time does not go on by itself.
async fn report(run: JoinHandle<Report>) -> Report {
    until(|| run.is_finished()).await;
    run.await.expect("a report")
}

#[tokio::test]
async fn cancelled() {
    for place in Place::BOTH {
        let scene = Scene::small();
        let (parked, occupant, hold) = scene.one_parked(CALL).await;
        place.reach(&scene).await;
        parked.abort();
        until(|| scene.executor.metrics().executions.of(Status::Cancelled) == 1).await;
        assert_eq!(scene.executor.metrics().pool.parked, 0, "{place:?}: its VM is not waited for");
        hold.release();
        assert_eq!(output(&report(occupant).await), "null");
        scene.check_clean(1).await;
        assert_eq!(scene.engine.counts().aborts, 1);
        assert!(scene.journal.entries().iter().any(|entry| entry.starts_with("close slow")));
    }
}

#[tokio::test(start_paused = true)]
async fn too_late() {
    for place in Place::BOTH {
        let scene = Scene::small();
        let (parked, occupant, hold) = scene.one_parked(CALL).await;
        place.reach(&scene).await;
        scene.clock.advance(WALL_TIME);
        tokio::time::advance(WALL_TIME + Duration::from_secs(1)).await;
        let report_of_parked = report(parked).await;
        assert_eq!(scene.executor.metrics().pool.in_use, 1, "{place:?}: its VM serves another");
        let killed = report_of_parked.killed.expect("a limit ended it");
        assert_eq!(
            (killed.limit, killed.place, killed.used),
            (LimitName::WallMs, KilledIn::Host, 600_000),
            "{place:?}"
        );
        assert_eq!((report_of_parked.status, report_of_parked.logs.len()), (Status::Timeout, 1));
        hold.release();
        assert_eq!(report(occupant).await.status, Status::Timeout, "its time has passed, too");
        scene.check_clean(1).await;
    }
}

/// A VM that an occupant breaks is lost, and its parked runs with it.
async fn check_lost(occupant: &str, place: Place, expected: Expect) {
    let scene = Scene::small();
    scene.executor.check(&source(occupant), &tenant("acme")).await.expect("it compiles");
    let parked = scene.begin(CALL);
    until(|| scene.slow.waiting() == 1).await;
    let hold = scene.engine.hold(Stage::Start);
    let occupant = scene.begin(occupant);
    until(|| hold.waiting() == 1).await;
    place.reach(&scene).await;
    hold.release();
    let (parked, occupant) = (report(parked).await, report(occupant).await);
    let retryable = parked.error.as_ref().is_some_and(|error| error.retryable);
    expected.assert_eq(&format!("{}\n{}, retryable {retryable}", told(&occupant), told(&parked)));
    assert_eq!(parked.logs.len(), 1);
    let next = scene.execute("output 3").await;
    assert_eq!(output(&next), "3", "another VM was made");
    scene.check_clean(1).await;
    assert_eq!(scene.executor.metrics().pool.lost_total, 1);
}

#[tokio::test]
async fn their_vm_is_lost() {
    for place in Place::BOTH {
        check_lost(
            "fault",
            place,
            expect![[r#"
                engine_fault: EngineFault: the engine failed on this script, and its VM was discarded
                host_error: HostError: the host lost the execution, retryable true"#]],
        )
        .await;
        check_lost(
            "panic",
            place,
            expect![[r#"
                host_error: HostError: the host lost the execution
                host_error: HostError: the host lost the execution, retryable true"#]],
        )
        .await;
    }
}

#[tokio::test]
async fn an_engine_may_decline() {
    let scene = Scene::small();
    scene.engine.set_park_fault(Some(ParkFault::Declined));
    let first = scene.begin("call slow.wait [7]; call slow.wait [8]; output reply");
    until(|| scene.slow.waiting() == 1).await;
    let second = scene.begin("output 1");
    until(|| scene.executor.metrics().pool.waiting == 1).await;
    scene.slow.release(1);
    until(|| scene.engine.counts().resumes == 1 && scene.slow.waiting() == 1).await;
    assert_eq!(scene.engine.counts().starts, 1);
    scene.slow.release(1);
    assert_eq!(output(&first.await.expect("a report")), "8");
    assert_eq!(output(&second.await.expect("a report")), "1");
    scene.check_clean(0).await;
}

#[tokio::test]
async fn parking_may_go_wrong() {
    for (fault, parks, panics) in
        [(ParkFault::Discarded, 1, false), (ParkFault::Refused, 1, false), (ParkFault::Panics, 0, true)]
    {
        let scene = Scene::small();
        scene.engine.set_park_fault(Some(fault));
        let first = scene.begin(CALL);
        until(|| scene.slow.waiting() == 1).await;
        let second = scene.execute("output remembered").await;
        scene.slow.release(1);
        let first = first.await.expect("a report");
        assert_eq!(told(&first), "host_error: HostError: the host lost the execution", "{fault:?}");
        assert_eq!((output(&second), first.error.is_some_and(|error| error.retryable)), ("null", true), "{fault:?}");
        scene.engine.set_park_fault(None);
        assert_eq!(output(&scene.execute("output 1").await), "1", "{fault:?}");
        scene.executor.drain().await;
        let (pool, counts) = (scene.executor.metrics().pool, scene.engine.counts());
        assert_eq!((counts.parks, counts.unparks, counts.misuses), (parks, 0, 0), "{fault:?}");
        assert_eq!((pool.lost_total, pool.parked, pool.leases), (1, 0, 0), "{fault:?}, panics: {panics}");
    }
}
