//! The `context` that a script sees: what the caller gave, then the standard names, which win.

use std::fmt;

use isolet_core_traits::{JsonError, JsonText, RunInfo};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// The fields that every script finds.
const STANDARD: [&str; 5] = ["tenant", "user", "organization", "script", "execution"];

/// The caller's fields, in their order, each as the JSON that it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContextFields(Vec<(String, Box<RawValue>)>);

impl ContextFields {
    /// Takes an object apart; `None` if `json` is no object.
    pub(crate) fn parse(json: &JsonText) -> Option<Self> {
        serde_json::from_str(json.as_str()).ok()
    }

    /// Adds the standard fields of `run`.
    pub(crate) fn merged(&self, run: &RunInfo) -> Result<JsonText, JsonError> {
        JsonText::from_value(&Merged { fields: &self.0, run })
    }
}

impl<'de> Deserialize<'de> for ContextFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = ContextFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ContextFields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry::<String, Box<RawValue>>()? {
            if !STANDARD.contains(&field.0.as_str()) {
                fields.push(field);
            }
        }
        Ok(ContextFields(fields))
    }
}

struct Merged<'a> {
    fields: &'a [(String, Box<RawValue>)],
    run: &'a RunInfo,
}

impl Serialize for Merged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tenant", &self.run.tenant)?;
        map.serialize_entry("user", &self.run.user)?;
        map.serialize_entry("organization", &self.run.organization)?;
        map.serialize_entry("script", &self.run.script)?;
        map.serialize_entry("execution", &self.run.execution)?;
        for (name, value) in self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use isolet_core_traits::{ExecutionId, Grants, ScriptId, TenantId, UserId};

    use super::*;

    fn check(fields: &str, expected: &Expect) {
        let run = RunInfo {
            execution: ExecutionId::new("e1").expect("an id"),
            tenant: TenantId::new("acme").expect("an id"),
            user: Some(UserId::new("u1").expect("an id")),
            organization: None,
            script: ScriptId::new("a.js").expect("an id"),
            traceparent: None,
            grants: Grants::default(),
        };
        let fields = ContextFields::parse(&JsonText::parse(fields).expect("JSON"));
        let merged = fields.map(|fields| fields.merged(&run).expect("JSON").as_str().to_owned());
        expected.assert_eq(&merged.unwrap_or_else(|| "no object".into()));
    }

    #[test]
    fn fields_are_merged() {
        let standard =
            expect![[r#"{"tenant":"acme","user":"u1","organization":null,"script":"a.js","execution":"e1"}"#]];
        check("{}", &standard);
        check(r#"{"tenant":"evil","execution":7}"#, &standard);
        check(
            r#"{"z": [1, 2.50], "a": {"tenant": "fine"}}"#,
            &expect![[
                r#"{"tenant":"acme","user":"u1","organization":null,"script":"a.js","execution":"e1","z":[1, 2.50],"a":{"tenant": "fine"}}"#
            ]],
        );
        check("[1]", &expect!["no object"]);
        check("null", &expect!["no object"]);
    }

    #[test]
    fn depth_is_no_obstacle() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
        assert!(ContextFields::parse(&JsonText::parse(deep).expect("JSON")).is_some());
    }
}
