//! What can be said of stores on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use isolet::store::Durability;
use isolet::{ExecutionId, ScriptId, Status, TenantId, Timestamp};

use crate::arguments::{Format, Kind};
use crate::units;

/// What a run has to do with a store.
#[derive(Args)]
pub(crate) struct StoredRun {
    /// Run this script of the tenant's out of the store
    #[arg(long, value_name = "NAME", requires = "store", conflicts_with_all = ["files", "kind"])]
    pub(crate) script: Option<ScriptId>,

    /// Where scripts, compiled programs and records are kept: a file of SQLite, or postgres://…
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) store: Option<String>,

    /// Keep compiled programs in the store, sealed with the keys of this file: NUMBER:SECRET of 64 hexadecimal digits in
    /// each line, the first one seals
    #[arg(long, value_name = "FILE", requires = "store")]
    pub(crate) seal_keys: Option<PathBuf>,

    /// Whether the store gets the reports of runs: soon, before they are shown, or not
    #[arg(long, value_enum, default_value_t, requires = "store")]
    pub(crate) records: Recording,
}

/// [`Durability`] as a flag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Recording {
    /// Before they are shown
    Sync,
    /// Soon
    #[default]
    Batched,
    /// Not
    Off,
}

impl From<Recording> for Durability {
    fn from(recording: Recording) -> Self {
        match recording {
            Recording::Sync => Self::Sync,
            Recording::Batched => Self::Batched,
            Recording::Off => Self::Off,
        }
    }
}

/// Keep scripts in a store, by tenant and name, with all their revisions.
#[derive(Args)]
#[command(after_help = SCRIPTS_EXAMPLES)]
pub(crate) struct ScriptsArguments {
    #[command(subcommand)]
    pub(crate) command: ScriptsCommand,
}

const SCRIPTS_EXAMPLES: &str = "\
Examples:
  isolet scripts put total.js examples/order-total.js --store isolet.db
  isolet run --script total.js --store isolet.db --input @examples/order-total.input.json
  isolet scripts history total.js --store isolet.db

Exit codes: 0 done, 1 refused (it does not compile, it is not what was expected, there is none), 2 wrong usage,
3 the store does not serve.";

#[derive(Subcommand)]
pub(crate) enum ScriptsCommand {
    Put(PutArguments),
    Get(GetArguments),
    List(ListArguments),
    History(HistoryArguments),
    Rollback(RollbackArguments),
    Delete(DeleteArguments),
}

/// Which store, for whom, and what stdout gets.
#[derive(Args)]
pub(crate) struct Place {
    /// The store: a file of SQLite, or postgres://…
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) store: String,

    /// Whose scripts
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub(crate) tenant: TenantId,

    /// What stdout gets: words, or a line of JSON for each thing
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// What is believed of a script that is to be changed.
#[derive(Args)]
pub(crate) struct Belief {
    /// Only if this is the current revision
    #[arg(long, value_name = "REVISION", conflicts_with = "if_absent")]
    pub(crate) if_revision: Option<String>,

    /// Only if there is no such script
    #[arg(long)]
    pub(crate) if_absent: bool,
}

/// Store a script, or a new revision of it, if it compiles.
#[derive(Args)]
pub(crate) struct PutArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) script: ScriptId,

    /// The file that it is in
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) place: Place,

    #[command(flatten)]
    pub(crate) belief: Belief,

    /// How to read it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: Kind,

    /// Its limits, as JSON: for example {"wall_time_ms": 500}
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) limits: Option<String>,

    /// What it may use of the host, as JSON: for example {"http": ["api.example.com"]} [default: all that its tenant may]
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) permissions: Option<String>,

    /// The policy that it is written for; under others it is refused
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
}

/// Print a script.
#[derive(Args)]
pub(crate) struct GetArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) script: ScriptId,

    /// One of its revisions [default: the current one]
    #[arg(long)]
    pub(crate) revision: Option<String>,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// List the scripts of a tenant.
#[derive(Args)]
pub(crate) struct ListArguments {
    /// Those after this name
    #[arg(long, value_name = "NAME")]
    pub(crate) after: Option<ScriptId>,

    /// How many at most
    #[arg(long, value_name = "N", default_value = "100", value_parser = page)]
    pub(crate) limit: u32,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// List the changes to a script, the last one first.
#[derive(Args)]
pub(crate) struct HistoryArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) script: ScriptId,

    /// Those before this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) before: Option<u64>,

    /// How many at most
    #[arg(long, value_name = "N", default_value = "100", value_parser = page)]
    pub(crate) limit: u32,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// Make a revision current again that a script had, also after it was deleted.
#[derive(Args)]
pub(crate) struct RollbackArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) script: ScriptId,

    /// The revision
    pub(crate) revision: String,

    #[command(flatten)]
    pub(crate) place: Place,

    #[command(flatten)]
    pub(crate) belief: Belief,
}

/// Delete a script. Its history stays.
#[derive(Args)]
pub(crate) struct DeleteArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) script: ScriptId,

    #[command(flatten)]
    pub(crate) place: Place,

    #[command(flatten)]
    pub(crate) belief: Belief,
}

/// Look at the records of runs in a store.
#[derive(Args)]
#[command(after_help = RECORDS_EXAMPLES)]
pub(crate) struct RecordsArguments {
    #[command(subcommand)]
    pub(crate) command: RecordsCommand,
}

const RECORDS_EXAMPLES: &str = "\
Examples:
  isolet records list --store isolet.db --status timeout
  isolet records get 0b4e0a70-9d5c-4a3e-8a57-6d2f3c7f9e10 --store isolet.db

Exit codes: 0 told, 1 there is no such record, 2 wrong usage, 3 the store does not serve.";

#[derive(Subcommand)]
pub(crate) enum RecordsCommand {
    List(ListRecordsArguments),
    Get(GetRecordArguments),
}

/// List the records of a tenant, the latest first.
#[derive(Args)]
pub(crate) struct ListRecordsArguments {
    /// Those of this script
    #[arg(long, value_name = "NAME")]
    pub(crate) script: Option<ScriptId>,

    /// Those that ended so, for example runtime_error
    #[arg(long, value_parser = status)]
    pub(crate) status: Option<Status>,

    /// Those from this time on: 2026-01-31T12:00:00Z, or ms since 1970
    #[arg(long, value_name = "TIME", value_parser = units::timestamp)]
    pub(crate) from: Option<Timestamp>,

    /// Those before this time
    #[arg(long, value_name = "TIME", value_parser = units::timestamp)]
    pub(crate) until: Option<Timestamp>,

    /// Those after this place, which the page before has told
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,

    /// How many at most
    #[arg(long, value_name = "N", default_value = "100", value_parser = page)]
    pub(crate) limit: u32,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// Print the report of a run.
#[derive(Args)]
pub(crate) struct GetRecordArguments {
    /// The execution's id
    pub(crate) id: ExecutionId,

    #[command(flatten)]
    pub(crate) place: Place,
}

fn page(text: &str) -> Result<u32, String> {
    units::count(text, 1_000).map(|count| count as u32)
}

fn status(text: &str) -> Result<Status, String> {
    Status::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
        let names: Vec<_> = Status::ALL.into_iter().map(Status::as_str).collect();
        format!("the statuses are {}", names.join(", "))
    })
}
