//! Ctrl-C.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::folder::Folder;

/// Begins to run it, and waits until it has.
fn begin(folder: &Folder, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = folder.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("isolet");
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut said = String::new();
    while !said.contains("begun") {
        assert!(stderr.read_line(&mut said).expect("text") > 0, "{said}");
    }
    (child, stderr)
}

fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(killed.expect("there is such a command").success());
}

#[test]
fn what_runs_is_ended_and_told() {
    let files = [("a.js", "console.log('begun'); for (;;);"), ("b.js", "console.log('never')")];
    for name in ["-INT", "-TERM"] {
        let folder = Folder::with(&format!("interrupted{name}"), &files);
        let (mut child, mut stderr) = begin(&folder, &["run", "a.js", "b.js"]);
        signal(&child, name);
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(3), "{rest}");
        assert!(rest.contains("interrupted") && rest.contains("shutting down"), "{rest}");
        assert!(!rest.contains("never"), "{rest}");
    }
}
