//! A real NATS server for tests: of this process alone, on a port of the loopback interface.
//!
//! ```text
//! this process ══ start, stop, pause, resume ══▶ sh ──▶ nats-server
//! ```
//!
//! The shell waits for the pipe to end, so that nothing is left of the server when this process is gone, killed or not.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::certificates;
use crate::ports::free_ports;

/// Where Debian has the program, which is not in every `PATH`.
const DEBIAN: &str = "/usr/sbin/nats-server";

/// How a server is to be: open to everybody, in plain text and without streams, unless it is told otherwise.
#[derive(Debug, Clone, Default)]
#[must_use = "options are not a server"]
pub struct NatsOptions {
    users: Vec<String>,
    lines: String,
    has_tls: bool,
    has_streams: bool,
}

impl NatsOptions {
    /// Only who has a name and a password is let in; several may be added.
    pub fn user(self, name: &str, password: &str) -> Self {
        self.add_user(format!("{{user: {name:?}, password: {password:?}}}"))
    }

    /// A user who publishes to these subjects and to none besides, and receives from everywhere.
    pub fn user_of(self, name: &str, password: &str, subjects: &[&str]) -> Self {
        self.add_user(format!("{{user: {name:?}, password: {password:?}, permissions: {{publish: {subjects:?}}}}}"))
    }

    /// Only who has the token is let in.
    pub fn token(self, token: &str) -> Self {
        self.line(&format!("authorization: {{token: {token:?}}}"))
    }

    /// Connections are secure, with the certificate of `localhost` that [`certificates::ROOT`] has signed.
    pub fn tls(self) -> Self {
        Self { has_tls: true, ..self }
    }

    /// There are streams.
    pub fn jetstream(self) -> Self {
        Self { has_streams: true, ..self }
    }

    /// The largest message, in bytes with its headers.
    pub fn max_payload(self, bytes: u32) -> Self {
        self.line(&format!("max_payload: {bytes}"))
    }

    fn add_user(mut self, user: String) -> Self {
        self.users.push(user);
        self
    }

    fn line(mut self, line: &str) -> Self {
        self.lines.push_str(line);
        self.lines.push('\n');
        self
    }

    fn config(&self, port: u16, directory: &Path) -> String {
        let mut config = format!("listen: \"127.0.0.1:{port}\"\n{}", self.lines);
        let path = |name: &str| directory.join(name).display().to_string();
        if !self.users.is_empty() {
            config.push_str(&format!("authorization: {{users: [{}]}}\n", self.users.join(", ")));
        }
        if self.has_tls {
            config.push_str(&format!("tls: {{cert_file: {:?}, key_file: {:?}}}\n", path("cert"), path("key")));
        }
        if self.has_streams {
            config.push_str(&format!("jetstream: {{store_dir: {:?}}}\n", path("streams")));
        }
        config
    }
}

/// A server. It is stopped, and its data are removed, when this is dropped, or when the process ends.
#[derive(Debug)]
pub struct NatsServer {
    port: u16,
    has_tls: bool,
    directory: PathBuf,
    /// Ends when its standard input does.
    shell: Mutex<Shell>,
}

impl NatsServer {
    /// Starts a server.
    ///
    /// # Errors
    /// If the program is not installed (`cargo xtask setup` brings it) or does not start: with what it says.
    pub fn start(options: &NatsOptions) -> io::Result<Self> {
        let program =
            program().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no nats-server here"))?;
        let directory = directory()?;
        let mut shell = Shell::new(&program, &directory)?;
        std::fs::write(directory.join("cert"), certificates::SERVER)?;
        std::fs::write(directory.join("key"), certificates::SERVER_KEY)?;
        let mut refused = Ok(());
        for port in free_ports()? {
            std::fs::write(directory.join("server.conf"), options.config(port, &directory))?;
            refused = shell.tell("start");
            if refused.is_ok() {
                return Ok(Self { port, has_tls: options.has_tls, directory, shell: Mutex::new(shell) });
            }
        }
        Err(refused.err().unwrap_or_else(|| io::Error::other("there is no free port")))
    }

    /// Its URL without credentials.
    pub fn url(&self) -> String {
        self.url_of("")
    }

    /// Its URL with credentials: `user:password`, or a token.
    pub fn url_of(&self, credentials: &str) -> String {
        let at = if credentials.is_empty() { "" } else { "@" };
        match self.has_tls {
            true => format!("tls://{credentials}{at}localhost:{}", self.port),
            false => format!("nats://{credentials}{at}127.0.0.1:{}", self.port),
        }
    }

    /// Where it listens on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its data are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends it at once, as a crash would. Its data stay.
    ///
    /// # Panics
    /// If it cannot be done, as do all that follow.
    pub fn stop(&self) {
        self.must("stop");
    }

    /// Starts it again on the same port, with the data that it had.
    pub fn start_again(&self) {
        self.must("start");
    }

    /// Has it stand still: the system goes on taking connections and bytes for it, as far as its buffers go.
    pub fn pause(&self) {
        self.must("pause");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.must("resume");
    }

    fn must(&self, command: &str) {
        let mut shell = self.shell.lock().expect("no other command failed");
        shell.tell(command).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

/// Runs the server, and ends with its standard input.
#[derive(Debug)]
struct Shell {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Shell {
    /// Out of reach of Ctrl-C, which would leave the directory behind.
    fn new(program: &Path, directory: &Path) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("nats.sh"), "sh"]).arg(program).arg(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).current_dir("/").spawn()?;
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Ok(Self { child, answers })
    }

    fn tell(&mut self, command: &str) -> io::Result<()> {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{command}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        match answer.trim() {
            "done" => Ok(()),
            "" => Err(io::Error::other("the shell is gone")),
            refused => Err(io::Error::other(refused.to_owned())),
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let in_path = || {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths).map(|directory| directory.join("nats-server")).find(|path| path.is_file())
    };
    Some(PathBuf::from(DEBIAN)).filter(|path| path.is_file()).or_else(in_path)
}

/// A new one, which is nobody else's.
fn directory() -> io::Result<PathBuf> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    loop {
        let name = format!("isolet-nats-{}-{}", std::process::id(), MADE.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
