//! `isolet run --allow-events`: events on stderr.

use std::path::Path;

use crate::folder::Folder;

#[test]
fn events_are_shown() {
    let script = "await events.publish('orders.paid', { id: 7, name: '\\x1b[31m' }); await events.publish('stock')";
    let folder = Folder::with("events", &[("tell.js", script)]);
    for allowed in [&["--allow-events", "orders,stock"][..], &["--allow-events", "stock", "--allow-events", "*"]] {
        let ended = folder.isolet(&[&["run", "tell.js", "--format", "json"], allowed].concat());
        let shown = "event orders.paid {\"id\":7,\"name\":\"\\u001b[31m\"}\nevent stock null\n";
        assert_eq!((ended.code, &*ended.stderr), (Some(0), shown), "{allowed:?}");
    }
    for (allowed, topic) in [(&[][..], "orders.paid"), (&["--allow-events", "orders"], "stock")] {
        let ended = folder.isolet(&[&["run", "tell.js"], allowed].concat());
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{allowed:?}");
        let error = format!("PermissionError: this script may not publish to \"{topic}\"");
        assert!(ended.stderr.contains(&error), "{}", ended.stderr);
        assert!(ended.stderr.contains("help: --allow-events TOPIC permits a topic"), "{}", ended.stderr);
    }
}

#[test]
fn what_is_no_topic_and_no_server_is_refused() {
    let folder = Folder::with("no-events", &[("a.js", "1")]);
    for topic in ["a b", "a..b", "orders,", ""] {
        let ended = folder.isolet(&["run", "a.js", "--allow-events", topic]);
        assert_eq!(ended.code, Some(2), "{topic}: {}", ended.stderr);
    }
    for url in ["http://ann:s3cret@a.test", "nats://ann:s3cret", "ann:s3cret"] {
        let ended = folder.isolet(&["run", "a.js", "--allow-events", "*", "--nats", url]);
        assert_eq!(ended.code, Some(2), "{url}");
        assert!(ended.stderr.starts_with("error: the URL of the NATS server is wrong: "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
    let ended = folder.isolet(&["run", "a.js", "--nats", "nats://a.test"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--allow-events"), "{}", ended.stderr);
}

#[test]
fn a_server_that_is_not_there_takes_nothing() {
    let script = "await events.publish('a').catch((error) => `${error.code} ${error.retryable}`)";
    let folder = Folder::with("nats-away", &[("a.js", script)]);
    // Nothing listens to port 1.
    let ended = folder.isolet(&["run", "a.js", "--allow-events", "a", "--nats", "nats://ann:s3cret@127.0.0.1:1"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "\"ERR_EVENT true\"\n"), "{}", ended.stderr);
    let why = "warning[event]: an event was not taken: there was no connection to the NATS server within 5000 ms: ";
    assert!(ended.stderr.starts_with(why) && !ended.stderr.contains("s3cret"), "{}", ended.stderr);
}

#[test]
fn examples_give_what_they_must() {
    let folder = Folder::new("events-examples");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/events/stock");
    let file = |end: &str| example.with_extension(end);
    let (script, input) = (file("js"), format!("@{}", file("input.json").display()));
    let arguments = ["--input", &input, "--allow-events", "stock,orders.paid", "--format", "json", "--timeout", "5m"];
    let ended = folder.isolet(&[&["run", script.to_str().expect("UTF-8")][..], &arguments].concat());
    let read = |end: &str| std::fs::read_to_string(file(end)).expect("it stands beside");
    let expected: serde_json::Value = serde_json::from_str(&read("expected.json")).expect("JSON");
    assert_eq!(ended.reports()[0]["output"], expected, "{}", ended.stderr);
    assert_eq!(ended.stderr, read("expected.events.txt"));
}

#[test]
fn types_have_events() {
    let told = Folder::new("events-types").isolet(&["types"]).stdout;
    assert!(told.contains("declare const events: {") && told.contains("readonly publish: (topic: string"), "{told}");
}
