//! Results on their way to a script: JSON with tags, counted and bounded as it is written.

use std::fmt::Write;

use isolet_core_traits::{HostFailure, Payload};

use super::failure;
use super::limits::DbLimits;
use super::statement::{EXACT_INTEGER_MAX, Integers};

/// A value from a database.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    #[cfg_attr(not(feature = "db-postgres"), allow(dead_code, reason = "SQLite has none"))]
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A JSON array of objects in the making. Bounded in rows and in bytes.
#[derive(Debug)]
pub(super) struct Rows {
    json: String,
    buffers: Vec<Vec<u8>>,
    buffers_bytes: usize,
    /// As JSON, each with its colon.
    keys: Vec<String>,
    /// Where the next value goes in its row.
    column: usize,
    rows: usize,
    integers: Integers,
    rows_max: usize,
    bytes_max: usize,
}

impl Rows {
    /// No rows yet, of these columns.
    pub(super) fn new<'a>(columns: impl Iterator<Item = &'a str>, integers: Integers, limits: &DbLimits) -> Self {
        Self {
            json: "[".into(),
            buffers: Vec::new(),
            buffers_bytes: 0,
            keys: columns.map(|name| format!("{}:", quoted(&escaped(name)))).collect(),
            column: 0,
            rows: 0,
            integers,
            rows_max: limits.rows_max,
            bytes_max: limits.result_bytes_max,
        }
    }

    /// Begins a row.
    pub(super) fn begin(&mut self) -> Result<(), HostFailure> {
        if self.rows == self.rows_max {
            return Err(failure::limit(format!("the result has more than {} rows: add a LIMIT", self.rows_max)));
        }
        self.json.push_str(if self.rows == 0 { "{" } else { ",{" });
        (self.rows, self.column) = (self.rows + 1, 0);
        Ok(())
    }

    /// Adds the value of the next column.
    pub(super) fn add(&mut self, cell: Cell<'_>) -> Result<(), HostFailure> {
        // Before anything of its size is written.
        let bytes = match cell {
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.check(bytes)?;
        self.key();
        match cell {
            Cell::Null => self.json.push_str("null"),
            Cell::Bool(value) => self.json.push_str(if value { "true" } else { "false" }),
            Cell::Integer(integer) => self.integer(integer),
            Cell::Real(real) if real.is_finite() => self.json.push_str(&serde_json::Value::from(real).to_string()),
            Cell::Real(real) => self.json.push_str(match real {
                f64::INFINITY => "\"Infinity\"",
                f64::NEG_INFINITY => "\"-Infinity\"",
                _ => "\"NaN\"",
            }),
            Cell::Text(text) => self.json.push_str(&quoted(text)),
            Cell::Bytes(bytes) => {
                write(&mut self.json, format_args!("{{\"$buffer\":{}}}", self.buffers.len()));
                self.buffers_bytes += bytes.len();
                self.buffers.push(bytes.to_vec());
            }
        }
        self.check(0)
    }

    /// Adds a value of JSON text in the next column.
    #[cfg(feature = "db-postgres")]
    pub(super) fn add_json(&mut self, value: &serde_json::Value) -> Result<(), HostFailure> {
        self.key();
        json(&mut self.json, value);
        self.check(0)
    }

    /// Ends a row.
    pub(super) fn end(&mut self) {
        self.json.push('}');
    }

    /// All rows.
    pub(super) fn finish(mut self) -> Payload {
        self.json.push(']');
        Payload { json: self.json, buffers: self.buffers }
    }

    fn key(&mut self) {
        if self.column > 0 {
            self.json.push(',');
        }
        let key = self.keys.get(self.column).map_or("\"?\":", String::as_str);
        self.json.push_str(key);
        self.column += 1;
    }

    fn integer(&mut self, integer: i64) {
        let is_exact = (-EXACT_INTEGER_MAX..=EXACT_INTEGER_MAX).contains(&integer);
        match (is_exact, self.integers) {
            (true, _) => write(&mut self.json, format_args!("{integer}")),
            (false, Integers::BigInt) => write(&mut self.json, format_args!("{{\"$bigint\":\"{integer}\"}}")),
            (false, Integers::String) => write(&mut self.json, format_args!("\"{integer}\"")),
        }
    }

    fn check(&self, more: usize) -> Result<(), HostFailure> {
        if self.json.len() + self.buffers_bytes + more <= self.bytes_max {
            return Ok(());
        }
        Err(failure::limit(format!("the result has more than {} bytes: select less of it", self.bytes_max)))
    }
}

