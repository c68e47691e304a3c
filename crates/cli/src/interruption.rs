//! What ends isolet from outside: Ctrl-C, and the signal by which services are stopped.

use std::process::exit;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use isolet::Isolet;
use tokio::runtime::Builder;

use crate::terminal::say;

/// What runs may go on for so long.
const PATIENCE: Duration = Duration::from_secs(1);

/// What shells tell of a process that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

/// When the process is interrupted, ends what runs on these after a moment, so that its report is still written.
/// At the second time, the process ends there and then.
pub(crate) fn watch(isolets: Vec<Isolet>) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot watch for signals")?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::new().context("cannot watch for signals")?
    };
    let watch = async move {
        signals.next().await;
        say("interrupted: what runs has a second to finish\n");
        for isolet in isolets {
            tokio::spawn(async move { isolet.shutdown(PATIENCE).await });
        }
        signals.next().await;
        exit(INTERRUPTED);
    };
    let builder = thread::Builder::new().name("isolet-signals".into());
    builder.spawn(move || runtime.block_on(watch)).context("cannot watch for signals")?;
    Ok(())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
