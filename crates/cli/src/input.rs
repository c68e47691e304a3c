//! The input: `--input JSON`, `--input @FILE` or `--input -`.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use isolet::JsonText;

use crate::scripts::{text_of_file, text_of_stdin};

/// The input for all scripts, `null` if none was given.
pub(crate) fn input(argument: Option<&str>) -> Result<JsonText> {
    let Some(argument) = argument else { return Ok(JsonText::null()) };
    let (what, text) = match argument.strip_prefix('@') {
        Some("") => bail!("--input @ needs the name of a file, for example @input.json"),
        Some(path) => (path, text_of_file(Path::new(path))?),
        None if argument == "-" => ("stdin", text_of_stdin()?),
        None => ("--input", argument.to_owned()),
    };
    // Editors may put a byte order mark in front, which JSON does not know.
    let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if json.trim_ascii().is_empty() {
        bail!("{what} is empty: write for example {{}} or null");
    }
    JsonText::parse(json).map_err(|error| anyhow!("{what} cannot be the input: {error}"))
}
