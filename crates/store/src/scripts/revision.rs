//! What a script is at one time, and the name that follows from it.

use std::sync::Arc;

use isolet_core_traits::{
    LimitOverrides, Permissions, ScriptId, Source, SourceKind, StoredScript, TenantId, Timestamp,
};

use crate::error::StoreError;

/// Sets these hashes apart from all others. Changed with what is hashed.
const PURPOSE: &str = "isolet 2026 script revision v1";

/// The longest limits, permissions and policy together, as JSON, in bytes.
const DETAILS_BYTES_MAX: usize = 64 << 10;

/// A script to be put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptDraft {
    /// Its text.
    pub text: String,
    /// How to read it.
    pub kind: SourceKind,
    /// Limits below those of its tenant's plan. One that is above them holds as if it were not there.
    pub limits: LimitOverrides,
    /// What it may use, out of what its tenant's scripts may. `None`: all of that.
    pub permissions: Option<Permissions>,
    /// The name of the policy that it is written for. An executor of another policy refuses it.
    pub policy: Option<String>,
}

/// A revision of a script.
#[derive(Debug, Clone)]
pub struct ScriptRevision {
    /// Its name: a hash of all that is in [`script`](Self::script). The same script is the same revision, whenever it was put.
    pub revision: Arc<str>,
    /// How many changes there had been to the script when it became current, this one included.
    pub version: u64,
    /// When that was.
    pub at: Timestamp,
    /// What an execution gets.
    pub script: StoredScript,
    pub(crate) change: i64,
}

/// A revision as its row has it.
pub(super) struct Columns {
    pub(super) version: i64,
    pub(super) change: i64,
    pub(super) changed_ms: i64,
    pub(super) revision: String,
    pub(super) kind: String,
    pub(super) text: Vec<u8>,
    pub(super) limits: String,
    pub(super) permissions: Option<String>,
    pub(super) policy: Option<String>,
}

/// A draft as its row will have it.
pub(super) struct Fresh {
    pub(super) revision: String,
    pub(super) limits: String,
    pub(super) permissions: Option<String>,
}

impl ScriptDraft {
    /// A script with nothing besides its text.
    pub fn new(text: impl Into<String>, kind: SourceKind) -> Self {
        Self { text: text.into(), kind, ..Self::default() }
    }

    pub(super) fn fresh(&self) -> Result<Fresh, StoreError> {
        let json = "plain data without maps of odd keys";
        let limits = serde_json::to_string(&self.limits).expect(json);
        let permissions = self.permissions.as_ref().map(|permissions| serde_json::to_string(permissions).expect(json));
        let bytes = [permissions.as_ref(), self.policy.as_ref()].into_iter().flatten().map(String::len).sum::<usize>();
        if bytes + limits.len() > DETAILS_BYTES_MAX {
            let what = "limits, permissions and policy";
            return Err(StoreError::TooLarge { what, bytes: bytes + limits.len(), bytes_max: DETAILS_BYTES_MAX });
        }
        let revision =
            name(self.kind.as_str(), self.text.as_bytes(), &limits, permissions.as_deref(), self.policy.as_deref());
        Ok(Fresh { revision, limits, permissions })
    }
}

impl Columns {
    /// What the row says, if it is what was written.
    pub(super) fn revision(self, tenant: &TenantId, script: &ScriptId) -> Result<ScriptRevision, StoreError> {
        let damaged =
            |what: &str| StoreError::damaged(format!("{what} of {script} of {tenant}, revision {}", self.revision));
        let (permissions, policy) = (self.permissions.as_deref(), self.policy.as_deref());
        if name(&self.kind, &self.text, &self.limits, permissions, policy) != self.revision {
            return Err(damaged("the content"));
        }
        let kind = SourceKind::named(&self.kind).ok_or_else(|| damaged("the kind"))?;
        let limits = serde_json::from_str(&self.limits).map_err(|_| damaged("the limits"))?;
        let permissions = permissions.map(serde_json::from_str).transpose().map_err(|_| damaged("the permissions"))?;
        let at = Timestamp::from_unix_ms(self.changed_ms).ok_or_else(|| damaged("the time"))?;
        let text = std::str::from_utf8(&self.text).map_err(|_| damaged("the text"))?;
        let revision: Arc<str> = self.revision.as_str().into();
        Ok(ScriptRevision {
            version: self.version.unsigned_abs(),
            at,
            change: self.change,
            script: StoredScript {
                source: Source::named(script.clone(), text, kind),
                revision: revision.clone(),
                limits,
                permissions: permissions.map(Arc::new),
                policy: policy.map(Into::into),
            },
            revision,
        })
    }
}

/// 32 hexadecimal digits of BLAKE3 over all parts, each with its length before it.
fn name(kind: &str, text: &[u8], limits: &str, permissions: Option<&str>, policy: Option<&str>) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(PURPOSE);
    let mut part = |bytes: Option<&[u8]>| {
        hasher.update(&[u8::from(bytes.is_some())]);
        let bytes = bytes.unwrap_or_default();
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    part(Some(kind.as_bytes()));
    part(Some(text));
    part(Some(limits.as_bytes()));
    part(permissions.map(str::as_bytes));
    part(policy.map(str::as_bytes));
    hasher.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everything_counts() {
        let plain = ScriptDraft::new("1", SourceKind::Auto);
        let limits = LimitOverrides { output_bytes: Some(1), ..LimitOverrides::default() };
        let drafts = [
            ScriptDraft::new("2", SourceKind::Auto),
            ScriptDraft::new("1", SourceKind::Body),
            ScriptDraft { limits, ..plain.clone() },
            ScriptDraft { permissions: Some(Permissions::default()), ..plain.clone() },
            ScriptDraft { permissions: Some(Permissions::all()), ..plain.clone() },
            ScriptDraft { policy: Some("strict".into()), ..plain.clone() },
            ScriptDraft { policy: Some(String::new()), ..plain.clone() },
        ];
        let names: HashSet<String> = drafts.iter().map(|draft| draft.fresh().expect("small").revision).collect();
        assert_eq!(names.len(), drafts.len());
        // Rows hold these names: what is hashed, and how, cannot change unnoticed.
        assert_eq!(plain.fresh().expect("small").revision, "0b1e80ef5b70180e8100d5a04d1e57b3");
    }
}
