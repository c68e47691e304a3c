//! A statement as a script sent it: text, parameters, and how to give integers back.

use isolet_core_traits::{HostFailure, Payload};
use serde_json::Value;

use super::failure;
use super::limits::DbLimits;

/// The largest integer that numbers of JavaScript hold exactly.
pub(super) const EXACT_INTEGER_MAX: i64 = (1 << 53) - 1;

/// A statement with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) integers: Integers,
    pub(super) wanted: Wanted,
}

/// What the script asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The rows.
    Rows,
    /// What changed.
    Changes,
}

/// How integers cross that numbers cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integers {
    BigInt,
    String,
}

/// A value from a script.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parameter {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    /// A BigInt that is no `Integer`, in digits.
    BigInt(String),
    Text(String),
    Bytes(Vec<u8>),
    /// An object or an array.
    Json(Value),
}

impl Statement {
    /// Reads `[transaction, sql, parameters, integers as strings]`: the number of the transaction, and the statement.
    pub(super) fn read(
        arguments: Payload,
        wanted: Wanted,
        limits: &DbLimits,
    ) -> Result<(Option<u32>, Self), HostFailure> {
        let read: Result<(Option<u32>, String, Vec<Value>, bool), _> = serde_json::from_str(&arguments.json);
        let (transaction, sql, values, as_strings) =
            read.map_err(|_| failure::sql("a parameter cannot be sent: its JSON is nested too deeply, or no JSON"))?;
        if sql.len() > limits.sql_bytes_max {
            let (bytes, max) = (sql.len(), limits.sql_bytes_max);
            return Err(failure::limit(format!("the SQL has {bytes} bytes, at most {max} are allowed")));
        }
        if sql.contains('\0') {
            return Err(failure::sql("the SQL has a character U+0000"));
        }
        let mut buffers: Vec<_> = arguments.buffers.into_iter().map(Some).collect();
        let parameters: Result<_, _> =
            values.into_iter().enumerate().map(|(at, value)| parameter(at, value, &mut buffers)).collect();
        let integers = if as_strings { Integers::String } else { Integers::BigInt };
        Ok((transaction, Self { sql, parameters: parameters?, integers, wanted }))
    }
}

fn parameter(at: usize, value: Value, buffers: &mut [Option<Vec<u8>>]) -> Result<Parameter, HostFailure> {
    Ok(match value {
        Value::Null => Parameter::Null,
        Value::Bool(value) => Parameter::Bool(value),
        Value::String(text) => Parameter::Text(text),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Parameter::Integer(integer),
            None => Parameter::Real(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::Object(object) => match tagged(&object) {
            Some(("$bigint", Value::String(digits))) => match digits.parse() {
                Ok(integer) => Parameter::Integer(integer),
                Err(_) => Parameter::BigInt(digits.clone()),
            },
            Some(("$buffer", Value::Number(index))) => {
                let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                let bytes = index.and_then(|index| buffers.get_mut(index)).and_then(Option::take);
                Parameter::Bytes(bytes.ok_or_else(|| failure::sql(format!("parameter {} has no bytes", at + 1)))?)
            }
            _ => Parameter::Json(plain(Value::Object(object), at)?),
        },
        array => Parameter::Json(plain(array, at)?),
    })
}

fn tagged(object: &serde_json::Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, value) = object.iter().next()?;
    (object.len() == 1).then_some((key.as_str(), value))
}

/// JSON without the tags of payloads: keys as the script has them, and nothing that JSON has not.
fn plain(value: Value, at: usize) -> Result<Value, HostFailure> {
    Ok(match value {
        Value::Array(values) => {
            Value::Array(values.into_iter().map(|value| plain(value, at)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) if matches!(tagged(&object), Some(("$bigint" | "$buffer", _))) => {
            let message = format!("parameter {} holds a BigInt or bytes inside of JSON, which has neither", at + 1);
            return Err(failure::sql(message));
        }
        Value::Object(object) => {
            let entries = object.into_iter().map(|(key, value)| {
                let key = if key.starts_with("$$") { key[1..].to_owned() } else { key };
                Ok((key, plain(value, at)?))
            });
            Value::Object(entries.collect::<Result<_, HostFailure>>()?)
        }
        plain => plain,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(json: &str, buffers: Vec<Vec<u8>>) -> Result<Vec<Parameter>, String> {
        let arguments = Payload { json: format!("[null, \"\", {json}, false]"), buffers };
        let read = Statement::read(arguments, Wanted::Rows, &DbLimits::default());
        read.map(|(_, statement)| statement.parameters).map_err(|failure| failure.message)
    }

    #[test]
    fn values_keep_their_types() {
        let json = r#"[null, true, 1, -9007199254740993, 1.5, 1e21, {"$bigint": "9223372036854775807"},
            {"$bigint": "9223372036854775808"}, "a", {"$buffer": 0}, {"$$bigint": "1"}, [{"a": 1}]]"#;
        let expected = vec![
            Parameter::Null,
            Parameter::Bool(true),
            Parameter::Integer(1),
            Parameter::Integer(-9_007_199_254_740_993),
            Parameter::Real(1.5),
            Parameter::Real(1e21),
            Parameter::Integer(i64::MAX),
            Parameter::BigInt("9223372036854775808".into()),
            Parameter::Text("a".into()),
            Parameter::Bytes(vec![1, 2]),
            Parameter::Json(serde_json::json!({"$bigint": "1"})),
            Parameter::Json(serde_json::json!([{"a": 1}])),
        ];
        assert_eq!(parameters(json, vec![vec![1, 2]]), Ok(expected));
    }

    #[test]
    fn what_cannot_be_a_parameter_is_refused() {
        for (json, buffers, message) in [
            (r#"[1, {"$buffer": 0}]"#, vec![], "parameter 2 has no bytes"),
            (r#"[{"$buffer": 0}, {"$buffer": 0}]"#, vec![vec![1]], "parameter 2 has no bytes"),
            (
                r#"[[{"$bigint": "1"}]]"#,
                vec![],
                "parameter 1 holds a BigInt or bytes inside of JSON, which has neither",
            ),
            ("[1", vec![], "a parameter cannot be sent: its JSON is nested too deeply, or no JSON"),
        ] {
            assert_eq!(parameters(json, buffers), Err(message.to_owned()), "{json}");
        }
    }
}
