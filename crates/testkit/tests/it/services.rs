//! The host services.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use isolet_core_traits::{
    CloseReason, ExecutionId, Grants, HostFailureKind, HostInterface, HostService, HostSession, Payload, RunInfo,
    ScriptId, TenantId,
};
use isolet_testkit::services::{Blocking, Counting, Echo, Failing, Journal, Journaled, Panicking, PanicsIn, Slow};

fn run_info(execution: &str) -> RunInfo {
    RunInfo {
        execution: ExecutionId::new(execution).expect("a valid id"),
        tenant: TenantId::new("acme").expect("a valid id"),
        user: None,
        organization: None,
        script: ScriptId::new("a.js").expect("a valid id"),
        traceparent: None,
        grants: Grants::default(),
    }
}

fn arguments(json: &str) -> Payload {
    Payload { json: json.into(), buffers: vec![vec![1], vec![2]] }
}

async fn session(service: &impl HostService) -> Box<dyn HostSession> {
    service.open(&run_info("run-1")).await.expect("a session")
}

#[tokio::test]
async fn echo_gives_back_what_it_gets() {
    let session = session(&Echo).await;
    for (operation, json) in [(0, "{\"a\":1}"), (1, "[{\"a\":1},2]"), (2, "[{\"$buffer\":0},{\"$buffer\":1}]")] {
        let reply = session.call(operation, arguments("[{\"a\":1},2]")).await.expect("a reply");
        assert_eq!(reply, arguments(json));
    }
    let failure = session.call(0, arguments("{}")).await.expect_err("no array");
    assert_eq!(failure.kind, HostFailureKind::BadArguments);
}

#[tokio::test]
async fn failing_fails_in_each_way() {
    let session = session(&Failing).await;
    let mut kinds = Vec::new();
    for operation in 0..4 {
        kinds.push(session.call(operation, arguments("[]")).await.expect_err("a failure").kind);
    }
    let expected =
        [HostFailureKind::Failed, HostFailureKind::BadArguments, HostFailureKind::RateLimited, HostFailureKind::Denied];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn counting_counts_over_all_runs() {
    let service = Counting::default();
    for count in ["1", "2"] {
        assert_eq!(session(&service).await.call(0, arguments("[]")).await.expect("a reply").json, count);
    }
    assert_eq!(service.calls(), 2);
}

#[tokio::test]
async fn slow_waits_until_it_is_released() {
    let (service, journal) = (Slow::default(), Journal::default());
    let session: Arc<dyn HostSession> = session(&Journaled::new(service.clone(), &journal)).await.into();
    let call = |json: &'static str| {
        let session = session.clone();
        tokio::spawn(async move { session.call(0, arguments(json)).await.map(|reply| reply.json) })
    };
    let (one, two) = (call("[1]"), call("[2]"));
    service.wait_until_waiting(2).await;
    two.abort();
    service.wait_until_waiting(1).await;
    service.release(1);
    assert_eq!(one.await.expect("not cancelled"), Ok("1".into()));
    assert!(two.await.is_err_and(|error| error.is_cancelled()));
    session.close(CloseReason::Failed).await;
    assert_eq!(service.waiting(), 0);
    let entries = journal.entries();
    let expected = ["open slow run-1", "call slow.wait run-1", "call slow.wait run-1", "drop slow.wait run-1"];
    assert_eq!(entries[..4], expected);
    assert_eq!(entries[4..], ["answer slow.wait run-1", "close slow run-1 Failed"]);
}

#[tokio::test]
async fn panicking_panics_where_it_is_told_to() {
    for place in [PanicsIn::Open, PanicsIn::Call, PanicsIn::Close] {
        let work = async move {
            let session = Panicking(place).open(&run_info("run-1")).await.expect("a session");
            session.call(0, arguments("[]")).await.expect("a reply");
            session.close(CloseReason::Completed).await;
        };
        let panic = tokio::spawn(AssertUnwindSafe(work).0).await.expect_err("a panic").into_panic();
        assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some(Panicking::SECRET));
    }
}

#[tokio::test]
async fn blocking_blocks_while_it_is_held() {
    let service = Blocking::default();
    let hold = service.hold();
    let session = session(&service).await;
    let call = tokio::task::spawn_blocking(move || session.call_blocking(0, arguments("[5]")));
    hold.wait_for(1);
    assert!(!call.is_finished());
    hold.release();
    assert_eq!(call.await.expect("no panic").expect("a reply").json, "5");
    assert!(service.namespace().operations[0].blocking);
}

#[test]
fn all_of_them_fit_into_one_interface() {
    let namespaces = vec![
        Echo.namespace(),
        Failing.namespace(),
        Counting::default().namespace(),
        Slow::default().namespace(),
        Panicking(PanicsIn::Call).namespace(),
        Blocking::default().namespace(),
    ];
    assert!(HostInterface::new(namespaces).is_ok());
}
