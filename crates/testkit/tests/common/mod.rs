//! What servers of tests have in common: nothing is left of them.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Starts a server in another process, which dies at once, and waits until nothing listens there and its directory is gone.
/// That process is `test`, the caller, once more, told so by a variable. `start` gives the server, its address and its
/// directory.
pub(crate) fn nothing_is_left_when_killed<Server>(test: &str, start: impl FnOnce() -> (Server, String, String)) {
    const TOLD: &str = "ISOLET_TEST_DIES";
    if let Ok(note) = std::env::var(TOLD) {
        let (_server, address, directory) = start();
        std::fs::write(note, format!("{address} {directory}")).expect("it is written");
        std::process::abort();
    }
    let note = std::env::temp_dir().join(format!("isolet-test-dies-{}", std::process::id()));
    let mut child = Command::new(std::env::current_exe().expect("it is known"));
    let ended = child.args(["--exact", test]).env(TOLD, &note).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(!ended.expect("it runs").success());
    let told = std::fs::read_to_string(&note).expect("it was there");
    std::fs::remove_file(&note).expect("it is there");
    let (address, directory) = told.split_once(' ').expect("two words");
    let begun = Instant::now();
    while TcpStream::connect(address).is_ok() || Path::new(directory).exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it is still there");
        sleep(Duration::from_millis(20));
    }
}
