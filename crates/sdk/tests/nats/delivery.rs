use std::collections::BTreeSet;

use futures_util::future::join_all;
use isolet_executor::Traceparent;
use isolet_testkit::NatsOptions;

use crate::setup::{Ear, World, bounded, caught, event, execution, nats, permissions, publish, start, told};
use isolet_sdk::events::EventSink;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_has_what_was_published() {
    let server = start(&NatsOptions::default());
    let mut ear = Ear::new(&server, "shop.>").await;
    let world = World::new(nats(&server.url()).prefix("shop.eu").expect("a prefix"));
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let body = "await events.publish('orders.created', { id: 7, name: 'é\\n' }); await events.publish('orders')";
    let traced = execution("acme", body).traceparent(traceparent.parse::<Traceparent>().expect("valid"));
    let report = world.execute(traced).await;
    assert_eq!(told(&report), "undefined");
    let heard = ear.next().await;
    assert_eq!((&*heard.subject, &*heard.body), ("shop.eu.acme.orders.created", r#"{"id":7,"name":"é\n"}"#));
    let header = |name: &str| heard.headers.get(name).map(String::as_str);
    assert_eq!(header("isolet-tenant"), Some("acme"));
    assert_eq!(header("isolet-script"), Some(report.context.script.as_str()));
    assert_eq!(header("isolet-execution"), Some(report.id.as_str()));
    assert!(header("traceparent").is_some_and(|sent_on| sent_on[..35] == traceparent[..35]), "{heard:?}");
    let heard = ear.next().await;
    assert_eq!((&*heard.subject, &*heard.body), ("shop.eu.acme.orders", "null"));
    assert_eq!(world.told("acme", "await events.publish('orders', 1)").await, "undefined");
    assert_eq!(ear.next().await.headers.get("traceparent"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_arrive_once_each() {
    let server = start(&NatsOptions::default());
    let mut ear = Ear::new(&server, "isolet.>").await;
    let nats = nats(&server.url());
    let all = (0..1_000).map(|number: u32| nats.publish(event("acme", "orders", &number.to_string())));
    for taken in bounded(join_all(all)).await {
        taken.expect("it is taken");
    }
    assert_eq!(publish(&nats, "acme", r#""last""#).await, "taken");
    let mut heard = BTreeSet::new();
    for _ in 0..1_000 {
        let body = ear.next().await.body;
        assert!(heard.insert(body.parse::<u32>().expect("a number")), "{body} came twice");
    }
    assert_eq!((heard.len(), heard.last()), (1_000, Some(&999)));
    assert_eq!(ear.next().await.body, r#""last""#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_where_it_may_not() {
    let server = start(&NatsOptions::default());
    let mut ear = Ear::new(&server, "isolet.>").await;
    let world = World::new(nats(&server.url()));
    let denied = world.told("acme", "await events.publish('users.removed', 1)").await;
    assert!(denied.starts_with("sandbox_violation: PermissionError: this script may not publish to"), "{denied}");
    let narrow = execution("acme", &caught("'orders.created', 1")).permissions(permissions(r#"{"events": ["users"]}"#));
    assert!(told(&world.execute(narrow).await).contains("ERR_PERMISSION"));
    for topic in ["orders.*", "orders.>", "orders.a b", ">", "orders..a", "orders.a\\r\\nPUB x 0"] {
        let told = world.told("acme", &caught(&format!("'{topic}', 1"))).await;
        assert!(told.contains("the topic must be a name"), "{topic}: {told}");
    }
    assert_eq!(world.told("acme", &caught("'users.created', 'last'")).await, r#""taken""#);
    assert_eq!(ear.next().await.body, r#""last""#);
}

#[tokio::test]
async fn readiness_is_told() {
    let server = start(&NatsOptions::default());
    bounded(nats(&server.url()).ready()).await.expect("it is");
    server.stop();
    let away = nats(&server.url()).timeout(std::time::Duration::from_secs(1));
    let told = bounded(away.ready()).await.expect_err("it is not").to_string();
    let expected = "the NATS server is not ready: there was no connection to the NATS server within 1000 ms: ";
    assert!(told.starts_with(expected), "{told}");
    server.start_again();
    bounded(nats(&server.url()).stream().ready()).await.expect("it is again");
}
