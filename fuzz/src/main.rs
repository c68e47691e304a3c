//! Scripts and replies of hosts, made up by libFuzzer and judged by [`isolet_testkit::oracle`].
//!
//! Built by `cargo xtask fuzz` it is a fuzzer. Built as usual it shows saved inputs and checks them:
//! `cargo run -p isolet-fuzz -- FILE…`.
#![cfg_attr(fuzzing, no_main)]

use std::sync::Arc;

use isolet_core_traits::{Environment, HostInterface};
use isolet_engine_quickjs::QuickJs;
use isolet_sandbox::{Capability, Policy};
#[cfg(not(fuzzing))]
use isolet_testkit::oracle::Case;

/// The engine in the form that `ISOLET_FUZZ_FORM` asks for: `portable`, or restored. Without signals: ticks come when they
/// come, so that two runs of a case would differ, and a fault is libFuzzer's to see.
fn engine() -> QuickJs {
    let is_portable = std::env::var_os("ISOLET_FUZZ_FORM").is_some_and(|form| form == "portable");
    let engine = if is_portable { QuickJs::portable() } else { QuickJs::new() };
    engine.expect("QuickJS works on this machine").without_signals()
}

/// The web APIs. No timers, which the oracle's host does not know, and no clocks: two runs of a case read them at other
/// times.
fn web() -> Arc<Environment> {
    let policy = [Capability::Timers, Capability::Platform].into_iter().fold(Policy::new(), Policy::without);
    let mut environment = Environment::clone(&policy.environment(HostInterface::default()));
    // The oracle has a console of its own.
    environment.natives.clear();
    environment.setup.retain(|script| script.name != "console");
    Arc::new(environment)
}

#[cfg(fuzzing)]
mod fuzzer {
    use std::cell::RefCell;
    use std::sync::LazyLock;

    use isolet_engine_quickjs::{QuickJs, QuickJsVm};
    use isolet_testkit::oracle::{Case, Oracle};
    use libfuzzer_sys::fuzz_target;

    static ENGINE: LazyLock<QuickJs> = LazyLock::new(super::engine);

    thread_local! {
        static ORACLE: RefCell<Oracle<'static, QuickJs>> =
            RefCell::new(Oracle::new(&*ENGINE, QuickJsVm::differences, super::web()).expect("the thread can be prepared"));
    }

    fuzz_target!(|bytes: &[u8]| {
        let case = Case::decode(bytes);
        let checked = ORACLE.with_borrow_mut(|oracle| oracle.check(&case));
        if let Err(what) = checked {
            panic!("{what}\n{case:#?}\n{}", case.text);
        }
    });
}

#[cfg(not(fuzzing))]
#[expect(clippy::print_stdout, reason = "this is for a person to read")]
fn main() -> std::io::Result<std::process::ExitCode> {
    use isolet_engine_quickjs::QuickJsVm;
    use isolet_testkit::oracle;

    let engine = engine();
    let mut all_hold = true;
    for file in std::env::args().skip(1) {
        let named = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{file}: {error}"));
        let bytes = std::fs::read(&file).map_err(named)?;
        let case = Case::decode(&bytes);
        println!("{file}: {case:#?}\n{}\n", case.text);
        let replayed = oracle::replay(&engine, QuickJsVm::differences, &web(), &[(file.clone(), bytes)]);
        match replayed {
            Ok(_) => println!("{file} holds"),
            Err(broken) => {
                all_hold = false;
                println!("{}", broken.join("\n"));
            }
        }
    }
    Ok(if all_hold { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE })
}
