//! Events that scripts publish.

use async_trait::async_trait;
use isolet::events::{Broadcast, Event, EventSink, Events, Missed, SinkError};
use isolet::{Execution, Isolet, Permissions, Traceparent};

use crate::setup::{builder, execution, output, source, tenant, told};

fn isolet(sink: impl EventSink, permissions: &str) -> Isolet {
    let permissions: Permissions = serde_json::from_str(permissions).expect("permissions");
    builder().host(Events::new(sink)).permissions(permissions).build().expect("it builds")
}

#[tokio::test]
async fn events_reach_who_has_subscribed() {
    let broadcast = Broadcast::new(10);
    let mut subscribers = [broadcast.subscribe(), broadcast.subscribe()];
    let isolet = isolet(broadcast, r#"{"events": ["orders"]}"#);
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let script = "await events.publish('orders.created', {id: 7, $bigint: 'a', none: undefined}); await events.publish('orders')";
    let execution = Execution::new(source(script), tenant("acme"));
    let report = isolet.execute(execution.traceparent(traceparent.parse::<Traceparent>().expect("valid"))).await;
    assert_eq!(output(&report), "null");
    for subscriber in &mut subscribers {
        let Some(Ok(first)) = subscriber.next().await else { panic!("an event") };
        let Event { tenant, script, execution, topic, payload, traceparent: sent_on } = &*first;
        assert_eq!((tenant.as_str(), script.as_str(), execution), ("acme", "test.js", &report.id));
        assert_eq!((topic.as_str(), payload.as_str()), ("orders.created", r#"{"$bigint":"a","id":7}"#));
        assert!(sent_on.as_deref().is_some_and(|sent_on| sent_on[..35] == traceparent[..35]), "{sent_on:?}");
        let Some(Ok(second)) = subscriber.next().await else { panic!("an event") };
        assert_eq!((second.topic.as_str(), second.payload.as_str()), ("orders", "null"));
    }
    drop(isolet);
    assert_eq!(subscribers[0].next().await, None);
}

#[tokio::test]
async fn what_cannot_be_published_is_told() {
    let isolet = isolet(Broadcast::new(1), r#"{"events": ["orders", "users.created"]}"#);
    for (script, expected) in [
        (
            "await events.publish('users', 1)",
            r#"sandbox_violation: PermissionError: this script may not publish to "users": to permit it, add "users" to its permissions' "events" at 1:14"#,
        ),
        ("await events.publish('orders', 1n)", "runtime_error: TypeError: events.publish: a payload is JSON, without"),
        (
            "await events.publish('orders', new Uint8Array(1))",
            "runtime_error: TypeError: events.publish: a payload is JSON",
        ),
        ("await events.publish('or ders')", "runtime_error: TypeError: events.publish: the topic must be a name"),
        ("await events.publish('orders.')", "runtime_error: TypeError: events.publish: the topic must be a name"),
        ("await events.publish()", "runtime_error: TypeError: events.publish: the topic must be a name"),
        ("await events.publish({})", "runtime_error: TypeError: events.publish: the topic must be a name"),
        (
            "await events.publish('orders', 'x'.repeat(65535))",
            "runtime_error: TypeError: events.publish: the payload has 65537 bytes of JSON, at most 65536 are allowed",
        ),
    ] {
        let told = told(&isolet.execute(execution(script)).await);
        assert!(told.starts_with(expected), "{script}: {told}");
    }
    let fits = isolet.execute(execution("await events.publish('orders', 'x'.repeat(65534))")).await;
    assert_eq!(output(&fits), "null");
}

#[tokio::test]
async fn examples_give_what_they_say() {
    let page = include_str!("../../../../docs/events.md");
    let isolet = isolet(Broadcast::new(1), r#"{"events": ["orders"]}"#);
    let examples: Vec<_> = page.split("```js\n").skip(1).filter_map(|rest| rest.split_once("\n```")).collect();
    assert!(examples.len() >= 2, "{} examples", examples.len());
    for (script, _) in examples {
        let (_, expected) = script.rsplit_once("// ").expect("a comment in its last line");
        assert_eq!(output(&isolet.execute(execution(script)).await), expected, "{script}");
    }
}

#[tokio::test]
async fn slow_subscribers_miss_the_oldest() {
    let broadcast = Broadcast::new(4);
    let mut slow = broadcast.subscribe();
    let isolet = isolet(broadcast.clone(), r#"{"events": ["*"]}"#);
    let script = "for (let n = 0; n < 10; n++) await events.publish('count', n)";
    output(&isolet.execute(execution(script)).await);
    assert_eq!(slow.next().await, Some(Err(Missed(6))));
    let Some(Ok(event)) = slow.next().await else { panic!("the oldest that is left") };
    assert_eq!((event.payload.as_str(), broadcast.missed()), ("6", 6));
}

#[tokio::test]
async fn a_sink_may_fail() {
    struct Fails(SinkError);
    #[async_trait]
    impl EventSink for Fails {
        async fn publish(&self, _: Event) -> Result<(), SinkError> {
            Err(self.0.clone())
        }
    }
    let full = "the disk of db7.internal is full";
    for (error, expected) in [
        (SinkError::retryable(full), r#"["EventError","ERR_EVENT","the event was not taken",true]"#),
        (SinkError::permanent(full), r#"["EventError","ERR_EVENT","the event was not taken",false]"#),
        (
            SinkError::permanent(full).told("it is too large"),
            r#"["EventError","ERR_EVENT","the event was not taken: it is too large",false]"#,
        ),
    ] {
        let isolet = isolet(Fails(error), r#"{"events": ["*"]}"#);
        let caught = "try { await events.publish('a') } catch (e) { [e.name, e.code, e.message, e.retryable] }";
        assert_eq!(output(&isolet.execute(execution(caught)).await), expected);
    }
}
