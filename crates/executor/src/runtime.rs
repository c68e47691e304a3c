//! The tokio runtime on which executions are driven and host services called.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::panics::catch;

/// Where tasks run: on the embedder's runtime, or on one thread of our own.
#[derive(Debug)]
pub(crate) struct Runtime {
    handle: Handle,
    /// Our own thread ends when this is dropped. It drops the runtime itself, because a runtime must not be dropped in
    /// an async context and the last executor may well be.
    _own: Option<oneshot::Sender<()>>,
}

impl Runtime {
    /// The given one, or the one that this is called on, or one of its own.
    pub(crate) fn choose(given: Option<Handle>) -> io::Result<Self> {
        match given.or_else(|| Handle::try_current().ok()) {
            Some(handle) => Ok(Self { handle, _own: None }),
            None => Self::own(),
        }
    }

    fn own() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("isolet-host".into()).spawn(move || {
            let _ = runtime.block_on(stopped);
            // Blocking host operations may still be running, and nobody waits for them.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _own: Some(stop) })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether it was built with a timer, without which no limit on waiting holds. Tokio tells by a panic alone.
    pub(crate) fn has_timer(&self) -> bool {
        let _entered = self.handle.enter();
        catch(|| drop(tokio::time::sleep(std::time::Duration::ZERO))).is_ok()
    }
}
