//! The NATS server of tests is a real one, and goes when its time is over.

#[path = "../common/mod.rs"]
mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use isolet_testkit::{NatsOptions, NatsServer};

fn start(options: &NatsOptions) -> NatsServer {
    NatsServer::start(options).expect("nats-server is installed (`cargo xtask setup` brings it) and starts")
}

/// What the server says first, and what it answers to a `CONNECT` with these credentials: nothing to one in plain text if
/// it is to be secure.
fn greeting(server: &NatsServer, credentials: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
    let info = lines.next().expect("a line").expect("text");
    write!(stream, "CONNECT {{\"verbose\":false{credentials}}}\r\nPING\r\n").expect("it reads");
    (info, lines.next().and_then(Result::ok).unwrap_or_default())
}

#[test]
fn servers_are_as_they_are_told() {
    let server = start(&NatsOptions::default().user("ann", "secret").jetstream().max_payload(1000));
    let (info, refused) = greeting(&server, r#","user":"ann","pass":"wrong""#);
    assert!(info.contains(r#""max_payload":1000"#) && info.contains(r#""jetstream":true"#), "{info}");
    assert!(refused.contains("Authorization Violation"), "{refused}");
    let (_, taken) = greeting(&server, r#","user":"ann","pass":"secret""#);
    assert!(taken.contains("PONG"), "{taken}");
    let (info, _) = greeting(&start(&NatsOptions::default().tls()), "");
    assert!(info.contains(r#""tls_required":true"#), "{info}");
}

#[test]
fn servers_stop_and_start_again_on_their_port() {
    let server = start(&NatsOptions::default());
    let address = ("127.0.0.1", server.port());
    for _ in 0..2 {
        server.stop();
        assert!(TcpStream::connect(address).is_err());
        server.start_again();
        assert!(greeting(&server, "").1.contains("PONG"));
    }
    server.pause();
    TcpStream::connect(address).expect("the system takes the connection");
    server.resume();
    assert!(greeting(&server, "").1.contains("PONG"));
}

#[test]
fn nothing_is_left_of_a_server_that_was_dropped() {
    let server = start(&NatsOptions::default().jetstream());
    server.pause();
    let (port, directory) = (server.port(), server.directory().to_owned());
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err() && !directory.exists());
}

#[test]
fn nothing_is_left_when_the_process_is_killed() {
    common::nothing_is_left_when_killed("nothing_is_left_when_the_process_is_killed", || {
        let server = start(&NatsOptions::default());
        let (address, directory) = (format!("127.0.0.1:{}", server.port()), server.directory().display().to_string());
        (server, address, directory)
    });
}
