//! Which kinds of statements scripts may send.
//!
//! What roles and grants can forbid is forbidden there. This is for what every role may do to its own session and role:
//! `SET`, `LISTEN`, `COPY`, `LOCK`, `ALTER ROLE` and the like. The server takes one statement a call, so its first words say
//! what it is.

use isolet_core_traits::HostFailure;

use super::super::failure;

/// How a statement may begin.
const STATEMENTS: [&str; 33] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "WITH",
    "VALUES",
    "TABLE",
    "EXPLAIN",
    "TRUNCATE",
    "CREATE TABLE",
    "CREATE INDEX",
    "CREATE UNIQUE INDEX",
    "CREATE SEQUENCE",
    "CREATE VIEW",
    "CREATE OR REPLACE VIEW",
    "CREATE RECURSIVE VIEW",
    "CREATE OR REPLACE RECURSIVE VIEW",
    "CREATE MATERIALIZED VIEW",
    "REFRESH MATERIALIZED VIEW",
    "ALTER TABLE",
    "ALTER INDEX",
    "ALTER SEQUENCE",
    "ALTER VIEW",
    "ALTER MATERIALIZED VIEW",
    "DROP TABLE",
    "DROP INDEX",
    "DROP SEQUENCE",
    "DROP VIEW",
    "DROP MATERIALIZED VIEW",
    "COMMENT ON TABLE",
    "COMMENT ON COLUMN",
    "ANALYZE",
];

/// Whether a statement is of a kind that scripts may send.
pub(super) fn check(sql: &str) -> Result<(), HostFailure> {
    let words = first_words(sql);
    let permitted = STATEMENTS.iter().any(|permitted| {
        let mut words = words.iter();
        permitted.split(' ').all(|word| words.next().is_some_and(|found| found == word))
    });
    match words.first() {
        _ if permitted => Ok(()),
        None => Err(failure::sql("the SQL holds no statement")),
        Some(first) => {
            let kind = match words.get(1) {
                Some(second) if matches!(first.as_str(), "CREATE" | "ALTER" | "DROP") => format!("{first} {second}"),
                _ => first.clone(),
            };
            Err(failure::confined(kind))
        }
    }
}

/// The most words that [`STATEMENTS`] look at.
const WORDS: usize = 5;

/// The first words in upper case, until anything comes that is no word. Opening brackets before them are left out.
fn first_words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = skip(sql);
    while words.is_empty() && rest.starts_with('(') {
        rest = skip(&rest[1..]);
    }
    while words.len() < WORDS {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        words.push(rest[..end].to_ascii_uppercase());
        rest = skip(&rest[end..]);
    }
    words
}

/// Without the white space and the comments before it. Comments of Postgres nest.
fn skip(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        rest = if let Some(line) = rest.strip_prefix("--") {
            line.find(['\n', '\r']).map_or("", |end| &line[end..])
        } else if rest.starts_with("/*") {
            after_comment(rest)
        } else {
            return rest;
        }
        .trim_start();
    }
}

fn after_comment(sql: &str) -> &str {
    let (bytes, mut depth, mut at) = (sql.as_bytes(), 0, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return &sql[at..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_known_by_their_first_words() {
        for sql in [
            "SELECT 1",
            " \n select 1",
            "-- SET x\nSELECT 1",
            "/* a /* b */ c */SELECT 1",
            "((SELECT 1) UNION (SELECT 2))",
            "create/**/or--\nreplace view v AS SELECT 1",
            "INSERT INTO t VALUES (1)",
            "Create Unique Index i ON t (x)",
            "TABLE t",
        ] {
            check(sql).expect(sql);
        }
        for (sql, what) in [
            ("SET search_path = x", "SET"),
            ("/**/SET x = 1", "SET"),
            ("/* /* */ SELECT */ RESET ALL", "RESET"),
            ("-- SELECT\rSHOW ALL", "SHOW"),
            ("LISTEN x", "LISTEN"),
            ("COPY t TO PROGRAM 'x'", "COPY"),
            ("copy(select 1)to stdout", "COPY"),
            ("DO $$ BEGIN END $$", "DO"),
            ("ALTER ROLE CURRENT_USER SET x = 1", "ALTER ROLE"),
            ("CREATE FUNCTION f() RETURNS int", "CREATE FUNCTION"),
            ("CREATE OR REPLACE FUNCTION f()", "CREATE OR"),
            ("CREATE TEMP TABLE t (x int)", "CREATE TEMP"),
            ("SELECTED", "SELECTED"),
            ("SELECT$1", "SELECT$1"),
        ] {
            assert_eq!(check(sql).expect_err(sql).message, format!("{what} is not available to scripts"));
        }
        for sql in ["", " ", "/* SELECT 1", "-- SELECT 1", ";", "\"SELECT\" 1", "/*/ SELECT 1"] {
            assert_eq!(check(sql).expect_err(sql).message, "the SQL holds no statement", "{sql}");
        }
    }
}
