//! The check that the engine keeps all its state in its VM's memory.
//!
//! A VM is restored by copying bytes, so nothing of it may lie elsewhere: not in a static variable that is written, not
//! in a thread-local one, not in memory of libc's. [`PINNED`] lists what the compiled engine has of that kind, each with
//! the reason why it is harmless, and the list must be exact: a symbol that is new fails, and so does one that has gone.
//!
//! ```text
//! cargo check ── the build script's directory ── libquickjs.a ── symbols ── compared with PINNED
//! ```
//!
//! This does not catch state that a known function of libc keeps without our knowing, nor a pinned symbol that is put
//! to a new use: who takes a new version of the engine reads the sentences again.

mod archive;
mod pinned;

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use cargo_metadata::{Message, Metadata, PackageId};

use self::pinned::{PINNED, is_stateless};
use super::step::{NotRun, Report};
use crate::process::{cargo, stdout};
use crate::workspace::Workspace;

/// The package that uses the engine, and so decides how it is built.
const USER: &str = "isolet-engine-quickjs";
/// The package whose build script compiles the engine.
const BUILDER: &str = "rquickjs-sys";
/// What the build script leaves in its directory.
const LIBRARY: &str = "libquickjs.a";
/// Where the table is, for those who are to change it.
const TABLE: &str = "xtask/src/ci/symbols/pinned.rs";

/// A symbol through which the engine could keep state outside a VM's memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Symbol {
    /// The object file, as in `quickjs.o`.
    object: String,
    name: String,
    place: Place,
}

/// Where the bytes of a symbol are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Variables with a first value.
    Data,
    /// Variables that start as zero.
    Bss,
    /// Each thread's own variables with a first value.
    ThreadData,
    /// Each thread's own variables that start as zero.
    ThreadBss,
    /// The library has no definition: another one is to bring it, libc in practice.
    Libc,
}

/// A symbol that is known, and why it does no harm.
struct Pinned {
    name: &'static str,
    place: Place,
    /// All object files that have it.
    objects: &'static [&'static str],
    /// One sentence.
    harmless: &'static str,
}

/// The engine's symbols are the pinned ones.
pub(super) fn step(workspace: &Workspace) -> Result<Report> {
    if !cfg!(target_os = "linux") {
        let lacks = "Linux, whose object files the table describes".to_owned();
        return Ok(Report::not_run(NotRun { lacks, tests: 0, brought_by: "a Linux machine".to_owned() }));
    }
    let path = library(workspace)?;
    let failed = || format!("failed to read {}", path.display());
    let bytes = fs::read(&path).with_context(failed)?;
    let symbols = archive::symbols(&bytes).with_context(failed)?;
    Ok(Report::of(differences(&symbols, &PINNED)))
}

/// The library that the workspace's profile and features build now; directories of earlier builds may lie beside it.
fn library(workspace: &Workspace) -> Result<PathBuf> {
    let check = ["check", "--quiet", "--locked", "-p", USER, "--message-format=json-render-diagnostics"];
    let messages = stdout(&mut cargo(workspace.root(), &check))?;
    let directory = out_dir(&messages, |package| is_builder(workspace.metadata(), package))?;
    Ok(directory.join(LIBRARY))
}

fn is_builder(metadata: &Metadata, id: &PackageId) -> bool {
    metadata.packages.iter().any(|package| package.id == *id && package.name == BUILDER)
}

/// The directory of the build script of the package, by cargo's messages.
fn out_dir(messages: &str, is_builder: impl Fn(&PackageId) -> bool) -> Result<PathBuf> {
    for message in Message::parse_stream(messages.as_bytes()) {
        if let Message::BuildScriptExecuted(script) = message.context("failed to read cargo's messages")?
            && is_builder(&script.package_id)
        {
            return Ok(script.out_dir.into_std_path_buf());
        }
    }
    bail!("{USER} does not run the build script of {BUILDER}, which compiles the engine")
}

/// What the library has and the table has not, then what the table has and the library has not.
fn differences(symbols: &[Symbol], pinned: &[Pinned]) -> Vec<String> {
    let is_pinned = |symbol: &Symbol| pinned.iter().any(|row| row.is_about(symbol));
    let is_harmless = |symbol: &Symbol| symbol.place == Place::Libc && is_stateless(&symbol.name);
    let suspects: BTreeSet<_> = symbols.iter().filter(|symbol| !is_pinned(symbol) && !is_harmless(symbol)).collect();
    let new = suspects.into_iter().map(objection);
    let gone = pinned.iter().flat_map(|row| row.gone(symbols));
    new.chain(gone).collect()
}

fn objection(symbol: &Symbol) -> String {
    let Symbol { object, name, place } = symbol;
    match place {
        Place::Libc => format!(
            "{object} refers to `{name}` of {place}, which is not known to keep nothing between calls: look in the \
             engine's sources who refers to it, and put it into {TABLE}, among the stateless ones if it is that for \
             every caller, else as a row that says why these callers are harmless"
        ),
        _ => format!(
            "{object} has the variable `{name}` in {place}, which is outside every VM's memory, so that no restore \
             resets it and all VMs share it: look in the engine's sources who writes it, and add a row to {TABLE} only \
             if no VM can"
        ),
    }
}

impl Pinned {
    fn is_about(&self, symbol: &Symbol) -> bool {
        self.name == symbol.name && self.place == symbol.place && self.objects.contains(&symbol.object.as_str())
    }

    /// A failure for each object file that does not have the symbol.
    fn gone(&self, symbols: &[Symbol]) -> Vec<String> {
        let has = |object: &str| symbols.iter().any(|symbol| symbol.object == object && self.is_about(symbol));
        let lacking = self.objects.iter().filter(|object| !has(object));
        lacking.map(|object| self.objection(object)).collect()
    }

    fn objection(&self, object: &str) -> String {
        let Self { name, place, harmless, .. } = self;
        format!(
            "{object} has no `{name}` ({place}) any more, which {TABLE} pins (“{harmless}”): look in the engine's sources \
             what took its place, and take {object} out of the row"
        )
    }
}

impl Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Data => ".data",
            Self::Bss => ".bss",
            Self::ThreadData => ".tdata",
            Self::ThreadBss => ".tbss",
            Self::Libc => "libc",
        })
    }
}

#[cfg(test)]
mod tests;
