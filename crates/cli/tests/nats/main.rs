//! `isolet run --nats`: events at a real server.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use isolet_testkit::{NatsOptions, NatsServer};

#[test]
fn events_are_at_the_server() {
    let server = NatsServer::start(&NatsOptions::default()).expect("nats-server is installed and starts");
    let mut ear = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    ear.set_read_timeout(Some(Duration::from_secs(120))).expect("it can be set");
    let mut lines = BufReader::new(ear.try_clone().expect("a handle")).lines().map(|line| line.expect("a line"));
    ear.write_all(b"CONNECT {\"verbose\":false}\r\nSUB isolet.> 1\r\nPING\r\n").expect("it reads");
    assert!(lines.any(|line| line == "PONG"));
    let script = std::env::temp_dir().join(format!("isolet-test-nats-{}.js", std::process::id()));
    // The first of repeated runs is one of another process, as it were: with a connection of its own.
    std::fs::write(&script, "await events.publish('orders.paid', { id: 7 }); 'done'").expect("it is written");
    let mut isolet = Command::new(env!("CARGO_BIN_EXE_isolet"));
    isolet.arg("run").arg(&script).args(["--tenant", "a.b", "--repeat", "3", "--allow-events", "orders"]);
    let ended = isolet.args(["--nats", &server.url()]).output().expect("isolet can be started");
    std::fs::remove_file(&script).expect("it is there");
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "\"done\"\n", "{}", String::from_utf8_lossy(&ended.stderr));
    for _ in 0..3 {
        let head = lines.find(|line| line.starts_with("MSG ")).expect("a message");
        assert_eq!(head, "MSG isolet.a%2Eb.orders.paid 1 8");
        assert_eq!(lines.next().as_deref(), Some(r#"{"id":7}"#));
    }
}
