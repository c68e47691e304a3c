//! `cargo xtask fuzz`: makes up scripts and replies, and looks for those that break what the oracle of testkit checks; or
//! URLs, and looks for those that are permitted and must not be; or SQL, and looks for what leaves its tenant's file.
//!
//! It needs clang (which brings libFuzzer's instrumentation of QuickJS's C code) and nothing else: no nightly toolchain
//! and no cargo-fuzz.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{answer, answers, cargo, run};
use crate::workspace::Workspace;

/// Inputs that the tests of engine-quickjs replay: what covers the most, and what broke something once.
const CORPUS: &str = "fuzz/corpus";
const FINDINGS: &str = "fuzz/findings";
/// URLs and SQL that the tests of the fuzzers replay.
const URLS: &str = "fuzz/urls";
const SQL: &str = "fuzz/sql";
/// So many are replayed in a few seconds.
const INPUTS_MAX: usize = 300;
/// What libFuzzer finds beyond them, and what broke something.
const FOUND: &str = "target/fuzz/found";
const BROKEN: &str = "target/fuzz/broken";

/// What the fuzzer instruments: each edge counts; in the engine's C code, comparisons tell their operands besides.
const RUST_FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Ccodegen-units=1",
    "-Clinker=clang",
];
const C_FLAGS: &str = "-fsanitize-coverage=inline-8bit-counters,pc-table,trace-cmp";

const ADDRESS_SANITIZER: &str = "-fsanitize=address";

/// How `fuzz` was asked for.
#[derive(Args)]
pub(crate) struct Options {
    /// For how long.
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// The portable form of the engine, with AddressSanitizer in QuickJS's C code, instead of the restored form.
    #[arg(long)]
    portable: bool,
    /// URLs that scripts ask for, instead of scripts.
    #[arg(long, conflicts_with = "portable")]
    urls: bool,
    /// SQL that scripts send to SQLite, instead of scripts.
    #[arg(long, conflicts_with_all = ["portable", "urls"])]
    sql: bool,
    /// Replace the corpus by the smallest part of it and of what was found that covers as much, instead of fuzzing.
    #[arg(long)]
    minimize: bool,
    /// What else to tell libFuzzer.
    #[arg(last = true)]
    libfuzzer: Vec<String>,
}

/// Builds the fuzzer and runs it. Fails if something broke.
pub(crate) fn fuzz(options: &Options) -> Result<ExitCode> {
    if !["clang", "clang++"].iter().all(|program| answers(program, &["--version"])) {
        bail!("clang and clang++ are needed: on Debian, `apt-get install clang` brings them");
    }
    let workspace = Workspace::load()?;
    let root = workspace.root();
    let fuzzer = build(root, options)?;
    if options.minimize {
        return minimize(root, &fuzzer);
    }
    for directory in [root.join(&fuzzer.found), root.join(BROKEN)] {
        fs::create_dir_all(&directory).with_context(|| format!("failed to make {}", directory.display()))?;
    }
    let mut command = fuzzer.command(root);
    command.arg(format!("-max_total_time={}", options.minutes * 60));
    command.arg(format!("-artifact_prefix={BROKEN}/"));
    command.args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=2048", "-print_final_stats=1"]);
    command.args(&options.libfuzzer).arg(&fuzzer.found).args(fuzzer.saved);
    run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

/// A fuzzer that was built.
struct Fuzzer {
    program: PathBuf,
    form: &'static str,
    /// The corpus, and what else begins with what is known.
    saved: &'static [&'static str],
    found: String,
}

impl Fuzzer {
    fn command(&self, root: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(root).env("ISOLET_FUZZ_FORM", self.form);
        command
    }
}

fn build(root: &Path, options: &Options) -> Result<Fuzzer> {
    let portable = options.portable;
    let form = if portable { "portable" } else { "restored" };
    let target = host()?;
    let mut rust_flags = RUST_FLAGS.to_vec();
    let mut c_flags = C_FLAGS.to_owned();
    let sanitized_link = format!("-Clink-arg={ADDRESS_SANITIZER}");
    if portable {
        rust_flags.push(&sanitized_link);
        c_flags = format!("{c_flags} {ADDRESS_SANITIZER} -fno-omit-frame-pointer");
    }
    let directory = root.join("target/fuzz").join(form);
    // A target of its own keeps the flags away from build scripts.
    let arguments = ["build", "--locked", "-p", "isolet-fuzz", "--profile", "fuzz", "--target", &target];
    let mut command = cargo(root, &arguments);
    command.env("CARGO_TARGET_DIR", &directory).env("CARGO_ENCODED_RUSTFLAGS", rust_flags.join("\u{1f}"));
    command.env("CC", "clang").env("CXX", "clang++").env("CFLAGS", c_flags).env_remove("RUSTFLAGS");
    run(&mut command)?;
    let (name, saved, found) = match (options.urls, options.sql) {
        (true, _) => ("urls", &[URLS][..], format!("{FOUND}-urls")),
        (_, true) => ("sql", &[SQL][..], format!("{FOUND}-sql")),
        _ => ("scripts", &[CORPUS, FINDINGS][..], FOUND.to_owned()),
    };
    Ok(Fuzzer { program: directory.join(target).join("fuzz").join(name), form, saved, found })
}

fn host() -> Result<String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = answer(&rustc, &["-vV"]).context("rustc does not tell its version")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not tell its host")
}

/// Merges what was found into a new corpus, and puts it in the place of the old one.
fn minimize(root: &Path, fuzzer: &Fuzzer) -> Result<ExitCode> {
    let [corpus, ..] = fuzzer.saved else { bail!("the fuzzer has no corpus") };
    let smaller = root.join("target/fuzz/smaller");
    if smaller.exists() {
        fs::remove_dir_all(&smaller).context("failed to remove the last try")?;
    }
    for directory in [smaller.clone(), root.join(&fuzzer.found), root.join(BROKEN)] {
        fs::create_dir_all(directory).context("failed to make a directory")?;
    }
    let mut command = fuzzer.command(root);
    // Each edge counts once, however often it is taken, and slow inputs are left out: the corpus is to stay small.
    command.arg(format!("-artifact_prefix={BROKEN}/"));
    command.args(["-set_cover_merge=1", "-use_counters=0", "-max_len=1024", "-timeout=1", "-rss_limit_mb=2048"]);
    run(command.arg(&smaller).args([corpus, fuzzer.found.as_str()]))?;
    keep_first(&smaller).context("failed to thin out the corpus")?;
    fs::remove_dir_all(root.join(corpus)).context("failed to remove the corpus")?;
    fs::rename(&smaller, root.join(corpus)).context("failed to put the corpus in its place")?;
    Ok(ExitCode::SUCCESS)
}

/// Removes all but the first inputs. libFuzzer writes what adds the most first.
fn keep_first(directory: &Path) -> io::Result<()> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        inputs.push((entry.metadata()?.modified()?, entry.path()));
    }
    inputs.sort();
    inputs.iter().skip(INPUTS_MAX).try_for_each(|(_, path)| fs::remove_file(path))
}
