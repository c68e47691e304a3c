//! What scripts can reach outside of themselves: described as data, implemented by async trait objects.
//!
//! ```text
//! script:    await crm.lookup({id: 7})          // a promise, whatever the implementation is
//! engine:    Step::HostCalls { calls: [HostCall { id, operation, payload: [{"id":7}] }] }
//! executor:  permitted? rate? → HostSession::call(...) on the embedder's runtime → HostReply
//! engine:    resume(Resume::Replies([HostReply { call: id, result }]))
//! ```
//!
//! # Values
//!
//! A [`Payload`] is JSON text plus byte buffers. In a call the JSON is the array of the arguments; in a reply it is the
//! value that the promise resolves to. What JSON cannot say is said by tags, which are objects
//! with a single key:
//!
//! | JavaScript | JSON |
//! |---|---|
//! | `12n` | `{"$bigint":"12"}` |
//! | an `ArrayBuffer` or a typed array | `{"$buffer":0}`, an index into `buffers`; goes back as a `Uint8Array` |
//! | a key that is one of these tags, or starts with `$$` | the key with one more `$`: `{"$$buffer":0}` |
//!
//! Everything else is written as `JSON.stringify` writes it; arguments that it leaves out are `null`.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::environment::LazyScript;
use crate::ids::{ExecutionId, OrganizationId, ScriptId, TenantId, UserId};
use crate::json::JsonError;
use crate::permissions::Grants;

/// The operations of a host, by namespace. Checked when it is made; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct HostInterface(Arc<[HostNamespace]>);

/// A global object with operations, for example `crm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNamespace {
    /// The global's name: a JavaScript identifier.
    pub name: String,
    /// Whether scripts see it as a frozen global. If not, only [setup scripts](crate::SetupScript) do.
    pub exposed: bool,
    /// Its operations; their order is their number.
    pub operations: Vec<HostOperation>,
}

/// One operation, for example `lookup`. In scripts it is a function that returns a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOperation {
    /// The function's name: a JavaScript identifier.
    pub name: String,
    /// How many API calls it counts as. 0: none.
    pub cost: u32,
    /// The most arguments that cross; more are dropped.
    pub arguments_max: u8,
    /// Whether its implementation blocks: then [`HostSession::call_blocking`] is called, on a thread where it may.
    pub blocking: bool,
    /// Its type in TypeScript, for example `(id: number) => Promise<Customer>`. For people and generated types.
    pub signature: String,
}

impl HostOperation {
    /// An asynchronous operation of cost 1 with up to 8 arguments of any type.
    pub fn new(name: impl Into<String>) -> Self {
        let signature = "(...args: unknown[]) => Promise<unknown>".into();
        Self { name: name.into(), cost: 1, arguments_max: 8, blocking: false, signature }
    }
}

impl From<&str> for HostOperation {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// Names an operation of a [`HostInterface`] by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperationId {
    /// Index of the namespace.
    pub namespace: u16,
    /// Index of the operation in it.
    pub operation: u16,
}

/// Why namespaces make no interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InterfaceError {
    /// A name is not an identifier of ASCII letters, digits, `_` and `$`.
    #[error("{name:?} is not a JavaScript identifier of ASCII letters, digits, _ and $")]
    Identifier {
        /// The name.
        name: String,
    },
    /// A name is there twice, or belongs to the language or to isolet.
    #[error("the name {name:?} is taken: choose another one")]
    Taken {
        /// The name.
        name: String,
    },
    /// More than 65,536 namespaces or operations.
    #[error("too many namespaces or operations: at most 65536 of each")]
    TooMany,
}

/// Global names that no namespace may take.
const RESERVED: [&str; 8] = ["input", "context", "console", "self", "globalThis", "undefined", "NaN", "Infinity"];

impl HostInterface {
    /// Checks the names and makes the interface.
    ///
    /// # Errors
    /// [`InterfaceError`] for a name that is no identifier, is reserved or is there twice.
    pub fn new(namespaces: Vec<HostNamespace>) -> Result<Self, InterfaceError> {
        check_names(namespaces.iter().map(|namespace| &namespace.name), &RESERVED)?;
        for namespace in &namespaces {
            check_names(namespace.operations.iter().map(|operation| &operation.name), &[])?;
        }
        Ok(Self(namespaces.into()))
    }

    /// The namespaces in order.
    pub fn namespaces(&self) -> &[HostNamespace] {
        &self.0
    }

    /// Whether there is an exposed namespace of this name.
    pub fn exposes(&self, name: &str) -> bool {
        self.0.iter().any(|namespace| namespace.exposed && namespace.name == name)
    }

