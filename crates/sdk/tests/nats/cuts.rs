//! Connections that break at any byte.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::future::join_all;
use isolet_sdk::events::EventSink;
use isolet_testkit::{NatsOptions, NatsServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{Ear, bounded, event, nats, publish, start};

/// A way to a server whose connections break after so many bytes of the client's, each after more; gives its URL.
async fn breaking(server: &NatsServer, broken: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("nats://{}", listener.local_addr().expect("it listens"));
    let port = server.port();
    tokio::spawn(async move {
        // `CONNECT` and what else comes first has some hundred bytes; a message has some two hundred.
        for last in (400..).step_by(71) {
            let (client, _) = listener.accept().await.expect("a client");
            let server = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
            let ((from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let back = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
            let _ = copy(&mut from_client.take(last), &mut to_server).await;
            // What the client has sent after that is lost, and so is what the server has not said yet.
            let _ = to_server.flush().await;
            back.abort();
            broken.fetch_add(1, Relaxed);
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_as_taken_has_arrived() {
    let server = start(&NatsOptions::default());
    let mut ear = Ear::new(&server, "isolet.>").await;
    let broken = Arc::new(AtomicUsize::new(0));
    let nats_over = nats(&breaking(&server, broken.clone()).await);
    let (mut taken, mut failed, mut number) = (BTreeSet::new(), 0, 0_u32);
    while broken.load(Relaxed) < 100 {
        let numbers = number..number + 8;
        number = numbers.end;
        let all =
            numbers.map(async |number| (number, nats_over.publish(event("acme", "orders", &number.to_string())).await));
        for (number, told) in bounded(join_all(all)).await {
            match told {
                Ok(()) => drop(taken.insert(number)),
                Err(error) => failed += u32::from(error.retryable),
            }
        }
    }
    assert_eq!(publish(&nats(&server.url()), "acme", r#""last""#).await, "taken");
    let mut heard = BTreeSet::new();
    loop {
        let body = ear.next().await.body;
        match body.parse::<u32>() {
            Ok(number) => assert!(heard.insert(number), "{number} came twice"),
            Err(_) => break,
        }
    }
    let lost: Vec<_> = taken.difference(&heard).collect();
    assert!(lost.is_empty(), "{lost:?} were told as taken");
    assert_eq!(taken.len() + usize::try_from(failed).expect("few"), usize::try_from(number).expect("few"));
    assert!(taken.len() > 100 && failed > 10, "{} taken, {failed} failed", taken.len());
}
