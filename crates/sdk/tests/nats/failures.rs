use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{join, join_all};
use isolet_sdk::events::{EventSink, Nats};
use isolet_testkit::NatsOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::setup::{Ear, RETRYABLE, World, bounded, caught, event, nats, publish, start};

const SHORT: Duration = Duration::from_secs(1);

/// Begins a step, and tells whether it has not come to its end.
async fn waits(mut step: Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(step.as_mut().poll(context).is_pending())).await
}

/// Publishes until it succeeds, as a script would.
async fn succeeds(nats: &Nats) {
    bounded(async {
        while nats.publish(event("acme", "orders", "\"back\"")).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_may_be_too_large_for_the_server() {
    let server = start(&NatsOptions::default().max_payload(1_024));
    let nats = Arc::new(nats(&server.url()));
    let world = World::new(nats.clone());
    let told = world.told("acme", &caught("'orders', 'x'.repeat(2000)")).await;
    let expected = "\"EventError,ERR_EVENT,false,the event was not taken: \
                    its payload has 2002 bytes, and with headers no more than 1024 are taken\"";
    assert_eq!(told, expected);
    // It would fit without its headers.
    let told = publish(&nats, "acme", &format!("{:?}", "x".repeat(1_022))).await;
    assert!(told.starts_with("permanent: the event is larger than the server's max_payload"), "{told}");
    assert_eq!(world.told("acme", &caught("'orders', 'x'.repeat(100)")).await, r#""taken""#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_go_and_come_back() {
    let server = start(&NatsOptions::default());
    let nats = Arc::new(nats(&server.url()).timeout(SHORT));
    let world = World::new(nats.clone());
    succeeds(&nats).await;
    for _ in 0..3 {
        server.stop();
        assert_eq!(world.told("acme", &caught("'orders', 1")).await, RETRYABLE);
        server.start_again();
        succeeds(&nats).await;
    }
    let mut ear = Ear::new(&server, "isolet.>").await;
    succeeds(&nats).await;
    assert_eq!(ear.next().await.body, r#""back""#);
}

/// The timeout is longer than the test waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_on_their_way_fail_with_their_connection() {
    let server = start(&NatsOptions::default());
    let nats = nats(&server.url()).timeout(Duration::from_secs(3_600));
    bounded(nats.ready()).await.expect("it is");
    server.pause();
    let mut published = pin!(nats.publish(event("acme", "orders", "1")));
    assert!(waits(published.as_mut()).await);
    server.stop();
    let error = bounded(published).await.expect_err("nobody knows");
    assert!(error.retryable && error.message.contains("was lost before it had confirmed"), "{}", error.message);
    server.start_again();
    assert_eq!(publish(&nats, "acme", "1").await, "taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_be_there_later_than_its_clients() {
    let server = start(&NatsOptions::default());
    server.stop();
    let nats = nats(&server.url());
    let first = publish(&nats, "acme", "1");
    let (told, ()) = join(first, async { server.start_again() }).await;
    assert_eq!(told, "taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_say_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("nats://{}", listener.local_addr().expect("it listens"));
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.push(connection);
        }
    });
    let world = World::new(nats(&url).timeout(SHORT));
    assert_eq!(world.told("acme", &caught("'orders', 1")).await, RETRYABLE);
    // No more than so many wait: who comes then is told at once, whatever the others wait for.
    let nats = nats(&url).timeout(Duration::from_secs(3_600)).in_flight_max(4);
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(nats.publish(event("acme", "orders", "1")))).collect();
    for published in &mut waiting {
        assert!(waits(published.as_mut()).await);
    }
    assert_eq!(publish(&nats, "acme", "1").await, "retryable: 4 events are on their way, which is the most");
    waiting.pop();
    assert!(waits(pin!(nats.publish(event("acme", "orders", "1")))).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_stand_still() {
    let server = start(&NatsOptions::default());
    let nats = nats(&server.url()).timeout(SHORT);
    succeeds(&nats).await;
    server.pause();
    let payload = format!("{:?}", "x".repeat(60_000));
    // 60 MB: far more than the system and the client hold for it.
    let all = (0..1_000).map(|_| nats.publish(event("acme", "orders", &payload)));
    for told in bounded(join_all(all)).await {
        let error = told.expect_err("nobody takes it");
        assert!(error.retryable, "{error:?}");
    }
    server.resume();
    succeeds(&nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_may_end_while_it_publishes() {
    let server = start(&NatsOptions::default());
    let nats = Arc::new(nats(&server.url()).in_flight_max(1));
    bounded(nats.ready()).await.expect("it is");
    let world = World::new(nats.clone());
    server.pause();
    let told = world.kill("acme", "await events.publish('orders', 1)", Duration::from_millis(300)).await;
    assert!(told.starts_with("timeout: "), "{told}");
    server.resume();
    assert_eq!(world.told("acme", &caught("'orders', 2")).await, r#""taken""#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_sink_that_was_dropped() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("nats://{}", listener.local_addr().expect("it listens"));
    // One is in the middle of its greeting, the other has had it and knows of a message that nobody confirms.
    for greeting in ["", "INFO {\"max_payload\":1000}\r\nPONG\r\n"] {
        let nats = nats(&url);
        let mut published = Box::pin(nats.publish(event("acme", "orders", "1")));
        let (mut connection, _) = bounded(async {
            tokio::select! {
                accepted = listener.accept() => accepted.expect("a client"),
                _ = &mut published => panic!("nobody has confirmed it"),
            }
        })
        .await;
        connection.write_all(greeting.as_bytes()).await.expect("it reads");
        drop(published);
        drop(nats);
        let mut said = Vec::new();
        // It ends, or is reset: what we have said may not have been read.
        let _ = bounded(connection.read_to_end(&mut said)).await;
    }
}
