//! `isolet policy`.

use anyhow::{Context, Result};
use isolet::{Capability, Execution, Isolet, Policy, Source, SourceKind, TenantId};
use serde_json::json;

use crate::Stop;
use crate::arguments::{Format, PolicyArguments};
use crate::terminal::Terminal;

/// Asks a VM under the policy, so that nothing is told that is not so.
const GLOBALS: &str = "Object.getOwnPropertyNames(globalThis).sort()";

/// Tells what scripts may do and reach, and gives the exit code.
pub(crate) fn policy(arguments: &PolicyArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    tell(arguments, terminal).map_err(Stop::Machine)
}

fn tell(arguments: &PolicyArguments, terminal: &mut Terminal) -> Result<u8> {
    let policy = Policy::of(arguments.profile);
    let globals = globals(&policy)?;
    match arguments.format {
        Format::Json => {
            let capabilities: serde_json::Map<_, _> = Capability::ALL
                .into_iter()
                .map(|capability| (capability.name().to_owned(), policy.allows(capability).into()))
                .collect();
            let told = json!({ "policy": policy.to_string(), "capabilities": capabilities, "globals": globals });
            terminal.output(&told.to_string())?;
        }
        Format::Pretty => {
            terminal.output(&format!("policy {policy}\n"))?;
            for capability in Capability::ALL {
                let allowed = if policy.allows(capability) { "yes" } else { "no" };
                terminal.output(&format!("  {:<18}{allowed}", capability.name()))?;
            }
            terminal.output("\nglobals of the language, the web and isolet, beside those of the host:\n")?;
            for line in lines(&globals) {
                terminal.output(&format!("  {line}"))?;
            }
        }
    }
    Ok(0)
}

fn globals(policy: &Policy) -> Result<Vec<String>> {
    let isolet = Isolet::builder().policy(policy.clone()).vms_warm(1).workers(1).build().context("cannot start")?;
    let source = Source::new("globals.js", GLOBALS, SourceKind::Script)?;
    let report = isolet.execute_blocking(Execution::new(source, TenantId::new("local")?));
    report.output_as().context("cannot ask a VM")
}

/// Names in lines that fit a terminal.
fn lines(names: &[String]) -> Vec<String> {
    const WIDTH: usize = 76;
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + name.len() <= WIDTH => {
                line.push(' ');
                line.push_str(name);
            }
            _ => lines.push(name.clone()),
        }
    }
    lines
}
