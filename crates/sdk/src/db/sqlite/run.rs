//! One statement on a thread that may block.

use isolet_core_traits::{DbAccess, HostFailure, Payload};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Statement as Prepared, ToSql};

use super::super::failure;
use super::super::limits::DbLimits;
use super::super::rows::{Cell, Rows, changes};
use super::super::statement::{Parameter, Statement, Wanted};
use super::connection::Connection;
use super::guard::Author;

/// What came of a statement.
pub(super) enum Done {
    Reply(Payload),
    /// It writes: somebody else may be at it.
    MustWait,
}

/// Whether a statement is one that reads, by its first word alone. If not so, SQLite will tell.
pub(super) fn looks_read_only(sql: &str) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
    ["SELECT", "VALUES", "WITH", "EXPLAIN"].iter().any(|reads| word.eq_ignore_ascii_case(reads))
}

/// Runs a statement of a script.
pub(super) fn run(
    connection: &Connection,
    statement: &Statement,
    access: DbAccess,
    has_turn: bool,
    limits: &DbLimits,
) -> Result<Done, HostFailure> {
    connection.control(if access == DbAccess::Write { "PRAGMA query_only = OFF" } else { "PRAGMA query_only = ON" })?;
    connection.guard.author_is(Author::Script(access));
    let done = step(connection, statement, access, has_turn, limits);
    connection.guard.author_is(Author::Isolet);
    done
}

fn step(
    connection: &Connection,
    statement: &Statement,
    access: DbAccess,
    has_turn: bool,
    limits: &DbLimits,
) -> Result<Done, HostFailure> {
    let failed = |error: rusqlite::Error| connection.failure(&error);
    let mut prepared = connection.sqlite.prepare_cached(&statement.sql).map_err(failed)?;
    if !prepared.readonly() && access != DbAccess::Write {
        return Err(failure::permission(DbAccess::Write));
    }
    if !prepared.readonly() && !has_turn {
        return Ok(Done::MustWait);
    }
    bind(&mut prepared, &statement.parameters, &failed)?;
    let (before, _) = (connection.sqlite.total_changes(), connection.has_inserted());
    let columns: Vec<String> = prepared.column_names().into_iter().map(str::to_owned).collect();
    let mut found = prepared.raw_query();
    let mut rows = Rows::new(columns.iter().map(String::as_str), statement.integers, limits);
    while let Some(row) = found.next().map_err(failed)? {
        if statement.wanted == Wanted::Changes {
            continue;
        }
        rows.begin()?;
        for column in 0..columns.len() {
            match row.get_ref(column).map_err(failed)? {
                ValueRef::Null => rows.add(Cell::Null)?,
                ValueRef::Integer(integer) => rows.add(Cell::Integer(integer))?,
                ValueRef::Real(real) => rows.add(Cell::Real(real))?,
                ValueRef::Text(text) => rows.add(Cell::Text(&String::from_utf8_lossy(text)))?,
                ValueRef::Blob(bytes) => rows.add(Cell::Bytes(bytes))?,
            }
        }
        rows.end();
    }
    drop(found);
    Ok(Done::Reply(match statement.wanted {
        Wanted::Rows => rows.finish(),
        Wanted::Changes => {
            let changed = connection.sqlite.total_changes() != before;
            let affected = if changed { connection.sqlite.changes() } else { 0 };
            let inserted = connection.has_inserted().then(|| connection.sqlite.last_insert_rowid());
            changes(affected, inserted, statement.integers)
        }
    }))
}

/// Binds each placeholder: `?` in their order, or `?1` and `$1` by their number.
fn bind(
    prepared: &mut Prepared<'_>,
    parameters: &[Parameter],
    failed: &impl Fn(rusqlite::Error) -> HostFailure,
) -> Result<(), HostFailure> {
    let count = prepared.parameter_count();
    let names: Vec<_> = (1..=count).map(|at| prepared.parameter_name(at).map(str::to_owned)).collect();
    let are_in_order = names.iter().all(Option::is_none);
    let mut used = 0;
    for (at, name) in names.iter().enumerate() {
        let number = if are_in_order { at + 1 } else { numbered(name.as_deref())? };
        used = used.max(number);
        let Some(parameter) = parameters.get(number - 1) else { return Err(wrong_count(number, parameters.len())) };
        prepared.raw_bind_parameter(at + 1, bindable(number, parameter)?).map_err(failed)?;
    }
    match used == parameters.len() {
        true => Ok(()),
        false => Err(wrong_count(used, parameters.len())),
    }
}

/// The number that a placeholder has by its name.
fn numbered(name: Option<&str>) -> Result<usize, HostFailure> {
    let Some(name) = name else {
        return Err(failure::sql("the placeholders have numbers only in part, or leave numbers out"));
    };
    let number = name.strip_prefix(['?', '$']).and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| failure::sql(format!("the placeholder {name} is no number: write ?, ?1 or $1")))
}

fn wrong_count(placeholders: usize, given: usize) -> HostFailure {
    failure::sql(format!("the SQL has placeholders up to {placeholders}, and {given} parameters are given"))
}

fn bindable(number: usize, parameter: &Parameter) -> Result<impl ToSql + '_, HostFailure> {
    Ok(ToSqlOutput::Borrowed(match parameter {
        Parameter::Null => ValueRef::Null,
        Parameter::Bool(value) => ValueRef::Integer(i64::from(*value)),
        Parameter::Integer(integer) => ValueRef::Integer(*integer),
        Parameter::Real(real) => ValueRef::Real(*real),
        Parameter::Text(text) => ValueRef::Text(text.as_bytes()),
        Parameter::Bytes(bytes) => ValueRef::Blob(bytes),
        Parameter::BigInt(_) => {
            return Err(failure::sql(format!("parameter {number} does not fit into an integer of 64 bits")));
        }
        Parameter::Json(_) => {
            let message = format!("parameter {number} is an object or an array: pass JSON.stringify of it");
            return Err(failure::sql(message));
        }
    }))
}
