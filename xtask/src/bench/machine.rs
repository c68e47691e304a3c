//! The machine on which figures were measured, as far as a reader needs it to judge them.

use std::fs;
use std::thread;

use crate::process::answer;

/// What a figure depends on besides the code; each in words, `unknown` where this machine does not tell.
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: String,
    pub(super) memory: String,
    pub(super) system: String,
    pub(super) rust: String,
}

impl Machine {
    pub(super) fn look() -> Self {
        let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cores = thread::available_parallelism().ok();
        Self {
            processor: known(value(&read("/proc/cpuinfo"), "model name", ':')),
            cores: known(cores.map(|cores| cores.to_string())),
            memory: known(memory(&read("/proc/meminfo"))),
            system: known(system(&read("/etc/os-release"), &read("/proc/sys/kernel/osrelease"))),
            rust: known(answer("rustc", &["--version"]).map(|text| text.trim().to_owned())),
        }
    }
}

/// The value of the first line `key <separator> value`.
fn value(text: &str, key: &str, separator: char) -> Option<String> {
    let pairs = text.lines().filter_map(|line| line.split_once(separator));
    let mut values = pairs.filter(|(name, _)| name.trim() == key);
    values.next().map(|(_, value)| value.trim().to_owned())
}

fn memory(meminfo: &str) -> Option<String> {
    let total = value(meminfo, "MemTotal", ':')?;
    let kibibytes: f64 = total.strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{:.0} GiB", kibibytes / 1024.0 / 1024.0))
}

fn system(os_release: &str, kernel: &str) -> Option<String> {
    let name = value(os_release, "PRETTY_NAME", '=')?;
    Some(format!("{}, Linux {}", name.trim_matches('"'), kernel.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_of_itself() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A: Fast One\nmodel name\t: B\n";
        assert_eq!(value(cpuinfo, "model name", ':').as_deref(), Some("A: Fast One"));
        assert_eq!(memory("MemFree: 1 kB\nMemTotal:       24682996 kB\n").as_deref(), Some("24 GiB"));
        assert_eq!(
            system("ID=debian\nPRETTY_NAME=\"Debian 12\"\n", "6.1.0\n").as_deref(),
            Some("Debian 12, Linux 6.1.0")
        );
    }

    #[test]
    fn other_systems_do_not() {
        assert_eq!(value("", "model name", ':'), None);
        assert_eq!(memory(""), None);
        assert_eq!(system("", ""), None);
    }
}
