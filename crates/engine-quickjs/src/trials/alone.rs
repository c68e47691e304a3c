//! Trials in a process of their own: the system sees only whole processes, and some end.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

const ALONE: &str = "ISOLET_TRIAL_ALONE";

/// Runs `trial`, which must pass, in a process that no other trial uses. `name` is its path from here.
pub(super) fn alone(name: &str, trial: impl FnOnce()) {
    if let Some(output) = process_of(name, trial) {
        let has_passed_one = String::from_utf8_lossy(&output.stdout).contains("1 passed");
        assert!(output.status.success() && has_passed_one, "{output:#?}");
    }
}

/// Runs `trial` in a process that it must end by this signal, after it has said so on its standard error.
pub(super) fn ends_its_process(name: &str, signal: i32, says: &str, trial: impl FnOnce()) {
    if let Some(output) = process_of(name, trial) {
        let has_said = String::from_utf8_lossy(&output.stderr).contains(says);
        assert!(output.status.signal() == Some(signal) && has_said, "{output:#?}");
    }
}

/// `None` in that process, once the trial is over.
fn process_of(name: &str, trial: impl FnOnce()) -> Option<Output> {
    if std::env::var_os(ALONE).is_some() {
        trial();
        return None;
    }
    let binary = std::env::current_exe().expect("a path");
    let arguments = ["--exact".to_owned(), format!("trials::{name}"), "--nocapture".to_owned()];
    Some(Command::new(binary).args(arguments).env(ALONE, "1").output().expect("it runs"))
}
