//! What a caller asks for.

use std::fmt;
use std::sync::Arc;

use isolet_core_traits::{
    ExecutionId, JsonError, JsonText, LogLine, OrganizationId, Permissions, ScriptId, Source, SourceKind, TenantId,
    Timestamp, UserId,
};
use isolet_limits::LimitOverrides;
use serde::Serialize;

use crate::context::ContextFields;
use crate::prepared::Prepared;
use crate::traceparent::Traceparent;

/// One execution of one script: what to run, for whom, with what. Its parts were checked when they were made.
///
/// ```
/// use isolet_core_traits::{Source, SourceKind, TenantId};
/// use isolet_executor::Execution;
///
/// let source = Source::new("double.js", "input.n * 2", SourceKind::Auto)?;
/// let execution = Execution::new(source, TenantId::new("acme")?)
///     .input(&serde_json::json!({"n": 21}))?
///     .context(&serde_json::json!({"plan": "gold"}))?
///     .on_log(|line| assert!(!line.message.is_empty()));
/// # let _ = execution;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "an execution does nothing until an executor executes it"]
pub struct Execution {
    pub(crate) source: Source,
    pub(crate) prepared: Option<Prepared>,
    /// Its source is to be looked up by the script's name.
    pub(crate) is_stored: bool,
    pub(crate) tenant: TenantId,
    pub(crate) user: Option<UserId>,
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) script: Option<ScriptId>,
    pub(crate) revision: Option<String>,
    pub(crate) input: JsonText,
    pub(crate) context: ContextFields,
    pub(crate) context_bytes: usize,
    pub(crate) overrides: LimitOverrides,
    pub(crate) permissions: Option<Arc<Permissions>>,
    pub(crate) id: Option<ExecutionId>,
    pub(crate) traceparent: Option<Traceparent>,
    pub(crate) seed: Option<u64>,
    pub(crate) now: Option<Timestamp>,
    pub(crate) on_log: Option<OnLog>,
}

/// Called with console lines as they come.
pub(crate) type OnLog = Arc<dyn Fn(&LogLine) + Send + Sync>;

impl Execution {
    /// Runs `source` for `tenant`, with `null` as input, no fields of its own in `context` and the executor's limits.
    pub fn new(source: Source, tenant: TenantId) -> Self {
        Self {
            source,
            prepared: None,
            is_stored: false,
            tenant,
            user: None,
            organization: None,
            script: None,
            revision: None,
            input: JsonText::null(),
            context: ContextFields::default(),
            context_bytes: 0,
            overrides: LimitOverrides::default(),
            permissions: None,
            id: None,
            traceparent: None,
            seed: None,
            now: None,
            on_log: None,
        }
    }

    /// The same for a source that was compiled ahead.
    pub fn prepared(prepared: &Prepared, tenant: TenantId) -> Self {
        Self { prepared: Some(prepared.clone()), ..Self::new(prepared.source().clone(), tenant) }
    }

    /// Runs the current revision of a script that the executor's [source](crate::ExecutorBuilder::scripts) has for `tenant`.
    ///
    /// The report tells the revision. What is stored with it, limits and permissions, holds besides those of the
    /// executor and of this execution. Without such a script the execution is rejected.
    pub fn stored(script: ScriptId, tenant: TenantId) -> Self {
        let source = Source::named(script, "", SourceKind::Auto);
        Self { is_stored: true, ..Self::new(source, tenant) }
    }

    /// The global `input`: any value that serde can write as JSON.
    ///
    /// # Errors
    /// [`InvalidExecution::Input`] if it cannot, or the JSON is nested too deeply.
    pub fn input<T: Serialize + ?Sized>(self, input: &T) -> Result<Self, InvalidExecution> {
        let input = JsonText::from_value(input).map_err(InvalidExecution::Input)?;
        Ok(self.input_json(input))
    }

