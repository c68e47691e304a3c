use std::path::Path;

use expect_test::{Expect, expect};

use super::pinned::{PINNED, is_stateless};
use super::{Pinned, Place, Symbol, differences, out_dir};

const ROWS: [Pinned; 3] = [
    Pinned { name: "waiters", place: Place::Data, objects: &["quickjs.o"], harmless: "it is always empty" },
    Pinned { name: "malloc", place: Place::Libc, objects: &["quickjs.o"], harmless: "nobody calls its caller" },
    Pinned { name: "free", place: Place::Libc, objects: &["quickjs.o", "dtoa.o"], harmless: "nothing is freed" },
];
const PLACES: [Place; 5] = [Place::Data, Place::Bss, Place::ThreadData, Place::ThreadBss, Place::Libc];

/// Symbols of lines like `quickjs.o .bss counter`.
fn symbols(lines: &str) -> Vec<Symbol> {
    let symbol = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let &[object, place, name] = words.as_slice() else { panic!("three words, not `{line}`") };
        let place = PLACES.into_iter().find(|known| known.to_string() == place).expect("a place that exists");
        Symbol { object: object.to_owned(), name: name.to_owned(), place }
    };
    lines.lines().map(symbol).collect()
}

fn check(lines: &str, expected: &Expect) {
    expected.assert_eq(&differences(&symbols(lines), &ROWS).join("\n"));
}

const AS_PINNED: &str = "quickjs.o .data waiters
    quickjs.o libc malloc
    quickjs.o libc free
    dtoa.o libc free";

#[test]
fn what_is_pinned_or_stateless_passes() {
    check(AS_PINNED, &expect![""]);
    check(&format!("{AS_PINNED}\nquickjs.o libc memcpy\ndtoa.o libc __aarch64_ldadd4_relax"), &expect![""]);
}

#[test]
fn a_new_variable_fails_once() {
    check(
        &format!("{AS_PINNED}\ndtoa.o .bss counter\ndtoa.o .bss counter"),
        &expect![
            "dtoa.o has the variable `counter` in .bss, which is outside every VM's memory, so that no restore resets it and all VMs share it: look in the engine's sources who writes it, and add a row to xtask/src/ci/symbols/pinned.rs only if no VM can"
        ],
    );
}

#[test]
fn every_place_is_looked_at() {
    for new in [
        "quickjs.o .data counter",
        "quickjs.o .bss counter",
        "quickjs.o .tdata counter",
        "quickjs.o .tbss counter",
        "quickjs.o libc strdup",
        "quickjs.o libc localtime",
        "quickjs.o libc of_a_library_that_nobody_knows",
        // Known by name, but elsewhere.
        "dtoa.o .data waiters",
        "quickjs.o .bss waiters",
        "libregexp.o libc malloc",
        "quickjs.o .tbss malloc",
        "quickjs.o .data memcpy",
    ] {
        let failures = differences(&symbols(&format!("{AS_PINNED}\n{new}")), &ROWS);
        assert_eq!(failures.len(), 1, "{new}: {failures:?}");
    }
}

#[test]
fn a_new_function_fails() {
    check(
        &format!("{AS_PINNED}\nlibregexp.o libc malloc"),
        &expect![
            "libregexp.o refers to `malloc` of libc, which is not known to keep nothing between calls: look in the engine's sources who refers to it, and put it into xtask/src/ci/symbols/pinned.rs, among the stateless ones if it is that for every caller, else as a row that says why these callers are harmless"
        ],
    );
}

#[test]
fn a_row_that_nothing_needs_fails() {
    check(
        AS_PINNED.split_once('\n').expect("lines").1,
        &expect![
            "quickjs.o has no `waiters` (.data) any more, which xtask/src/ci/symbols/pinned.rs pins (“it is always empty”): look in the engine's sources what took its place, and take quickjs.o out of the row"
        ],
    );
    check(
        &AS_PINNED.replace("dtoa.o libc free", "dtoa.o libc memset"),
        &expect![
            "dtoa.o has no `free` (libc) any more, which xtask/src/ci/symbols/pinned.rs pins (“nothing is freed”): look in the engine's sources what took its place, and take dtoa.o out of the row"
        ],
    );
    assert_eq!(differences(&[], &ROWS).len(), 4);
}

#[test]
fn no_row_stands_twice_and_none_is_stateless() {
    for (index, row) in PINNED.iter().enumerate() {
        assert!(PINNED[..index].iter().all(|other| other.name != row.name), "{}", row.name);
        assert!(row.place != Place::Libc || !is_stateless(row.name), "{}", row.name);
        assert!(!row.objects.is_empty(), "{}", row.name);
    }
}

#[test]
fn cargo_says_where_the_library_is() {
    let executed = |package: &str, directory: &str| {
        format!(
            r#"{{"reason":"build-script-executed","package_id":"{package}","linked_libs":[],"linked_paths":[],"cfgs":[],"env":[],"out_dir":"{directory}"}}"#
        )
    };
    let finished = r#"{"reason":"build-finished","success":true}"#;
    let messages = [executed("a", "/of/a"), executed("b", "/of/b"), finished.to_owned()].join("\n");
    let found = |name: &str| out_dir(&messages, |package| package.repr == name);
    assert_eq!(found("b").expect("its message is there"), Path::new("/of/b"));
    assert!(found("c").is_err());
}
