//! Values on their way from Postgres, which come in its binary form.

use std::error::Error;

use isolet_core_traits::HostFailure;
use serde_json::Value;
use tokio_postgres::types::{FromSql, Kind, Type};

use super::super::failure;
use super::super::rows::{Cell, Rows};
use super::super::statement::EXACT_INTEGER_MAX;
use super::dates;

/// The bytes of a value.
pub(super) struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Adds the value of a column to a row.
pub(super) fn add(rows: &mut Rows, name: &str, ty: &Type, raw: Option<Raw<'_>>) -> Result<(), HostFailure> {
    let Some(Raw(raw)) = raw else { return rows.add(Cell::Null) };
    let unknown = || {
        let message =
            format!("the column {name} has the type {ty}, which scripts cannot read: cast it, as in {name}::text");
        failure::sql(message)
    };
    match decoded(ty, raw).ok_or_else(unknown)? {
        Decoded::Cell(cell) => rows.add(cell),
        Decoded::Text(text) => rows.add(Cell::Text(&text)),
        Decoded::Json(value) => rows.add_json(&value),
    }
}

enum Decoded<'a> {
    Cell(Cell<'a>),
    Text(String),
    Json(Value),
}

fn decoded<'a>(ty: &Type, raw: &'a [u8]) -> Option<Decoded<'a>> {
    if let Kind::Array(element) = ty.kind() {
        return array(element, raw).map(Decoded::Json);
    }
    let cell = match *ty {
        Type::BOOL => Cell::Bool(raw != [0]),
        Type::INT2 => Cell::Integer(i16::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT4 => Cell::Integer(i32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::OID => Cell::Integer(u32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT8 => Cell::Integer(i64::from_be_bytes(raw.try_into().ok()?)),
        // By way of the shortest text, so that 0.1 stays 0.1.
        Type::FLOAT4 => Cell::Real(f32::from_be_bytes(raw.try_into().ok()?).to_string().parse().ok()?),
        Type::FLOAT8 => Cell::Real(f64::from_be_bytes(raw.try_into().ok()?)),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::CHAR | Type::XML => {
            Cell::Text(std::str::from_utf8(raw).ok()?)
        }
        Type::BYTEA => Cell::Bytes(raw),
        Type::VOID => Cell::Null,
        _ => return other(ty, raw),
    };
    Some(Decoded::Cell(cell))
}

fn other<'a>(ty: &Type, raw: &'a [u8]) -> Option<Decoded<'a>> {
    let int8 = |raw: &[u8]| raw.try_into().map(i64::from_be_bytes).ok();
    let int4 = |raw: &[u8]| raw.try_into().map(i32::from_be_bytes).ok();
    Some(match *ty {
        Type::JSON => json(raw)?,
        Type::JSONB => json(raw.strip_prefix(&[1])?)?,
        Type::NUMERIC => Decoded::Text(numeric(raw)?),
        Type::UUID => Decoded::Text(uuid(raw.try_into().ok()?)),
        Type::DATE => Decoded::Text(dates::date(int4(raw)?)),
        Type::TIME => Decoded::Text(dates::time(int8(raw)?)),
        Type::TIMESTAMP => Decoded::Text(dates::timestamp(int8(raw)?, false)),
        Type::TIMESTAMPTZ => Decoded::Text(dates::timestamp(int8(raw)?, true)),
        Type::INTERVAL => {
            let (micros, days, months) = (raw.get(..8)?, raw.get(8..12)?, raw.get(12..)?);
            Decoded::Text(dates::interval(int4(months)?, int4(days)?, int8(micros)?))
        }
        _ => return None,
    })
}

/// As text if it holds what `JSON.parse` would take and this does not: numbers beyond all bounds, or too much depth.
fn json(raw: &[u8]) -> Option<Decoded<'_>> {
    match serde_json::from_slice(raw) {
        Ok(value) => Some(Decoded::Json(value)),
        Err(_) => std::str::from_utf8(raw).ok().map(|text| Decoded::Cell(Cell::Text(text))),
    }
}

fn uuid(raw: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(raw));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Digits to the base of 10,000 with the weight of the first, and how many decimals are shown.
fn numeric(raw: &[u8]) -> Option<String> {
    let mut words = raw.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let (_count, weight, sign, scale) = (words.next()?, words.next()? as i16, words.next()?, words.next()?);
    match sign {
        0xC000 => return Some("NaN".into()),
        0xD000 => return Some("Infinity".into()),
        0xF000 => return Some("-Infinity".into()),
        _ => {}
    }
    let digits: Vec<u16> = words.collect();
    let group = |at: i32| usize::try_from(at).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
    let mut text = String::from(if sign == 0x4000 { "-" } else { "" });
    match weight {
        ..0 => text.push('0'),
        _ => {
            text += &group(0).to_string();
            (1..=i32::from(weight)).for_each(|at| text += &format!("{:04}", group(at)));
        }
    }
    if scale > 0 {
        let groups = i32::from(scale.div_ceil(4));
        let decimals: String = (1..=groups).map(|at| format!("{:04}", group(i32::from(weight) + at))).collect();
        text = text + "." + &decimals[..usize::from(scale)];
    }
    Some(text)
}

/// Of any dimensions. Bytes cannot be in it, and integers that numbers cannot hold are texts.
fn array(element: &Type, raw: &[u8]) -> Option<Value> {
    let word = |at: usize| raw.get(at * 4..at * 4 + 4).and_then(|word| word.try_into().ok()).map(i32::from_be_bytes);
    let dimensions = usize::try_from(word(0)?).ok()?;
    if dimensions == 0 {
        return Some(Value::Array(Vec::new()));
    }
    let sizes: Option<Vec<usize>> =
        (0..dimensions).map(|at| word(3 + at * 2).and_then(|size| usize::try_from(size).ok())).collect();
    let mut rest = raw.get((3 + dimensions * 2) * 4..)?;
    nested(element, &sizes?, &mut rest)
}

fn nested(element: &Type, sizes: &[usize], rest: &mut &[u8]) -> Option<Value> {
    let Some((size, inner)) = sizes.split_first() else { return one(element, rest) };
    (0..*size).map(|_| nested(element, inner, rest)).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn one(element: &Type, rest: &mut &[u8]) -> Option<Value> {
    let (length, after) = rest.split_first_chunk()?;
    *rest = after;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else { return Some(Value::Null) };
    let (raw, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(match decoded(element, raw)? {
        Decoded::Json(value) => value,
        Decoded::Text(text) => Value::String(text),
        Decoded::Cell(cell) => match cell {
            Cell::Null => Value::Null,
            Cell::Bool(value) => Value::Bool(value),
            Cell::Integer(integer) if integer.abs() > EXACT_INTEGER_MAX => Value::String(integer.to_string()),
            Cell::Integer(integer) => Value::from(integer),
            Cell::Real(real) if real.is_finite() => Value::from(real),
            Cell::Real(real) => Value::String(real.to_string()),
            Cell::Text(text) => Value::String(text.to_owned()),
            Cell::Bytes(_) => return None,
        },
    })
}
