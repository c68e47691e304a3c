//! SQL made up by libFuzzer, and whether it stays in its tenant's file.
//!
//! Built by `cargo xtask fuzz --sql` it is a fuzzer. Built as usual it shows saved inputs and checks them:
//! `cargo run -p isolet-fuzz --bin sql -- FILE…`. Its tests replay `fuzz/sql`.
#![cfg_attr(fuzzing, no_main)]

#[path = "sql/oracle.rs"]
mod oracle;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    thread_local! {
        static ORACLE: std::cell::RefCell<oracle::Oracle> = std::cell::RefCell::new(oracle::Oracle::new());
    }
    if let Err(what) = ORACLE.with_borrow_mut(|oracle| oracle.check(bytes)) {
        panic!("{what}\n{}", oracle::shown(bytes));
    }
});

#[cfg(not(fuzzing))]
#[expect(clippy::print_stdout, reason = "this is for a person to read")]
fn main() -> std::io::Result<std::process::ExitCode> {
    let (mut oracle, mut all_hold) = (oracle::Oracle::new(), true);
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file)?;
        println!("{file}: {}", oracle::shown(&bytes));
        match oracle.check(&bytes) {
            Ok(()) => println!("{file} holds"),
            Err(what) => {
                all_hold = false;
                println!("{what}");
            }
        }
    }
    Ok(if all_hold { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::oracle;

    #[test]
    fn saved_inputs_hold() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
        let files = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
        let mut oracle = oracle::Oracle::new();
        let held = files.map(|file| (fs::read(&file).expect("a file"), file)).map(|(bytes, file)| {
            oracle.check(&bytes).unwrap_or_else(|what| panic!("{}: {what}", file.display()));
        });
        assert!(held.count() >= 60);
    }
}
