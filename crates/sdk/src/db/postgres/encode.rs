//! Values on their way to Postgres: as text, which the server reads as the type that the statement wants.

use std::error::Error;

use serde_json::Value;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

use super::super::statement::Parameter;

/// A parameter with its number.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) usize, pub(super) &'a Parameter);

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Self(number, parameter) = self;
        let text = match parameter {
            Parameter::Null => return Ok(IsNull::Yes),
            Parameter::Bool(value) => value.to_string(),
            Parameter::Integer(integer) => integer.to_string(),
            Parameter::Real(real) => real.to_string(),
            Parameter::BigInt(text) | Parameter::Text(text) => match text.contains('\0') {
                true => {
                    return Err(format!("parameter {number} has a character U+0000, which Postgres cannot keep").into());
                }
                false => text.clone(),
            },
            Parameter::Bytes(bytes) if *ty == Type::BYTEA => {
                out.extend_from_slice(bytes);
                return Ok(IsNull::No);
            }
            Parameter::Bytes(_) => return Err(format!("parameter {number} is bytes where {ty} is wanted").into()),
            Parameter::Json(value) if matches!(*ty, Type::JSON | Type::JSONB) => value.to_string(),
            Parameter::Json(Value::Array(values)) if matches!(ty.kind(), Kind::Array(_)) => array(values),
            Parameter::Json(_) => {
                return Err(format!("parameter {number} is an object or an array where {ty} is wanted").into());
            }
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, ty: &Type) -> Format {
        match self.1 {
            Parameter::Bytes(_) if *ty == Type::BYTEA => Format::Binary,
            _ => Format::Text,
        }
    }

    to_sql_checked!();
}

/// As Postgres writes arrays. Every text is in quotes, so that none is a keyword or a delimiter.
fn array(values: &[Value]) -> String {
    let values = values.iter().map(|value| match value {
        Value::Null => "NULL".into(),
        Value::Array(values) => array(values),
        Value::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Value::Object(_) => format!("\"{}\"", value.to_string().replace('\\', "\\\\").replace('"', "\\\"")),
        plain => plain.to_string(),
    });
    format!("{{{}}}", values.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_written() {
        let values = serde_json::json!(["a", "\"},\\", null, "NULL", 1, true, [["x"]], {"k": "v"}]);
        let expected = r#"{"a","\"},\\",NULL,"NULL",1,true,{{"x"}},"{\"k\":\"v\"}"}"#;
        assert_eq!(array(values.as_array().expect("an array")), expected);
    }
}