    /// The global `input`, as JSON.
    pub fn input_json(self, input: JsonText) -> Self {
        Self { input, ..self }
    }

    /// Fields of the global `context`: a value that serde writes as a JSON object.
    ///
    /// They stand beside `tenant`, `user`, `organization`, `script` and `execution`, which win over fields of that name.
    ///
    /// # Errors
    /// [`InvalidExecution::Context`] if it cannot be written, [`InvalidExecution::ContextNoObject`] if it is no object.
    pub fn context<T: Serialize + ?Sized>(self, fields: &T) -> Result<Self, InvalidExecution> {
        self.context_json(JsonText::from_value(fields).map_err(InvalidExecution::Context)?)
    }

    /// Fields of the global `context`, as a JSON object.
    ///
    /// # Errors
    /// [`InvalidExecution::ContextNoObject`] if it is none.
    pub fn context_json(self, fields: JsonText) -> Result<Self, InvalidExecution> {
        let context = ContextFields::parse(&fields).ok_or(InvalidExecution::ContextNoObject)?;
        Ok(Self { context, context_bytes: fields.bytes(), ..self })
    }

    /// The user on whose behalf it runs.
    pub fn user(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The organization on whose behalf it runs.
    pub fn organization(self, organization: OrganizationId) -> Self {
        Self { organization: Some(organization), ..self }
    }

    /// The script's identity, by which its runs at once are capped. By default the source's name.
    pub fn script(self, script: ScriptId) -> Self {
        Self { script: Some(script), ..self }
    }

    /// The script's revision, told in the report.
    pub fn revision(self, revision: impl Into<String>) -> Self {
        Self { revision: Some(revision.into()), ..self }
    }

    /// Limits below those of the executor. One above it ends in a report with status `rejected`.
    pub fn limits(self, overrides: LimitOverrides) -> Self {
        Self { overrides, ..self }
    }

    /// What the script may use, out of what the executor permits it. By default all of that.
    pub fn permissions(self, permissions: impl Into<Arc<Permissions>>) -> Self {
        Self { permissions: Some(permissions.into()), ..self }
    }

    /// The execution's id. By default a random UUID.
    pub fn id(self, id: ExecutionId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// The trace that the execution belongs to.
    pub fn traceparent(self, traceparent: Traceparent) -> Self {
        Self { traceparent: Some(traceparent), ..self }
    }

    /// What all randomness of the run is made from. By default it is drawn, and nobody can foretell what the script gets;
    /// whoever knows a given seed can: `Math.random`, and also what `crypto` gives, keys included.
    ///
    /// With [`now`](Self::now), and [`id`](Self::id) if the script looks at it, runs that call no host are the same again:
    /// output, status, error and log. What remains is when the garbage collector drops what is held weakly.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The time at which the run starts, as its script sees it. By then all its clocks stand still: `Date`,
    /// `performance.now`, the console's. They go on with timers, by the time that each was set for.
    ///
    /// Timers still take their time, and limits hold by the real one.
    pub fn now(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Called with each console line while the script runs, on the executor's runtime. It must not block.
    /// If it panics, it is not called again for this execution.
    pub fn on_log(self, callback: impl Fn(&LogLine) + Send + Sync + 'static) -> Self {
        Self { on_log: Some(Arc::new(callback)), ..self }
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("source", self.source.name())
            .field("tenant", &self.tenant)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why parts make no execution. The caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidExecution {
    /// The input cannot be written as JSON.
    #[error("the input is no JSON: {0}")]
    Input(JsonError),
    /// The context cannot be written as JSON.
    #[error("the context is no JSON: {0}")]
    Context(JsonError),
    /// The context is JSON, but no object.
    #[error("the context is no JSON object: give it fields by name")]
    ContextNoObject,
    /// The text is no `traceparent`.
    #[error("not a W3C traceparent of version 00: 00-{{32 hex}}-{{16 hex}}-{{2 hex}}, lower case, ids not all zero")]
    Traceparent,
}
