//! What statements of scripts may name. SQLite asks for each thing while it prepares them.

use std::sync::Arc;

use isolet_core_traits::{DbAccess, HostFailure};
use rusqlite::ffi::SQLITE_ATTACH;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::super::failure::{confined, permission};
use super::guard::{Author, Guard};

/// Every function that scripts may use. What is not here reaches files or the machine, or takes time or memory that
/// nothing bounds (`json_patch`, `json_pretty`), or is not known to be harmless.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "->", "->>", "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "avg", "ceil", "ceiling", "changes",
    "char", "coalesce", "concat", "concat_ws", "cos", "cosh", "count", "cume_dist", "current_date", "current_time",
    "current_timestamp", "date", "datetime", "degrees", "dense_rank", "exp", "first_value", "floor", "format", "glob",
    "group_concat", "hex", "if", "ifnull", "iif", "instr", "json", "json_array", "json_array_insert", "json_array_length",
    "json_error_position", "json_extract", "json_group_array", "json_group_object", "json_insert", "json_object",
    "json_quote", "json_remove", "json_replace", "json_set", "json_type", "json_valid", "jsonb", "jsonb_array",
    "jsonb_array_insert", "jsonb_extract", "jsonb_group_array", "jsonb_group_object", "jsonb_insert", "jsonb_object",
    "jsonb_remove", "jsonb_replace", "jsonb_set", "julianday", "lag", "last_insert_rowid", "last_value", "lead", "length",
    "like", "likelihood", "likely", "ln", "log", "log10", "log2", "lower", "ltrim", "max", "median", "min", "mod",
    "nth_value", "ntile", "nullif", "octet_length", "percent_rank", "percentile", "percentile_cont", "percentile_disc",
    "pi", "pow", "power", "printf", "quote", "radians", "random", "randomblob", "rank", "replace", "round", "row_number",
    "rtrim", "sign", "sin", "sinh", "soundex", "sqlite_version", "sqrt", "strftime", "string_agg", "subtype", "substr",
    "substring", "sum", "tan", "tanh", "time", "timediff", "total", "total_changes", "trim", "trunc", "typeof",
    "unhex", "unicode", "unistr", "unistr_quote", "unixepoch", "unlikely", "upper", "zeroblob",
];

/// Table-valued functions that read nothing but their arguments.
const VIRTUAL_TABLES: [&str; 4] = ["json_each", "json_tree", "jsonb_each", "jsonb_tree"];

pub(super) fn install(sqlite: &rusqlite::Connection, guard: Arc<Guard>) -> rusqlite::Result<()> {
    sqlite.authorizer(Some(move |context: AuthContext<'_>| {
        let Author::Script(access) = guard.author() else { return Authorization::Allow };
        match check(&context, access) {
            Ok(()) => Authorization::Allow,
            Err(reason) => {
                guard.refuse(reason);
                Authorization::Deny
            }
        }
    }))
}

fn check(context: &AuthContext<'_>, access: DbAccess) -> Result<(), HostFailure> {
    if context.database_name == Some("temp") {
        return match context.action {
            // ALTER TABLE looks there, too, and finds nothing.
            AuthAction::Read { .. } | AuthAction::Update { table_name: "sqlite_temp_master", .. } => Ok(()),
            _ => Err(confined("a temporary table, view or trigger")),
        };
    }
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Ok(()),
        AuthAction::Read { table_name, .. } => readable(table_name),
        AuthAction::Function { function_name } => callable(function_name),
        AuthAction::Insert { .. }
        | AuthAction::Update { .. }
        | AuthAction::Delete { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::DropTable { .. }
        | AuthAction::DropIndex { .. }
        | AuthAction::DropView { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Analyze { .. } => match access {
            DbAccess::Write => Ok(()),
            _ => Err(permission(DbAccess::Write)),
        },
        AuthAction::Attach { .. } | AuthAction::Unknown { code: SQLITE_ATTACH, .. } => {
            Err(confined("ATTACH (VACUUM needs it, too)"))
        }
        AuthAction::Detach { .. } => Err(confined("DETACH")),
        AuthAction::Pragma { .. } => Err(confined("PRAGMA")),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
            Err(confined("a statement that begins or ends a transaction (use db.transaction)"))
        }
        AuthAction::CreateVtable { .. } | AuthAction::DropVtable { .. } => Err(confined("a virtual table")),
        AuthAction::Unknown { .. } => Err(confined("this statement")),
        _ => Err(confined("a temporary table, view or trigger")),
    }
}

fn readable(table: &str) -> Result<(), HostFailure> {
    let lower = table.to_ascii_lowercase();
    let is_virtual =
        ["pragma_", "fts3", "fts4", "fts5", "dbstat", "sqlite_dbpage", "sqlite_stmt", "bytecode", "tables_used"]
            .iter()
            .any(|prefix| lower.starts_with(prefix));
    match is_virtual && !VIRTUAL_TABLES.contains(&lower.as_str()) {
        true => Err(confined(format_args!("the table {table}"))),
        false => Ok(()),
    }
}

fn callable(function: &str) -> Result<(), HostFailure> {
    let lower = function.to_ascii_lowercase();
    // SQLite's own statements inside of ALTER TABLE use these; it lets nobody else.
    let is_internal =
        lower.starts_with("sqlite_rename_") || lower.starts_with("sqlite_drop_") || lower == "sqlite_fail";
    match is_internal || FUNCTIONS.contains(&lower.as_str()) {
        true => Ok(()),
        false => Err(confined(format_args!("the function {function}"))),
    }
}
