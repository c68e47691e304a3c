//! The tools that checks need beyond Rust itself, as a table.
//!
//! A machine with nothing but Rust (which includes the C compiler that links every Rust program) passes `ci`;
//! each tool that is not there is named at the end, with the checks that wait for it and the command that brings it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use cargo_metadata::semver::Version;

use crate::process::{answer, answers};

/// The command that brings every tool of the table.
pub(crate) const SETUP: &str = "cargo xtask setup";

/// The oldest Node that has what the examples use (`Array.prototype.toSorted`): Debian 13 ships it, Debian 12 an older one.
const NODE_MAJOR_MIN: u64 = 18;

/// A program that some step needs.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// What exactly is needed, as a noun.
    pub(crate) requirement: &'static str,
    /// Whether the tool is there and does its work.
    pub(crate) is_there: fn() -> bool,
    pub(crate) source: Source,
}

/// Where a tool comes from.
pub(crate) enum Source {
    /// Packages of Debian.
    Debian(&'static [&'static str]),
    /// A component of the Rust toolchain.
    Rustup(&'static str),
}

/// Links every Rust program, and compiles the engine: nothing works without it.
pub(crate) static C_COMPILER: Tool = Tool {
    name: "cc",
    requirement: "a C compiler with the C library's headers",
    is_there: compiles_c,
    source: Source::Debian(&["gcc", "libc6-dev"]),
};

/// Formats Rust.
pub(crate) static RUSTFMT: Tool = Tool {
    name: "rustfmt",
    requirement: "the toolchain's rustfmt",
    is_there: || answers("cargo", &["fmt", "--version"]),
    source: Source::Rustup("rustfmt"),
};

/// Lints Rust.
pub(crate) static CLIPPY: Tool = Tool {
    name: "clippy",
    requirement: "the toolchain's clippy",
    is_there: || answers("cargo", &["clippy", "--version"]),
    source: Source::Rustup("clippy"),
};

/// The other JavaScript engine, to compare with.
pub(crate) static NODE: Tool = Tool {
    name: "node",
    requirement: "Node 18 or newer",
    is_there: || answer("node", &["--version"]).is_some_and(|version| suffices(&version)),
    source: Source::Debian(&["nodejs"]),
};

/// Fetches libraries for the tests that run them.
pub(crate) static NPM: Tool = Tool {
    name: "npm",
    requirement: "npm, to fetch libraries that tests run",
    is_there: || answers("npm", &["--version"]),
    source: Source::Debian(&["npm"]),
};

/// The message server of tests, as Debian has it: where not every user's `PATH` leads.
pub(crate) static NATS: Tool = Tool {
    name: "nats",
    requirement: "a NATS server, which tests start",
    is_there: || answers("/usr/sbin/nats-server", &["--version"]) || answers("nats-server", &["--version"]),
    source: Source::Debian(&["nats-server"]),
};

/// The database of tests, as Debian has it: its server's programs are in no `PATH`.
pub(crate) static POSTGRES: Tool = Tool {
    name: "postgres",
    requirement: "Postgres, whose server tests start",
    is_there: || has_postgres(Path::new("/usr/lib/postgresql")) || answers("initdb", &["--version"]),
    source: Source::Debian(&["postgresql"]),
};

/// Watches every access to memory of a program as it is, without another build of it.
pub(crate) static VALGRIND: Tool = Tool {
    name: "valgrind",
    requirement: "valgrind with memcheck",
    // On a program: memcheck stops at once where it lacks the C library's debug symbols.
    is_there: || answers("valgrind", &["--quiet", "true"]),
    source: Source::Debian(&["valgrind"]),
};

/// Everything that `setup` brings.
pub(crate) static TOOLS: [&Tool; 8] = [&C_COMPILER, &RUSTFMT, &CLIPPY, &NODE, &NPM, &NATS, &POSTGRES, &VALGRIND];

/// Compiles and links a program of one line: a compiler without headers would pass a mere `cc --version`.
fn compiles_c() -> bool {
    let child = Command::new("cc")
        .args(["-x", "c", "-o", "/dev/null", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return false;
    };
    let program = b"#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n";
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(program));
    let ended = child.wait().is_ok_and(|status| status.success());
    matches!(written, Some(Ok(()))) && ended
}

/// Whether `versions` holds the programs of some version.
fn has_postgres(versions: &Path) -> bool {
    let mut versions = fs::read_dir(versions).into_iter().flatten().flatten();
    versions.any(|version| version.path().join("bin/initdb").is_file())
}

/// Whether what `node --version` wrote is new enough.
fn suffices(version: &str) -> bool {
    let number = version.trim().trim_start_matches('v');
    Version::parse(number).is_ok_and(|version| version.major >= NODE_MAJOR_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_must_be_new_enough() {
        for (version, expected) in [
            ("v18.0.0\n", true),
            ("v22.1.0", true),
            ("v16.20.2", false),
            ("v12.22.12", false),
            ("", false),
            ("node", false),
        ] {
            assert_eq!(suffices(version), expected, "{version}");
        }
    }
}
