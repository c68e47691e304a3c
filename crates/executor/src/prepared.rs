//! Programs compiled ahead.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use isolet_core_traits::{EngineId, Source};

/// A compiled source, to be executed without looking it up. Made by [`Executor::prepare`](crate::Executor::prepare).
///
/// Cheap to clone, and not bound to a tenant. Another executor than the one that made it may execute it as well: one
/// with another engine or environment compiles the source again.
#[derive(Clone)]
pub struct Prepared {
    source: Source,
    engine: EngineId,
    fingerprint: Arc<str>,
    program: Arc<dyn Any + Send + Sync>,
}

impl Prepared {
    pub(crate) fn new<P: Send + Sync + 'static>(
        source: Source,
        engine: EngineId,
        fingerprint: Arc<str>,
        program: P,
    ) -> Self {
        Self { source, engine, fingerprint, program: Arc::new(program) }
    }

    /// The source that was compiled.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The program, if it was made by such an engine for such an environment.
    pub(crate) fn program<P: Clone + 'static>(&self, engine: &EngineId, fingerprint: &str) -> Option<P> {
        let fits = self.engine == *engine && *self.fingerprint == *fingerprint;
        fits.then(|| self.program.downcast_ref().cloned()).flatten()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("source", self.source.name()).finish_non_exhaustive()
    }
}