    /// The namespace and the operation that `id` names.
    pub fn operation(&self, id: OperationId) -> Option<(&HostNamespace, &HostOperation)> {
        let namespace = self.0.get(usize::from(id.namespace))?;
        Some((namespace, namespace.operations.get(usize::from(id.operation))?))
    }
}

fn check_names<'a>(names: impl Iterator<Item = &'a String>, reserved: &[&str]) -> Result<(), InterfaceError> {
    let mut seen = HashSet::new();
    for (at, name) in names.enumerate() {
        if at > usize::from(u16::MAX) {
            return Err(InterfaceError::TooMany);
        }
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
        let identifier = name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit());
        if !identifier {
            return Err(InterfaceError::Identifier { name: name.clone() });
        }
        if reserved.contains(&name.as_str()) || !seen.insert(name) {
            return Err(InterfaceError::Taken { name: name.clone() });
        }
    }
    Ok(())
}

/// Numbers the host calls of one run, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// Arguments or a result: JSON text and the buffers that it refers to. See the [module](self) for the tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// JSON text.
    pub json: String,
    /// The buffers that `{"$buffer":N}` refers to.
    pub buffers: Vec<Vec<u8>>,
}

impl Payload {
    /// A payload of JSON alone.
    ///
    /// # Errors
    /// [`JsonError::Value`] if serde cannot write the value.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        let json = serde_json::to_string(value).map_err(|error| JsonError::Value { message: error.to_string() })?;
        Ok(Self { json, buffers: Vec::new() })
    }

    /// Reads the JSON as a `T`; tags are seen as the objects that they are.
    ///
    /// # Errors
    /// [`JsonError::Value`] if it is no `T`.
    pub fn to_value<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        serde_json::from_str(&self.json).map_err(|error| JsonError::Value { message: error.to_string() })
    }

    /// Bytes of the JSON and the buffers together.
    pub fn bytes(&self) -> usize {
        self.json.len() + self.buffers.iter().map(Vec::len).sum::<usize>()
    }
}

/// A call that a script made and that its engine cannot answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCall {
    /// Its number in the run.
    pub id: CallId,
    /// Which operation.
    pub operation: OperationId,
    /// The arguments, as a JSON array.
    pub payload: Payload,
}

/// The answer to a [`HostCall`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReply {
    /// The call's number.
    pub call: CallId,
    /// Resolves or rejects the promise.
    pub result: Result<Payload, HostFailure>,
}

/// What kind of failure a host call ended in: decides the run's status if the script does not catch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostFailureKind {
    /// The operation failed: `host_error`.
    Failed,
    /// The arguments are wrong, which is the author's fault: `runtime_error`.
    BadArguments,
    /// A rate or a budget is used up: `rate_limited`.
    RateLimited,
    /// The policy does not permit it: `sandbox_violation`.
    Denied,
}

/// Why a host call failed. The script sees an `Error` with these properties and can catch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFailure {
    /// Decides the status if uncaught.
    pub kind: HostFailureKind,
    /// The error's `name`, for example `RateLimitError`.
    pub name: String,
    /// The error's `code`, if it has one: for programs.
    pub code: Option<String>,
    /// The error's `message`: for people. Must not tell anything of the host's inside.
    pub message: String,
    /// The error's `retryable`.
    pub retryable: bool,
    /// The error's `retryAfterMs`, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl HostFailure {
    /// A `PermissionError`: what the script may not do, and what whoever may grant it would add.
    pub fn permission(what: impl fmt::Display, grant: &str) -> Self {
        let message = format!("{what}: to permit it, add {grant}");
        let failure = Self::new(HostFailureKind::Denied, "PermissionError", message);
        Self { code: Some("ERR_PERMISSION".into()), ..failure }
    }

    /// A failure of `kind`, neither retryable nor with a code.
    pub fn new(kind: HostFailureKind, name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, name: name.into(), code: None, message: message.into(), retryable: false, retry_after_ms: None }
    }
}

/// Whose run it is that makes a call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// The execution.
    pub execution: ExecutionId,
    /// The tenant: permissions and data belong to it.
    pub tenant: TenantId,
    /// The user, if the caller told one.
    pub user: Option<UserId>,
    /// The organization, if the caller told one.
    pub organization: Option<OrganizationId>,
    /// The script.
    pub script: ScriptId,
    /// The W3C trace context of the execution, to be sent on.
    pub traceparent: Option<Arc<str>>,
    /// What it may use of the host.
    pub grants: Grants,
}

/// Who checks whether a run may call a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The executor: an operation is permitted by its name, among the [`apis`](crate::Permissions::apis).
    Name,
    /// The service itself, from [`RunInfo::grants`]. It has permissions of its own kind.
    Service,
}

