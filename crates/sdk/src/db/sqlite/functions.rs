//! Builtins that compare every place of a text with all of another one, replaced by such as need only one look at both.
//!
//! SQLite cannot be stopped inside of them: two texts of megabytes would keep a thread for minutes.

use std::collections::HashSet;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

use super::connection::VALUE_BYTES_MAX;

const FLAGS: FunctionFlags =
    FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC).union(FunctionFlags::SQLITE_INNOCUOUS);

pub(super) fn replace(sqlite: &Connection) -> Result<()> {
    sqlite.create_scalar_function(c"instr", 2, FLAGS, instr)?;
    sqlite.create_scalar_function(c"replace", 3, FLAGS, replaced)?;
    sqlite.create_scalar_function(c"trim", 2, FLAGS, |context| trimmed(context, true, true))?;
    sqlite.create_scalar_function(c"ltrim", 2, FLAGS, |context| trimmed(context, true, false))?;
    sqlite.create_scalar_function(c"rtrim", 2, FLAGS, |context| trimmed(context, false, true))?;
    sqlite.create_scalar_function(c"unhex", 2, FLAGS, unhexed)
}

/// `instr(X, Y)`: in bytes if both are blobs, else in characters.
fn instr(context: &Context<'_>) -> Result<Option<i64>> {
    let (whole, part) = (context.get_raw(0), context.get_raw(1));
    if let (ValueRef::Blob(whole), ValueRef::Blob(part)) = (whole, part) {
        return Ok(Some(position(whole, part).map_or(0, |at| at as i64 + 1)));
    }
    let (Some(whole), Some(part)) = (text(whole), text(part)) else { return Ok(None) };
    let at = whole.find(&part);
    Ok(Some(at.map_or(0, |at| whole[..at].chars().count() as i64 + 1)))
}

/// By way of the search in texts, which is linear: each byte as the character of that number.
fn position(whole: &[u8], part: &[u8]) -> Option<usize> {
    let latin = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect::<String>();
    let whole = latin(whole);
    whole.find(&latin(part)).map(|at| whole[..at].chars().count())
}

/// `replace(X, Y, Z)`.
fn replaced(context: &Context<'_>) -> Result<Option<String>> {
    let texts = (text(context.get_raw(0)), text(context.get_raw(1)), text(context.get_raw(2)));
    let (Some(whole), Some(part), Some(by)) = texts else { return Ok(None) };
    if part.is_empty() {
        return Ok(Some(whole));
    }
    let mut result = String::new();
    let mut done = 0;
    for (at, _) in whole.match_indices(&part) {
        result.push_str(&whole[done..at]);
        result.push_str(&by);
        done = at + part.len();
        if result.len() > VALUE_BYTES_MAX as usize {
            return Err(Error::UserFunctionError("string or blob too big".into()));
        }
    }
    result.push_str(&whole[done..]);
    Ok(Some(result))
}

/// `trim(X, Y)` and its halves.
fn trimmed(context: &Context<'_>, start: bool, end: bool) -> Result<Option<String>> {
    let (Some(whole), Some(characters)) = (text(context.get_raw(0)), text(context.get_raw(1))) else { return Ok(None) };
    let characters: HashSet<char> = characters.chars().collect();
    let is_trimmed = |c: char| characters.contains(&c);
    let rest = if start { whole.trim_start_matches(is_trimmed) } else { &whole };
    let rest = if end { rest.trim_end_matches(is_trimmed) } else { rest };
    Ok(Some(rest.to_owned()))
}

/// `unhex(X, Y)`: the characters of `Y` may stand between the bytes of `X`.
fn unhexed(context: &Context<'_>) -> Result<Value> {
    let (Some(whole), Some(ignored)) = (text(context.get_raw(0)), text(context.get_raw(1))) else {
        return Ok(Value::Null);
    };
    let ignored: HashSet<char> = ignored.chars().filter(|c| !c.is_ascii_hexdigit()).collect();
    let mut bytes = Vec::new();
    let mut characters = whole.chars().peekable();
    while let Some(first) = characters.next() {
        if ignored.contains(&first) {
            continue;
        }
        let digits = (first.to_digit(16), characters.next().and_then(|second| second.to_digit(16)));
        let (Some(high), Some(low)) = digits else { return Ok(Value::Null) };
        bytes.push((high * 16 + low) as u8);
    }
    Ok(Value::Blob(bytes))
}

/// A value as text, as SQLite converts it; none for NULL.
fn text(value: ValueRef<'_>) -> Option<String> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => real_text(real),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    })
}

/// As `%!.15g` has it: 15 digits, and always a point.
fn real_text(real: f64) -> String {
    if !real.is_finite() {
        return if real > 0.0 { "Inf".into() } else { "-Inf".into() };
    }
    let scientific = format!("{real:.14e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let short = |digits: &str| match digits.trim_end_matches('0') {
        whole if whole.ends_with('.') => format!("{whole}0"),
        short => short.to_owned(),
    };
    match usize::try_from(14 - exponent) {
        Ok(decimals @ 0..=18) => short(&format!("{real:.*}", decimals.max(1))),
        _ => format!("{}e{}{:02}", short(digits), if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the builtins say, they say, too.
    #[test]
    fn they_do_as_the_builtins_do() {
        let (builtin, ours) =
            (Connection::open_in_memory().expect("memory"), Connection::open_in_memory().expect("memory"));
        replace(&ours).expect("they are installed");
        let texts = [
            "''",
            "'a'",
            "'abcab'",
            "'ab'",
            "'éaé'",
            "'é'",
            "NULL",
            "12.5",
            "-3",
            "x'6162'",
            "x'62'",
            "x''",
            "1e100",
            "0.1",
            "-1.5e-7",
            "1e14",
            "1e15",
            "0.0001",
            "1.0/3",
            "123456789.123456789",
            "9e999",
        ];
        let mut count = 0;
        for one in texts {
            for other in texts {
                for call in [
                    format!("instr({one}, {other})"),
                    format!("replace({one}, {other}, 'XY')"),
                    format!("replace({one}, 'a', {other})"),
                    format!("trim({one}, {other})"),
                    format!("ltrim({one}, {other})"),
                    format!("rtrim({one}, {other})"),
                    format!("unhex({one}, {other})"),
                    format!("unhex('61 - 62', ' -' || {other})"),
                ] {
                    let ask = |sqlite: &Connection| {
                        sqlite.query_row(&format!("SELECT quote({call})"), [], |row| row.get::<_, String>(0))
                    };
                    assert_eq!(ask(&ours), ask(&builtin), "{call}");
                    count += 1;
                }
            }
        }
        assert_eq!(count, texts.len() * texts.len() * 8);
    }
}
