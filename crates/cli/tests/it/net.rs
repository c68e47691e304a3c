//! What `--allow-net` lets scripts reach.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::folder::Folder;

/// Answers every request with the same, for as long as the process lasts; gives its port.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let body = r#"{"told":true}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            // The script may have gone.
            let _ = stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
        }
    });
    port
}

#[test]
fn requests_go_to_what_is_allowed() {
    let port = server();
    let script = format!("(await http.get('http://127.0.0.1:{port}/')).body.told && typeof fetch");
    let folder = Folder::with("net", &[("ask.js", &script)]);
    for allowed in [format!("127.0.0.1:{port}"), "127.0.0.1:*".into()] {
        let ended = folder.isolet(&["run", "ask.js", "--allow-net", "api.test", "--allow-net", &allowed]);
        assert_eq!(ended.all(), "stdout:\n\"function\"\nstderr:\nexit code: 0\n", "{allowed}");
    }
    for allowed in [&[][..], &["--allow-net", "*:*"], &["--allow-net", "127.0.0.1"], &["--allow-net", "localhost:*"]] {
        let ended = folder.isolet(&[&["run", "ask.js"], allowed].concat());
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{allowed:?}");
        assert!(ended.stderr.contains("PermissionError: this script may not send requests to 127.0.0.1"));
    }
}

#[test]
fn what_is_no_host_is_refused() {
    let folder = Folder::with("no-net", &[("a.js", "1")]);
    for host in ["http://a.test", "a.test:http", "", "127.1"] {
        let ended = folder.isolet(&["run", "a.js", "--allow-net", host]);
        assert_eq!(ended.code, Some(2), "{host}");
        assert!(ended.stderr.contains("names no host: give a name"), "{}", ended.stderr);
    }
}

#[test]
fn types_have_requests() {
    let told = Folder::new("net-types").isolet(&["types"]).stdout;
    for declared in ["declare function fetch(", "declare const http: {", "declare var Response: {"] {
        assert!(told.contains(declared), "{declared}");
    }
}
