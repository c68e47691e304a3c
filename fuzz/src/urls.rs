//! URLs made up by libFuzzer, and whether what is permitted is what was granted.
//!
//! Built by `cargo xtask fuzz --urls` it is a fuzzer. Built as usual it shows saved inputs and checks them:
//! `cargo run -p isolet-fuzz --bin urls -- FILE…`. Its tests replay `fuzz/urls`.
#![cfg_attr(fuzzing, no_main)]

#[path = "urls/oracle.rs"]
mod oracle;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = oracle::check(bytes) {
        panic!("{what}\n{}", oracle::shown(bytes));
    }
});

#[cfg(not(fuzzing))]
#[expect(clippy::print_stdout, reason = "this is for a person to read")]
fn main() -> std::io::Result<std::process::ExitCode> {
    let mut all_hold = true;
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file)?;
        println!("{file}: {}", oracle::shown(&bytes));
        match oracle::check(&bytes) {
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
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("urls");
        let files = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
        let held = files.map(|file| (fs::read(&file).expect("a file"), file)).map(|(bytes, file)| {
            oracle::check(&bytes).unwrap_or_else(|what| panic!("{}: {what}", file.display()));
        });
        assert!(held.count() >= 100);
    }
}
