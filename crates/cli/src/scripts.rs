//! Files: scripts and whatever else is read whole.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use isolet::{Source, SourceKind};

use crate::arguments::Kind;

/// More than any limit on sources and inputs permits, so that these are refused by their limits, with the figures; yet
/// little enough to be held in memory.
const READ_BYTES_MAX: u64 = 256 << 20;

/// All scripts of a command line. Nothing is run if one of them cannot be read.
pub(crate) fn sources(files: &[PathBuf], kind: Kind) -> Result<Vec<Source>> {
    files.iter().map(|file| source(file, kind)).collect()
}

/// One script.
pub(crate) fn source(path: &Path, kind: Kind) -> Result<Source> {
    let text = text_of_file(path)?;
    if text.is_empty() {
        bail!("{} is empty: a script needs at least an expression", path.display());
    }
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_str().with_context(|| format!("the file name of {} is not UTF-8", path.display()))?;
    let is_module = path.extension() == Some(OsStr::new("mjs"));
    let kind = if kind == Kind::Auto && is_module { SourceKind::Module } else { kind.into() };
    Source::new(name, text, kind).map_err(|error| anyhow!("the file name cannot name a script in reports: {error}"))
}

/// The text of a file.
pub(crate) fn text_of_file(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| anyhow!("cannot read {}: {}", path.display(), reason(&error));
    let file = File::open(path).map_err(failed)?;
    text(file).map_err(|error| match error {
        NoText::Io(error) => failed(error),
        NoText::NotUtf8 { at } => {
            anyhow!("{} is not UTF-8: the byte at offset {at} begins no character", path.display())
        }
        NoText::Endless => anyhow!("{} has more than {} MiB", path.display(), READ_BYTES_MAX >> 20),
    })
}

/// The text of stdin.
pub(crate) fn text_of_stdin() -> Result<String> {
    text(std::io::stdin().lock()).map_err(|error| match error {
        NoText::Io(error) => anyhow!("cannot read stdin: {}", reason(&error)),
        NoText::NotUtf8 { at } => anyhow!("stdin is not UTF-8: the byte at offset {at} begins no character"),
        NoText::Endless => anyhow!("stdin has more than {} MiB", READ_BYTES_MAX >> 20),
    })
}

enum NoText {
    Io(std::io::Error),
    NotUtf8 { at: usize },
    Endless,
}

fn text(from: impl Read) -> Result<String, NoText> {
    let mut bytes = Vec::new();
    from.take(READ_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(NoText::Io)?;
    if bytes.len() as u64 > READ_BYTES_MAX {
        return Err(NoText::Endless);
    }
    String::from_utf8(bytes).map_err(|error| NoText::NotUtf8 { at: error.utf8_error().valid_up_to() })
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".into(),
        ErrorKind::IsADirectory => "it is a directory".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}
