use isolet_testkit::{NatsOptions, NatsServer};
use serde_json::json;

use std::time::Duration;

use crate::setup::{Ear, RETRYABLE, World, caught, nats, publish, start, subscribed};

async fn with_stream(config: serde_json::Value) -> (NatsServer, Ear) {
    let server = start(&NatsOptions::default().jetstream());
    let ear = Ear::new(&server, "none").await;
    let made = ear.ask("$JS.API.STREAM.CREATE.EVENTS", &config).await;
    assert_eq!(made["config"]["name"], "EVENTS", "{made}");
    (server, ear)
}

async fn stored(ear: &Ear) -> serde_json::Value {
    ear.ask("$JS.API.STREAM.INFO.EVENTS", &json!({})).await["state"]["messages"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_has_stored_what_is_taken() {
    let (server, ear) = with_stream(json!({"name": "EVENTS", "subjects": ["isolet.>"]})).await;
    let world = World::new(nats(&server.url()).stream());
    let body = "for (let n = 0; n < 100; n++) await events.publish('orders', n)";
    for (runs, tenant) in [(1, "acme"), (2, "a.b")] {
        assert_eq!(world.told(tenant, body).await, "undefined");
        assert_eq!(stored(&ear).await, runs * 100);
    }
    let last = ear.ask("$JS.API.STREAM.MSG.GET.EVENTS", &json!({"seq": 200})).await;
    assert_eq!(last["message"]["subject"], "isolet.a%2Eb.orders");
    server.stop();
    server.start_again();
    assert_eq!(stored(&Ear::new(&server, "none").await).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_no_stream_takes_is_not_taken() {
    let (server, ear) = with_stream(json!({"name": "EVENTS", "subjects": ["isolet.acme.>"]})).await;
    let nats = nats(&server.url()).stream();
    let none = "retryable: no stream takes the subject isolet.other.orders: make one for it, or do without streams";
    assert_eq!(publish(&nats, "other", "1").await, none);
    assert_eq!(publish(&nats, "acme", "1").await, "taken");
    assert_eq!(World::new(nats).told("other", &caught("'orders', 1")).await, RETRYABLE);
    assert_eq!(stored(&ear).await, 1);
    // Where somebody has subscribed, the server does not say that no stream has.
    let _ear = Ear::new(&server, "isolet.>").await;
    let told = publish(&crate::setup::nats(&server.url()).stream().timeout(Duration::from_secs(1)), "other", "1").await;
    let late = "retryable: no stream, of which one must take the subject, has confirmed the event within 1000 ms";
    assert_eq!(told, late);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_may_refuse() {
    let bounds =
        json!({"name": "EVENTS", "subjects": ["isolet.>"], "max_msgs": 1, "discard": "new", "max_msg_size": 1000});
    let (server, ear) = with_stream(bounds).await;
    let nats = nats(&server.url()).stream();
    let large = publish(&nats, "acme", &format!("{:?}", "x".repeat(2_000))).await;
    assert!(large.starts_with("permanent: the stream of the subject isolet.acme.orders does not store"), "{large}");
    assert_eq!(publish(&nats, "acme", "1").await, "taken");
    let full = publish(&nats, "acme", "2").await;
    assert!(full.starts_with("retryable: the stream of the subject isolet.acme.orders does not store"), "{full}");
    assert_eq!(stored(&ear).await, 1);
}

/// A service that answers is no stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_answers_are_not_believed() {
    use futures_util::StreamExt;
    let server = start(&NatsOptions::default());
    let ear = Ear::new(&server, "none").await;
    let mut asked = ear.client.subscribe("isolet.>").await.expect("it subscribes");
    subscribed(&ear.client).await;
    let client = ear.client.clone();
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let reply = message.reply.expect("an inbox");
            // The test may be over.
            let _ = client.publish(reply, r#"{"ok": true}"#.into()).await;
        }
    });
    let told = publish(&nats(&server.url()).stream(), "acme", "1").await;
    assert_eq!(told, "permanent: what answers to the subject isolet.acme.orders is no stream");
}
