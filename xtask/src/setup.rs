//! `cargo xtask setup`: brings what `ci` needs and the machine lacks, and touches nothing that is there.

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::ci::msrv::{self, Toolchain};
use crate::libraries;
use crate::process::{answer, run};
use crate::tools::{NPM, Source, TOOLS, Tool};
use crate::workspace::Workspace;

/// Installs what is missing; fails with a list if something is missing afterwards.
pub(crate) fn setup() -> Result<ExitCode> {
    let lacking = missing();
    let machine = Machine::look();
    let plan = plan(&lacking, &machine);
    for (program, arguments) in plan.iter().filter_map(|words| words.split_first()) {
        println!("setup: {program} {}", arguments.join(" "));
        run(Command::new(program).args(arguments))?;
    }
    let workspace = Workspace::load()?;
    bring_oldest_rust(&workspace)?;
    if (NPM.is_there)() {
        libraries::bring(&workspace)?;
    }
    Ok(verdict(&missing(), &machine))
}

/// Installs the Rust version that the workspace promises to build with, if it is not the running one.
fn bring_oldest_rust(workspace: &Workspace) -> Result<()> {
    let Toolchain::Missing(version) = msrv::toolchain(workspace)? else {
        return Ok(());
    };
    let arguments = ["toolchain", "install", &version, "--profile", "minimal"];
    println!("setup: rustup {}", arguments.join(" "));
    run(Command::new("rustup").args(arguments))
}

fn verdict(still_missing: &[&Tool], machine: &Machine) -> ExitCode {
    for tool in still_missing {
        println!("setup: still missing: {}", advice(tool, machine));
    }
    if !still_missing.is_empty() {
        return ExitCode::FAILURE;
    }
    println!("setup: everything that `cargo xtask ci` needs is there");
    ExitCode::SUCCESS
}

fn missing() -> Vec<&'static Tool> {
    TOOLS.into_iter().filter(|tool| !(tool.is_there)()).collect()
}

/// What the plan depends on.
struct Machine {
    /// Has apt-get and Debian's package names.
    is_debian: bool,
    is_root: bool,
    has_rustup: bool,
}

impl Machine {
    fn look() -> Self {
        Self {
            is_debian: is_debian(&fs::read_to_string("/etc/os-release").unwrap_or_default()),
            is_root: answer("id", &["-u"]).is_some_and(|user| user.trim() == "0"),
            has_rustup: answer("rustup", &["--version"]).is_some(),
        }
    }
}

/// Whether the text of `/etc/os-release` is that of Debian or of a descendant.
fn is_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| matches!(*key, "ID" | "ID_LIKE"))
        .flat_map(|(_, value)| value.trim_matches('"').split_whitespace())
        .any(|name| name == "debian")
}

/// The commands that bring the missing tools as far as this machine has a way to get them.
fn plan(missing: &[&Tool], machine: &Machine) -> Vec<Vec<String>> {
    let mut packages = Vec::new();
    let mut components = Vec::new();
    for tool in missing {
        match tool.source {
            Source::Debian(names) => packages.extend_from_slice(names),
            Source::Rustup(name) => components.push(name),
        }
    }
    let mut plan = Vec::new();
    if machine.is_debian && !packages.is_empty() {
        plan.push(apt_get(machine, &["update"], &[]));
        let install = ["install", "--yes", "--no-install-recommends"];
        plan.push(apt_get(machine, &install, &packages));
    }
    if machine.has_rustup && !components.is_empty() {
        plan.push(words(&["rustup", "component", "add"], &components));
    }
    plan
}

fn apt_get(machine: &Machine, action: &[&str], packages: &[&str]) -> Vec<String> {
    let sudo: &[&str] = if machine.is_root { &[] } else { &["sudo"] };
    // Through `env`, because sudo drops the caller's environment.
    let program = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    words(&[sudo, &program, action].concat(), packages)
}

fn words(first: &[&str], rest: &[&str]) -> Vec<String> {
    first.iter().chain(rest).map(|&word| word.to_owned()).collect()
}

/// What a person has to do about a tool that the plan did not bring.
fn advice(tool: &Tool, machine: &Machine) -> String {
    let cause = match tool.source {
        Source::Debian(packages) if machine.is_debian => {
            format!("what this Debian offers as {} does not suffice", packages.join(", "))
        }
        Source::Debian(packages) => format!("Debian has it in {}, this system elsewhere", packages.join(", ")),
        Source::Rustup(component) => format!("rustup has it as component {component}"),
    };
    format!("{} ({}): {cause}", tool.name, tool.requirement)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::tools::{C_COMPILER, CLIPPY, NODE, RUSTFMT};

    fn check(missing: &[&Tool], machine: &Machine, expected: &Expect) {
        let lines: Vec<_> = plan(missing, machine).iter().map(|words| words.join(" ")).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    const DEBIAN: Machine = Machine { is_debian: true, is_root: true, has_rustup: true };

    #[test]
    fn nothing_missing_nothing_done() {
        check(&[], &DEBIAN, &expect![""]);
    }

    #[test]
    fn one_update_for_all_packages() {
        let missing = [&C_COMPILER, &NODE, &RUSTFMT, &CLIPPY];
        check(
            &missing,
            &DEBIAN,
            &expect![[r#"
                env DEBIAN_FRONTEND=noninteractive apt-get update
                env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends gcc libc6-dev nodejs
                rustup component add rustfmt clippy"#]],
        );
    }

    #[test]
    fn sudo_unless_root() {
        let user = Machine { is_root: false, ..DEBIAN };
        check(
            &[&NODE],
            &user,
            &expect![[r#"
                sudo env DEBIAN_FRONTEND=noninteractive apt-get update
                sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends nodejs"#]],
        );
    }

    #[test]
    fn elsewhere_only_rustup() {
        let elsewhere = Machine { is_debian: false, ..DEBIAN };
        check(&[&NODE, &CLIPPY], &elsewhere, &expect!["rustup component add clippy"]);
        let bare = Machine { has_rustup: false, ..elsewhere };
        check(&[&NODE, &CLIPPY], &bare, &expect![""]);
    }

    #[test]
    fn what_is_still_missing_is_explained() {
        let elsewhere = Machine { is_debian: false, ..DEBIAN };
        for (tool, machine, expected) in [
            (&NODE, &DEBIAN, "node (Node 18 or newer): what this Debian offers as nodejs does not suffice"),
            (&NODE, &elsewhere, "node (Node 18 or newer): Debian has it in nodejs, this system elsewhere"),
            (&CLIPPY, &elsewhere, "clippy (the toolchain's clippy): rustup has it as component clippy"),
        ] {
            assert_eq!(advice(tool, machine), expected);
        }
    }

    #[test]
    fn debian_and_its_descendants() {
        assert!(is_debian("PRETTY_NAME=\"Debian\"\nID=debian\n"));
        assert!(is_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("ID=fedora\nNAME=\"not debian\"\n"));
        assert!(!is_debian(""));
    }
}
