//! A real Postgres for tests: a cluster of this process alone, on a port of the loopback interface.
//!
//! ```text
//! this process ══ pipe ══▶ sh (as the user postgres) ──▶ initdb, pg_ctl start … pg_ctl stop, rm
//! ```
//!
//! The shell waits for the pipe to end, so that nothing is left of the cluster when this process is gone, killed or not.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::certificates;
use crate::ports::free_ports;

/// Nothing secret: the cluster lives as long as a test. But it is asked for, as a real one's is.
const PASSWORD: &str = "isolet-tests";

/// Where Debian has the programs, one directory for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A running cluster. It is stopped and removed when this is dropped, or when the process ends.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    databases: AtomicU64,
    /// Ends when its standard input does.
    shell: Child,
    told: BufReader<ChildStdout>,
}

impl Postgres {
    /// The cluster that all tests of a process share, started by the first who asks.
    ///
    /// # Panics
    /// If there is none to be had: tests that need it are behind a feature, in a step of their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().expect("Postgres is installed (`cargo xtask setup` brings it) and starts"))
    }

    /// Makes a cluster and starts it, which takes a few seconds.
    ///
    /// # Errors
    /// If Postgres is not installed or does not start: with what it says.
    pub fn start() -> io::Result<Self> {
        Self::start_with(("", ""))
    }

    /// The same, with TLS for those who ask for it: as `localhost`, by a certificate that [`certificates::ROOT`] has
    /// signed.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_with_tls() -> io::Result<Self> {
        Self::start_with((certificates::SERVER, certificates::SERVER_KEY))
    }

    fn start_with((certificate, key): (&str, &str)) -> io::Result<Self> {
        let programs =
            programs().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no Postgres here"))?;
        let mut shell = shell()
            .args(["sh", "-c", include_str!("postgres.sh"), "sh"])
            .arg(&programs)
            .args(free_ports()?.iter().map(u16::to_string))
            .env("PGPASSWORD", PASSWORD)
            .envs([("CERTIFICATE", certificate), ("KEY", key)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut told = BufReader::new(shell.stdout.take().expect("it is piped"));
        match told_port(&mut told) {
            Ok(port) => Ok(Self { programs, port, databases: AtomicU64::new(0), shell, told }),
            Err(error) => {
                shell.wait()?;
                Err(error)
            }
        }
    }

    /// A new, empty database, as a URL with the superuser's name and password.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url("postgres", PASSWORD, &name)
    }

    /// Kills all processes of the server at once, as a crash of it would. Its databases stay, for [`restart`](Self::restart).
    ///
    /// # Panics
    /// If the shell that holds the cluster is gone.
    pub fn kill(&mut self) {
        self.order("kill", "killed");
    }

    /// Starts a server that was killed, on the same port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.order("start", "started");
    }

    fn order(&mut self, order: &str, answer: &str) {
        let orders = self.shell.stdin.as_mut().expect("it is piped, and taken only at the end");
        orders.write_all(format!("{order}\n").as_bytes()).expect("the shell lives");
        let mut line = String::new();
        self.told.read_line(&mut line).expect("the shell answers");
        assert_eq!(line.trim(), answer, "the order was: {order}");
    }

    /// The URL of a database for a role.
    pub fn url(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// What `psql` prints for statements of the superuser, one line for each row and `|` between values.
    ///
    /// # Panics
    /// If they fail, with what `psql` says.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let url = match database.starts_with("postgres:") {
            true => database.to_owned(),
            false => self.url("postgres", PASSWORD, database),
        };
        let options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
        let ended = Command::new(self.programs.join("psql")).args(options).args(["-c", statements, &url]).output();
        let ended = ended.expect("psql runs");
        assert!(ended.status.success(), "{statements}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8_lossy(&ended.stdout).trim_end().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A command that runs its words as a user whom Postgres accepts, and whom Ctrl-C does not reach.
fn shell() -> Command {
    let mut command = match user_id("") {
        Some(0) => {
            let user = if user_id("postgres").is_some() { "postgres" } else { "nobody" };
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", &group(user), "--clear-groups"]);
            command
        }
        _ => Command::new("env"),
    };
    command.process_group(0).current_dir("/");
    command
}

fn user_id(user: &str) -> Option<u32> {
    let name = (!user.is_empty()).then_some(user);
    let output = Command::new("id").arg("-u").args(name).stderr(Stdio::null()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

fn group(user: &str) -> String {
    let output = Command::new("id").args(["-g", user]).output();
    output.map_or_else(|_| user.to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The directory of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = versions.filter(|path| path.join("bin/initdb").is_file()).max_by_key(|path| version(path));
    let in_path = || {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths).find(|directory| directory.join("initdb").is_file())
    };
    newest.map(|path| path.join("bin")).or_else(in_path)
}

/// Waits for the shell to tell the port.
fn told_port(told: &mut impl BufRead) -> io::Result<u16> {
    let mut line = String::new();
    told.read_line(&mut line)?;
    match line.strip_prefix("port ").and_then(|port| port.trim().parse().ok()) {
        Some(port) => Ok(port),
        None => {
            told.read_to_string(&mut line)?;
            Err(io::Error::other(format!("Postgres did not start: {line}")))
        }
    }
}