/// What a statement changed.
pub(super) fn changes(rows: u64, last_insert_id: Option<i64>, integers: Integers) -> Payload {
    let limits = DbLimits { rows_max: 1, result_bytes_max: 1_000, ..DbLimits::default() };
    let mut changes = Rows::new(["rowsAffected", "lastInsertId"].into_iter(), integers, &limits);
    let written = changes.begin().and_then(|()| {
        changes.add(Cell::Integer(i64::try_from(rows).unwrap_or(i64::MAX)))?;
        changes.add(last_insert_id.map_or(Cell::Null, Cell::Integer))
    });
    written.expect("two integers are small");
    Payload { json: changes.json.split_off(1) + "}", buffers: Vec::new() }
}

fn write(json: &mut String, text: std::fmt::Arguments<'_>) {
    json.write_fmt(text).expect("a String takes all");
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A key that is no tag.
fn escaped(key: &str) -> String {
    match matches!(key, "$bigint" | "$buffer") || key.starts_with("$$") {
        true => format!("${key}"),
        false => key.to_owned(),
    }
}

/// Writes JSON whose keys are no tags.
#[cfg(feature = "db-postgres")]
fn json(text: &mut String, value: &serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Array(values) => {
            text.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                json(text, value);
            }
            text.push(']');
        }
        Value::Object(object) => {
            text.push('{');
            for (at, (key, value)) in object.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&quoted(&escaped(key)));
                text.push(':');
                json(text, value);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_tags() {
        let columns = ["a", "$bigint", "$$x", "\"", "e"];
        let mut rows = Rows::new(columns.into_iter(), Integers::BigInt, &DbLimits::default());
        for cells in [
            [Cell::Null, Cell::Integer(1 << 53), Cell::Integer(-EXACT_INTEGER_MAX), Cell::Real(1.5), Cell::Bool(true)],
            [Cell::Text("\"\n"), Cell::Bytes(b"ab"), Cell::Bytes(b""), Cell::Real(f64::NAN), Cell::Real(1e300)],
        ] {
            rows.begin().expect("few");
            cells.into_iter().for_each(|cell| rows.add(cell).expect("small"));
            rows.end();
        }
        let written = rows.finish();
        let expected = concat!(
            r#"[{"a":null,"$$bigint":{"$bigint":"9007199254740992"},"$$$x":-9007199254740991,"\"":1.5,"e":true},"#,
            r#"{"a":"\"\n","$$bigint":{"$buffer":0},"$$$x":{"$buffer":1},"\"":"NaN","e":1e+300}]"#
        );
        assert_eq!((written.json.as_str(), written.buffers), (expected, vec![b"ab".to_vec(), vec![]]));
        assert_eq!(
            changes(3, Some(1 << 53), Integers::String).json,
            r#"{"rowsAffected":3,"lastInsertId":"9007199254740992"}"#
        );
        assert_eq!(changes(0, None, Integers::BigInt).json, r#"{"rowsAffected":0,"lastInsertId":null}"#);
    }

    #[test]
    fn rows_and_bytes_are_bounded() {
        let limits = DbLimits { rows_max: 2, result_bytes_max: 100, ..DbLimits::default() };
        let mut rows = Rows::new(["a"].into_iter(), Integers::BigInt, &limits);
        for _ in 0..2 {
            rows.begin().expect("within");
            rows.add(Cell::Integer(1)).expect("within");
            rows.end();
        }
        assert_eq!(rows.begin().expect_err("one more").message, "the result has more than 2 rows: add a LIMIT");
        for cell in [Cell::Text(&"x".repeat(100)), Cell::Bytes(&[0; 100]), Cell::Text(&"\u{1}".repeat(17))] {
            let mut rows = Rows::new(["a"].into_iter(), Integers::BigInt, &limits);
            rows.begin().expect("within");
            let failure = rows.add(cell).expect_err("it is too much");
            assert_eq!(failure.message, "the result has more than 100 bytes: select less of it");
        }
    }
}
