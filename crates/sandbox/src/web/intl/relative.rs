//! Times that are told from now: `in 3 days`, `yesterday`.

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use super::{Parts, number};
use crate::web::refused;

/// `native.relative(unit, style, value, isAuto, inParts)`, or `null` for what is no unit.
pub(super) const NATIVE: Native = Native { name: "relative", arguments: 5, call: relative };

/// Of each unit its names in short, for one and for many, and in narrow form, and what one is called of its kind.
const UNITS: [(&str, [&str; 4]); 8] = [
    ("second", ["sec.", "sec.", "s", ""]),
    ("minute", ["min.", "min.", "m", "minute"]),
    ("hour", ["hr.", "hr.", "h", "hour"]),
    ("day", ["day", "days", "d", ""]),
    ("week", ["wk.", "wk.", "w", "wk."]),
    ("month", ["mo.", "mo.", "mo", "mo."]),
    ("quarter", ["qtr.", "qtrs.", "q", "qtr."]),
    ("year", ["yr.", "yr.", "y", "yr."]),
];

fn relative(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    use NativeValue::{Bool, Number, String};
    let [String(unit), String(style), Number(value), Bool(is_auto), Bool(in_parts)] = arguments else {
        return Err(refused());
    };
    let singular = unit.strip_suffix('s').unwrap_or(unit);
    let Some((unit, [short, shorts, narrow, kind])) = UNITS.iter().find(|(unit, _)| *unit == singular) else {
        return Ok(NativeValue::Null);
    };
    let mut parts = Parts::default();
    if *is_auto && let Some(word) = word(unit, if style == "long" { unit } else { kind }, *value) {
        parts.literal(&word);
        return Ok(parts.into_value(*in_parts));
    }
    let is_past = value.is_sign_negative();
    parts.literal(if is_past { "" } else { "in " });
    let is_one = number::count(value.abs(), &mut parts);
    parts.literal(&match (&**style, is_one) {
        ("short", true) => format!(" {short}"),
        ("short", false) => format!(" {shorts}"),
        ("narrow", _) => (*narrow).to_owned(),
        (_, true) => format!(" {unit}"),
        (_, false) => format!(" {unit}s"),
    });
    parts.literal(if is_past { " ago" } else { "" });
    Ok(parts.into_value(*in_parts))
}

/// What a few times are called; `kind` is how the unit is written there.
fn word(unit: &str, kind: &str, value: f64) -> Option<String> {
    let at = [-1.0, 0.0, 1.0].iter().position(|known| *known == value)?;
    Some(match (unit, at) {
        ("second", 1) => "now".to_owned(),
        ("second", _) => return None,
        ("day", _) => ["yesterday", "today", "tomorrow"][at].to_owned(),
        ("minute" | "hour", 1) => format!("this {kind}"),
        ("minute" | "hour", _) => return None,
        _ => format!("{} {kind}", ["last", "this", "next"][at]),
    })
}
