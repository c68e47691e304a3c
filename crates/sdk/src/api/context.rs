//! What an operation learns of its caller.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use isolet_core_traits::RunInfo;

/// Who calls: the [run](RunInfo), as which it can be used, and the API's session of that run. Cheap to clone.
pub struct CallContext<S = ()> {
    run: Arc<RunInfo>,
    /// What the API keeps for the run: see [`HostApi::with_session`](crate::HostApi::with_session).
    pub session: Arc<S>,
}

impl<S> CallContext<S> {
    pub(super) fn new(run: RunInfo, session: S) -> Self {
        Self { run: Arc::new(run), session: Arc::new(session) }
    }
}

impl<S> Deref for CallContext<S> {
    type Target = RunInfo;

    fn deref(&self) -> &RunInfo {
        &self.run
    }
}

impl<S> Clone for CallContext<S> {
    fn clone(&self) -> Self {
        Self { run: self.run.clone(), session: self.session.clone() }
    }
}

impl<S> fmt::Debug for CallContext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallContext").field(&self.run).finish()
    }
}
