//! The native `headers`: lists of headers, as texts with a line `name:value` for each, names in lower case.
//!
//! Neither names nor values can have a line break, and names no colon.

use std::collections::BTreeMap;

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use super::{check_texts, refused, string};

/// `native.headers(change, state, name, value)`: see [`Change`].
pub(super) const NATIVE: Native = Native { name: "headers", arguments: 4, call: headers };

const SET_COOKIE: &str = "set-cookie";

/// What is done with a list, by its number in headers.js.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// The text of one header.
    One,
    Set,
    Delete,
    Get,
    Has,
    /// All headers, sorted, those of one name as one: a line for each name and each value.
    Combined,
    /// A line for each value of `set-cookie`.
    Cookies,
}

impl Change {
    const ALL: [Self; 7] = [Self::One, Self::Set, Self::Delete, Self::Get, Self::Has, Self::Combined, Self::Cookies];
}

fn headers(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    check_texts(arguments)?;
    let [NativeValue::Number(number), NativeValue::String(state), name, value] = arguments else {
        return Err(refused());
    };
    let change = *Change::ALL.get(*number as usize).ok_or_else(refused)?;
    let name = match (change, name) {
        (Change::Combined | Change::Cookies, _) => String::new(),
        (_, NativeValue::String(name)) => checked_name(name)?,
        _ => return Err(refused()),
    };
    let others = || lines(state).filter(|(of, _)| *of != name);
    Ok(match change {
        Change::One => NativeValue::String(format!("{name}:{}\n", checked_value(value)?)),
        Change::Set => {
            let value = checked_value(value)?;
            let mut all: String =
                lines(state).take_while(|(of, _)| *of != name).map(|(of, value)| format!("{of}:{value}\n")).collect();
            let rest = lines(state).skip_while(|(of, _)| *of != name).filter(|(of, _)| *of != name);
            all.push_str(&format!("{name}:{value}\n"));
            all.extend(rest.map(|(of, value)| format!("{of}:{value}\n")));
            NativeValue::String(all)
        }
        Change::Delete => NativeValue::String(others().map(|(of, value)| format!("{of}:{value}\n")).collect()),
        Change::Get => {
            let values: Vec<_> = lines(state).filter(|(of, _)| *of == name).map(|(_, value)| value).collect();
            string((!values.is_empty()).then(|| values.join(", ")))
        }
        Change::Has => NativeValue::Bool(lines(state).any(|(of, _)| of == name)),
        Change::Combined => NativeValue::String(combined(state)),
        Change::Cookies => {
            let cookies = lines(state).filter(|(name, _)| *name == SET_COOKIE);
            NativeValue::String(cookies.map(|(_, value)| format!("{value}\n")).collect())
        }
    })
}

fn lines(state: &str) -> impl Iterator<Item = (&str, &str)> {
    state.lines().filter_map(|line| line.split_once(':'))
}

fn combined(state: &str) -> String {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in lines(state) {
        by_name.entry(name).or_default().push(value);
    }
    let mut all = String::new();
    for (name, values) in by_name {
        let each: Vec<_> =
            if name == SET_COOKIE { values.into_iter().map(str::to_owned).collect() } else { vec![values.join(", ")] };
        for value in each {
            all.push_str(&format!("{name}\n{value}\n"));
        }
    }
    all
}

fn type_error(message: &str) -> NativeFailure {
    NativeFailure { name: "TypeError", message: message.into() }
}

/// A token of HTTP, in lower case.
fn checked_name(name: &str) -> Result<String, NativeFailure> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(type_error("the name is not one of a header"));
    }
    Ok(name.to_ascii_lowercase())
}

/// A byte string without the white space around it, and without what would end the header.
fn checked_value(value: &NativeValue) -> Result<&str, NativeFailure> {
    let NativeValue::String(value) = value else { return Err(refused()) };
    let value = value.trim_matches(['\t', '\n', '\r', ' ']);
    if value.chars().any(|c| matches!(c, '\0' | '\n' | '\r') || c > '\u{FF}') {
        return Err(type_error("the value is not one of a header"));
    }
    Ok(value)
}