/// How the run of a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// With status `ok`.
    Completed,
    /// In any other way: what the run left open is to be rolled back.
    Failed,
}

/// The implementation of one namespace, shared by all runs.
///
/// ```
/// use async_trait::async_trait;
/// use isolet_core_traits::{
///     HostFailure, HostNamespace, HostOperation, HostService, HostSession, Payload, RunInfo,
/// };
///
/// struct Clock;
///
/// #[async_trait]
/// impl HostService for Clock {
///     fn namespace(&self) -> HostNamespace {
///         let today = HostOperation::new("today");
///         HostNamespace { name: "clock".into(), exposed: true, operations: vec![today] }
///     }
///     async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
///         Ok(Box::new(Clock))
///     }
/// }
///
/// #[async_trait]
/// impl HostSession for Clock {
///     async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
///         Ok(Payload { json: r#""2026-01-01""#.into(), buffers: vec![] })
///     }
/// }
/// ```
#[async_trait]
pub trait HostService: Send + Sync + 'static {
    /// What it offers. Asked once, when the executor is built.
    fn namespace(&self) -> HostNamespace;

    /// Who checks whether a run may call it. By default the executor, by name.
    fn guard(&self) -> Guard {
        Guard::Name
    }

    /// Scripts that make its globals, where operations alone do not serve. They find its operations in their `host` if the
    /// namespace is not exposed. Asked once, when the executor is built.
    fn scripts(&self) -> Vec<LazyScript> {
        Vec::new()
    }

    /// The globals of its [`scripts`](Self::scripts) in TypeScript, as a declaration file has them.
    fn declarations(&self) -> String {
        String::new()
    }

    /// Opens the session of a run, at the run's first call to this service.
    ///
    /// # Errors
    /// A [`HostFailure`], which rejects the call.
    async fn open(&self, run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure>;
}

/// One service as one run sees it. Calls may overlap.
#[async_trait]
pub trait HostSession: Send + Sync + 'static {
    /// Makes a call. `operation` is its index in [`HostNamespace::operations`], `arguments` holds a JSON array.
    /// The future is dropped if the run ends or the call is cancelled.
    ///
    /// # Errors
    /// A [`HostFailure`], which rejects the call's promise.
    async fn call(&self, operation: u16, arguments: Payload) -> Result<Payload, HostFailure>;

    /// The same for an operation that is marked as [`blocking`](HostOperation::blocking), on a thread that may block.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    fn call_blocking(&self, operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let _ = (operation, arguments);
        Err(HostFailure::new(HostFailureKind::Failed, "HostError", "the host does not implement this operation"))
    }

    /// The run is over. Rolls back what it left open, unless the run completed. Given 1 s, then dropped.
    async fn close(&self, reason: CloseReason) {
        let _ = reason;
    }
}

impl fmt::Debug for dyn HostService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostService({})", self.namespace().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(namespaces: &[(&str, &[&str])]) -> Result<HostInterface, InterfaceError> {
        let namespace = |(name, operations): &(&str, &[&str])| HostNamespace {
            name: (*name).into(),
            exposed: true,
            operations: operations.iter().map(|name| HostOperation::new(*name)).collect(),
        };
        HostInterface::new(namespaces.iter().map(namespace).collect())
    }

    #[test]
    fn names_are_checked() {
        for (namespaces, message) in [
            (&[("a b", &[][..])][..], "\"a b\" is not a JavaScript identifier of ASCII letters, digits, _ and $"),
            (&[("", &[])], "\"\" is not a JavaScript identifier of ASCII letters, digits, _ and $"),
            (&[("1a", &[])], "\"1a\" is not a JavaScript identifier of ASCII letters, digits, _ and $"),
            (&[("input", &[])], "the name \"input\" is taken: choose another one"),
            (&[("a", &[]), ("a", &[])], "the name \"a\" is taken: choose another one"),
            (&[("a", &["x", "x"])], "the name \"x\" is taken: choose another one"),
        ] {
            assert_eq!(interface(namespaces).expect_err(message).to_string(), message);
        }
    }

    #[test]
    fn operations_are_found_by_number() {
        let host = interface(&[("a", &["x"]), ("b", &["y", "z"])]).expect("valid names");
        let (namespace, operation) = host.operation(OperationId { namespace: 1, operation: 1 }).expect("b.z");
        assert_eq!((namespace.name.as_str(), operation.name.as_str()), ("b", "z"));
        assert!(host.operation(OperationId { namespace: 1, operation: 2 }).is_none());
        assert!(host.operation(OperationId { namespace: 2, operation: 0 }).is_none());
    }
}
