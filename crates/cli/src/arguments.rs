//! What can be said on the command line, and what its `--help` says.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use isolet::{HostPattern, NamePattern, OrganizationId, Profile, SourceKind, TenantId, Timestamp, UserId};

use crate::limits;
use crate::stored::{RecordsArguments, ScriptsArguments, StoredRun};
use crate::terminal::Terminal;
use crate::units::{self, Rate};

/// Run JavaScript that you do not trust, each run in a pristine VM with hard limits.
#[derive(Parser)]
#[command(name = "isolet", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  isolet run examples/order-total.js --input @examples/order-total.input.json
  isolet check examples/*.js
  isolet bench

Exit codes: 0 all went well, 1 a script failed, 2 wrong usage, 3 a run was ended by a limit or refused.";

#[derive(Subcommand)]
pub(crate) enum Command {
    Run(Box<RunArguments>),
    Check(CheckArguments),
    Policy(PolicyArguments),
    Types(TypesArguments),
    Scripts(ScriptsArguments),
    Records(RecordsArguments),
    Bench(BenchArguments),
}

/// Run scripts and print their outputs.
///
/// The output of a script is the value of its last expression, as JSON.
/// The output of a module is its default export, or what that gives if it is a function (input, context).
/// Both find their input as the global `input`. They reach no file but that of --db, no other
/// run, no host but those that --allow-net names, and publish no event but those that
/// --allow-events names.
#[derive(Args)]
#[command(after_help = RUN_EXAMPLES, verbatim_doc_comment)]
pub(crate) struct RunArguments {
    /// The scripts, one after another
    #[arg(required_unless_present = "script", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// How to read them
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: Kind,

    #[command(flatten)]
    pub(crate) stored: StoredRun,

    /// The global `input`: JSON, the name of a file with JSON after an @, or - for stdin [default: null]
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub(crate) input: Option<String>,

    /// The tenant for whom the scripts run; they see it in `context`
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub(crate) tenant: TenantId,

    /// The user for whom they run
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<UserId>,

    /// The organization for which they run
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<OrganizationId>,

    /// How long a run may take: ms, s, m or h
    #[arg(long, value_name = "TIME", default_value = "30s")]
    #[arg(value_parser = limits::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Duration,

    /// How much memory a run may take: B, KB, MB, GB, KiB, MiB or GiB
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    #[arg(value_parser = limits::memory, allow_hyphen_values = true)]
    pub(crate) memory: u64,

    /// How long an output may be, as JSON; a longer one is cut
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    #[arg(value_parser = limits::output, allow_hyphen_values = true)]
    pub(crate) output_limit: usize,

    /// How many calls of host services the tenant may make: so many in a second (s), a minute (min) or an hour (h)
    #[arg(long, value_name = "RATE", default_value = "60/min")]
    #[arg(value_parser = limits::api_calls, allow_hyphen_values = true)]
    pub(crate) api_calls: Rate,

    /// What scripts may do and reach: standard, strict or trusted; `isolet policy` tells the difference
    #[arg(long, value_name = "NAME", default_value = "standard", value_parser = profile)]
    pub(crate) profile: Profile,

    /// Let scripts turn text into code, with `eval` and `Function`
    #[arg(long)]
    pub(crate) allow_eval: bool,

    /// Let scripts send requests to a host: a name, *.NAME for all below it, * for any, or an address; with a port, or :*
    /// for any, if it is not the scheme's own; repeat it for more
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) allow_net: Vec<HostPattern>,

    /// Give scripts a database, `db`: a file of SQLite, which is made if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,

    /// Let scripts read that database only
    #[arg(long, requires = "db")]
    pub(crate) db_read_only: bool,

    /// Let scripts publish events to these topics and those below them, or to any with *; they are shown on stderr, unless
    /// there is a server for them
    #[arg(long, value_name = "TOPIC,…", value_delimiter = ',')]
    pub(crate) allow_events: Vec<NamePattern>,

    /// Send the events to a NATS server, as isolet.TENANT.TOPIC: nats://HOST:PORT, or tls://, with user:password@ or token@
    #[arg(long, value_name = "URL", requires = "allow_events")]
    pub(crate) nats: Option<String>,

    /// Make all randomness from this number, so that a run can be had again: Math.random, crypto and the execution's id
    #[arg(long, value_name = "N", value_parser = units::seed, allow_hyphen_values = true)]
    pub(crate) seed: Option<u64>,

    /// Start each run at this time, where its clocks stand still but for timers: 2026-01-31T12:00:00Z, or ms since 1970
    #[arg(long, value_name = "TIME", value_parser = units::timestamp, allow_hyphen_values = true)]
    pub(crate) now: Option<Timestamp>,

    /// How many VMs stand ready; files run one after another, so one VM serves them all
    #[arg(long, value_name = "N", default_value = "1")]
    #[arg(value_parser = |text: &str| units::count(text, 1_000), allow_hyphen_values = true)]
    pub(crate) pool_size: usize,

    /// Run each file N times and show how long runs take: cold, warm and cached
    #[arg(long, value_name = "N", default_value = "1")]
    #[arg(value_parser = |text: &str| units::count(text, 1_000_000), allow_hyphen_values = true)]
    pub(crate) repeat: usize,

    /// Send figures and spans to an OpenTelemetry collector, as OTLP over HTTP
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<String>,

    /// What stdout gets: each output, laid out, or a line with the report of each run
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

const RUN_EXAMPLES: &str = "\
Examples:
  isolet run examples/order-total.js --input @examples/order-total.input.json
  isolet run examples/db/shop.js --db ./shop.db
  isolet run pages.js --allow-net api.example.com --allow-net 127.0.0.1:8080
  isolet run examples/events/stock.js --allow-events stock,orders.paid
  isolet run examples/retry-async.js --seed 7 --now 2026-01-31T12:00:00Z
  echo '{\"n\": 20}' | isolet run double.js --input - --timeout 250ms --format json

Exit codes: 0 all went well, 1 a script failed, 2 wrong usage, 3 a run was ended by a limit or refused.
ISOLET_LOG=debug shows on stderr what isolet itself does.";

/// Compile scripts without running them, and show what is wrong.
#[derive(Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct CheckArguments {
    /// The scripts, one after another
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// How to read them
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: Kind,

    /// What stdout gets: words, or a line of JSON for each file
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  isolet check examples/order-total.js
  isolet check --kind body step.txt --format json

Exit codes: 0 all compile, 1 one does not, 2 wrong usage, 3 compiling one was ended by a limit or refused.";

/// Show what scripts may do and reach under a policy.
#[derive(Args)]
#[command(after_help = POLICY_EXAMPLES)]
pub(crate) struct PolicyArguments {
    /// Which policy: standard, strict or trusted
    #[arg(long, value_name = "NAME", default_value = "standard", value_parser = profile)]
    pub(crate) profile: Profile,

    /// What stdout gets: words, or a line of JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

const POLICY_EXAMPLES: &str = "\
Examples:
  isolet policy
  isolet policy --profile strict --format json

Exit codes: 0 told, 2 wrong usage, 3 the machine did not play along.";

/// Print what scripts find, as TypeScript declarations for editors.
///
/// With the file beside scripts and in a tsconfig.json, an editor completes what is there and marks what is not.
#[derive(Args)]
#[command(after_help = TYPES_EXAMPLES, verbatim_doc_comment)]
pub(crate) struct TypesArguments {
    /// Under which policy: standard, strict or trusted
    #[arg(long, value_name = "NAME", default_value = "standard", value_parser = profile)]
    pub(crate) profile: Profile,
}

const TYPES_EXAMPLES: &str = "\
Examples:
  isolet types > isolet.d.ts
  isolet types --profile strict > isolet.d.ts

Exit codes: 0 told, 2 wrong usage, 3 the machine did not play along.";

fn profile(text: &str) -> Result<Profile, String> {
    Profile::named(text).ok_or_else(|| {
        let names: Vec<_> = Profile::ALL.into_iter().map(Profile::name).collect();
        format!("the policies are {}", names.join(", "))
    })
}

/// Measure isolet on this machine: one VM, executions and memory.
///
/// A quick look: it takes less than 20 s, and all runs are of a trivial script, which adds up an order.
/// Nothing else should be running meanwhile.
#[derive(Args)]
#[command(after_help = BENCH_EXAMPLES, verbatim_doc_comment)]
pub(crate) struct BenchArguments {
    /// How many runs the times of one VM and of one caller are of; fewer are quicker and less exact
    #[arg(long, value_name = "N", default_value = "20000")]
    #[arg(value_parser = |text: &str| units::count(text, 1_000_000), allow_hyphen_values = true)]
    pub(crate) iterations: usize,

    /// What one VM is made for: standard, strict or trusted; executions are measured under standard
    #[arg(long, value_name = "NAME", default_value = "standard", value_parser = profile)]
    pub(crate) profile: Profile,

    /// What stdout gets: a table, or a line of JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

const BENCH_EXAMPLES: &str = "\
Examples:
  isolet bench
  isolet bench --iterations 1000 --format json

Times in JSON are in microseconds, sizes in bytes. What cannot be had on this machine is null.
Exit codes: 0 measured, 2 wrong usage, 3 a run failed or the machine did not play along.";

/// [`SourceKind`] as a flag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A script if it parses as one, else a module; a file named .mjs is a module
    #[default]
    Auto,
    /// A classic script, in which `await` may stand at the top level
    Script,
    /// A module with a default export
    Module,
    /// The body of a function (input, context), which returns the output
    Body,
}

impl From<Kind> for SourceKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Auto => Self::Auto,
            Kind::Script => Self::Script,
            Kind::Module => Self::Module,
            Kind::Body => Self::Body,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Pretty,
    /// For programs: one object a line
    Json,
}

/// Shows help, or what is wrong with the usage, and gives the exit code.
pub(crate) fn explain(error: &clap::Error, terminal: &Terminal) -> u8 {
    if let Some(message) = invalid_value(error) {
        return terminal.error(&message, 2);
    }
    // Nobody is there to be told if this fails.
    let _ = error.print();
    if error.use_stderr() { 2 } else { 0 }
}

/// One line about a value that its parser refused: the reason says all, no advice to read the help is needed.
fn invalid_value(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::ValueValidation {
        return None;
    }
    let (flag, value) = (error.get(ContextKind::InvalidArg)?, error.get(ContextKind::InvalidValue)?);
    Some(format!("invalid value '{value}' for '{flag}': {}", error.source()?))
}
