//! `--otlp`, with a collector on the loopback interface.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use crate::folder::Folder;

/// What a collector was sent: the path, and the protobuf, in which names stand as they are.
struct Sent {
    path: String,
    body: Vec<u8>,
}

impl Sent {
    fn tells(&self, name: &str) -> bool {
        self.body.windows(name.len()).any(|window| window == name.as_bytes())
    }
}

/// A collector that says yes to everything, as long as somebody listens.
fn collector() -> (String, mpsc::Receiver<Sent>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            thread::spawn(move || serve(stream.expect("a connection"), &sender));
        }
    });
    (url, receiver)
}

fn serve(stream: TcpStream, sender: &mpsc::Sender<Sent>) {
    let mut answers = stream.try_clone().expect("a second handle");
    let mut requests = BufReader::new(stream);
    loop {
        let (mut path, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(rest) = line.strip_prefix("POST ") {
                path = rest.split(' ').next().expect("a path").to_owned();
            } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            } else if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        requests.read_exact(&mut body).expect("the whole body");
        // Nobody listens once the test is over.
        let _ = sender.send(Sent { path, body });
        if answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

#[test]
fn a_collector_gets_figures_and_spans() {
    let (url, sent) = collector();
    let folder = Folder::with("otlp", &[("a.js", "6 * 7"), ("b.js", "throw 1")]);
    let ended = folder.isolet(&["run", "a.js", "b.js", "--otlp", &url, "--format", "json"]);
    assert_eq!((ended.code, &*ended.stderr, ended.reports().len()), (Some(1), "", 2));
    // isolet has ended, and has been answered before.
    let sent: Vec<_> = sent.try_iter().collect();
    let tells = |path: &str, name: &str| sent.iter().any(|sent| sent.path == path && sent.tells(name));
    for name in
        ["isolet.execution.count", "runtime_error", "isolet.run.duration", "isolet.vm.total", "isolet.cache.lookups"]
    {
        assert!(tells("/v1/metrics", name), "{name}");
    }
    for name in ["execution", "queue", "compile", "run", "a.js", "b.js"] {
        assert!(tells("/v1/traces", name), "{name}");
    }
}

#[test]
fn without_a_collector_scripts_run_all_the_same() {
    let folder = Folder::with("otlp-nobody", &[("a.js", "6 * 7")]);
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it is bound");
    let ended = folder.isolet(&["run", "a.js", "--otlp", &format!("http://{address}")]);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "42\n"));
    assert!(ended.stderr.starts_with("warning: the collector was not told everything"), "{}", ended.stderr);
}

#[test]
fn an_address_that_is_none_is_wrong_usage() {
    let folder = Folder::with("otlp-wrong", &[("a.js", "6 * 7")]);
    let ended = folder.isolet(&["run", "a.js", "--otlp", "https://localhost:4318"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
    assert!(ended.stderr.contains("is no address of a collector"), "{}", ended.stderr);
}
