//! `isolet scripts`.

use std::io::{IsTerminal, stdout};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use isolet::store::{Expected, Put, ScriptDraft, ScriptRevision, ScriptStore, StoreError};
use isolet::{Isolet, ScriptId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::arguments::{Belief, GetArguments, Place, PutArguments, ScriptsArguments, ScriptsCommand};
use super::{Session, stop};
use crate::Stop;
use crate::arguments::Format;
use crate::render::{diagnostic, inert, one_line};
use crate::scripts::{source, text_of_file};
use crate::terminal::Terminal;
use crate::units::date_and_time;

/// Does what is asked for, and gives the exit code.
pub(crate) fn scripts(arguments: &ScriptsArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    match &arguments.command {
        ScriptsCommand::Put(arguments) => put(arguments, terminal),
        ScriptsCommand::Get(arguments) => get(arguments, terminal),
        ScriptsCommand::List(arguments) => at(&arguments.place, terminal, async |scripts, terminal| {
            let place = &arguments.place;
            for entry in scripts.list(&place.tenant, arguments.after.as_ref(), arguments.limit).await? {
                let (name, changed) = (entry.script.as_str(), date_and_time(entry.changed));
                let (revision, version) = (&entry.revision, entry.version);
                let told = json!({"script": name, "revision": revision, "version": version, "changed": changed});
                let words = format!("{revision}  {changed}  {:>5}  {}", version, one_line(name));
                tell(terminal, place.format, &told, &words);
            }
            Ok(0)
        }),
        ScriptsCommand::History(arguments) => at(&arguments.place, terminal, async |scripts, terminal| {
            let (place, script) = (&arguments.place, &arguments.script);
            let changes = scripts.history(&place.tenant, script, arguments.before, arguments.limit).await?;
            for change in &changes {
                let (action, changed) = (change.action.as_str(), date_and_time(change.at));
                let (revision, version) = (change.revision.as_deref(), change.version);
                let told = json!({"version": version, "action": action, "revision": revision, "at": changed});
                let words = format!("{:32}  {changed}  {version:>5}  {action}", revision.unwrap_or("-"));
                tell(terminal, place.format, &told, &words);
            }
            if changes.is_empty() && arguments.before.is_none() {
                return Err(StoreError::Absent { what: "script" });
            }
            Ok(0)
        }),
        ScriptsCommand::Rollback(arguments) => at(&arguments.place, terminal, async |scripts, terminal| {
            let (place, expected) = (&arguments.place, arguments.belief.expected());
            let put = scripts.rollback(&place.tenant, &arguments.script, &arguments.revision, &expected).await?;
            tell_put(terminal, place.format, &arguments.script, &put);
            Ok(0)
        }),
        ScriptsCommand::Delete(arguments) => at(&arguments.place, terminal, async |scripts, terminal| {
            let (place, script) = (&arguments.place, &arguments.script);
            if !scripts.delete(&place.tenant, script, &arguments.belief.expected()).await? {
                return Err(StoreError::Absent { what: "script" });
            }
            let words = format!("{}: deleted", one_line(script.as_str()));
            tell(terminal, place.format, &json!({"script": script.as_str(), "deleted": true}), &words);
            Ok(0)
        }),
    }
}

fn put(arguments: &PutArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    let draft = draft(arguments).map_err(Stop::Usage)?;
    let isolet = Isolet::builder().vms_warm(0).build().context("cannot start").map_err(Stop::Machine)?;
    let (place, script) = (&arguments.place, &arguments.script);
    at(place, terminal, async |scripts, terminal| {
        let put = scripts.put(&isolet, &place.tenant, script, &draft, &arguments.belief.expected()).await?;
        tell_put(terminal, place.format, script, &put);
        Ok(0)
    })
}

fn draft(arguments: &PutArguments) -> Result<ScriptDraft> {
    let source = source(&arguments.file, arguments.kind)?;
    Ok(ScriptDraft {
        text: source.text().to_owned(),
        kind: source.kind(),
        limits: data("--limits", arguments.limits.as_deref())?.unwrap_or_default(),
        permissions: data("--permissions", arguments.permissions.as_deref())?,
        policy: arguments.policy.clone(),
    })
}

/// The data of a flag, as JSON or in a file.
fn data<T: DeserializeOwned>(flag: &str, argument: Option<&str>) -> Result<Option<T>> {
    let Some(argument) = argument else { return Ok(None) };
    let text = match argument.strip_prefix('@') {
        Some(file) => text_of_file(Path::new(file))?,
        None => argument.to_owned(),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| anyhow!("{flag}: {error}"))
}

fn get(arguments: &GetArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    let (place, script) = (&arguments.place, &arguments.script);
    at(place, terminal, async |scripts, terminal| {
        let found = match &arguments.revision {
            None => scripts.get(&place.tenant, script).await?.ok_or(StoreError::Absent { what: "script" })?,
            Some(revision) => {
                let found = scripts.revision(&place.tenant, script, revision).await?;
                found.ok_or(StoreError::Absent { what: "revision" })?
            }
        };
        let words = text(&found);
        tell(terminal, place.format, &whole(&found), &words);
        Ok(0)
    })
}

/// The text as it is, unless it goes to a terminal, which it must not drive.
fn text(revision: &ScriptRevision) -> String {
    let text = revision.script.source.text();
    let text = text.strip_suffix('\n').unwrap_or(text);
    match stdout().is_terminal() {
        true => text.split('\n').map(one_line).collect::<Vec<_>>().join("\n"),
        false => text.to_owned(),
    }
}

fn whole(revision: &ScriptRevision) -> Value {
    let script = &revision.script;
    json!({
        "script": script.source.name(),
        "revision": &*revision.revision,
        "version": revision.version,
        "at": date_and_time(revision.at),
        "kind": script.source.kind(),
        "limits": script.limits,
        "permissions": script.permissions.as_deref(),
        "policy": script.policy.as_deref(),
        "text": script.source.text(),
    })
}

impl Belief {
    fn expected(&self) -> Expected {
        match &self.if_revision {
            Some(revision) => Expected::Revision(revision.clone()),
            None if self.if_absent => Expected::Absent,
            None => Expected::Anything,
        }
    }
}

fn tell_put(terminal: &mut Terminal, format: Format, script: &ScriptId, put: &Put) {
    let Put { revision, version, is_changed } = put;
    let told =
        json!({"script": script.as_str(), "revision": &**revision, "version": version, "is_changed": is_changed});
    let unchanged = if *is_changed { "" } else { ", unchanged" };
    let words = format!("{}: {revision} (version {version}{unchanged})", one_line(script.as_str()));
    tell(terminal, format, &told, &words);
}

/// Nobody is there to be told if this fails.
fn tell(terminal: &mut Terminal, format: Format, told: &Value, words: &str) {
    let _ = match format {
        Format::Json => terminal.output(&inert(&told.to_string())),
        Format::Pretty => terminal.output(words),
    };
}

/// Does something with the scripts of a store, and tells what was refused.
fn at(
    place: &Place,
    terminal: &mut Terminal,
    work: impl AsyncFnOnce(&ScriptStore, &mut Terminal) -> Result<u8, StoreError>,
) -> Result<u8, Stop> {
    let session = Session::open(&place.store)?;
    let scripts = session.store.scripts().clone();
    let done = session.runtime.block_on(work(&scripts, terminal));
    session.end([]);
    match done {
        Ok(exit_code) => Ok(exit_code),
        Err(StoreError::Refused(error)) => {
            if place.format == Format::Json {
                tell(terminal, place.format, &json!({ "error": error }), "");
            } else {
                terminal.say(&diagnostic("the script", &error, None, terminal.palette()));
            }
            Ok(error.kind.exit_code())
        }
        Err(error @ (StoreError::Conflict { .. } | StoreError::Absent { .. })) => {
            Ok(terminal.error(&error.to_string(), 1))
        }
        Err(error) => Err(stop(error)),
    }
}
