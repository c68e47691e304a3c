//! Libraries of npm that scripts bring along, each used by a script: the output is the expected one, and Node's.
//!
//! `cargo xtask setup` fetches the libraries, at the versions and with the hashes of `package-lock.json`.

mod types;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::expect_file;
use isolet::{Execution, HostModules, Isolet, Policy, Profile, Report, Source, SourceKind, TenantId};
use serde_json::Value;

/// How a script gets at a library.
enum How {
    /// The text of these files stands before the script's.
    Before(&'static [&'static str]),
    /// The same, for a library that looks for the global object under the name `window` alone.
    InWindow(&'static [&'static str]),
    /// The host provides this file as a module of the library's name.
    Module(&'static str),
}

use How::{Before, InWindow, Module};

const LIBRARIES: &[(&str, How)] = &[
    ("ajv", Before(&["prepared/ajv.js"])),
    ("big.js", Before(&["node_modules/big.js/big.js"])),
    ("bignumber.js", Before(&["node_modules/bignumber.js/bignumber.js"])),
    ("date-fns", InWindow(&["node_modules/date-fns/cdn.min.js"])),
    (
        "dayjs",
        Before(&[
            "node_modules/dayjs/dayjs.min.js",
            "node_modules/dayjs/plugin/utc.js",
            "node_modules/dayjs/plugin/customParseFormat.js",
            "node_modules/dayjs/plugin/relativeTime.js",
        ]),
    ),
    ("decimal.js", Before(&["node_modules/decimal.js/decimal.js"])),
    ("handlebars", Before(&["node_modules/handlebars/dist/handlebars.runtime.min.js", "prepared/handlebars.js"])),
    ("he", Before(&["node_modules/he/he.js"])),
    ("immutable", Before(&["node_modules/immutable/dist/immutable.min.js"])),
    ("js-yaml", Before(&["node_modules/js-yaml/dist/js-yaml.min.js"])),
    ("jsonata", Before(&["node_modules/jsonata/jsonata.min.js"])),
    ("lodash", Before(&["node_modules/lodash/lodash.min.js"])),
    ("luxon", Before(&["node_modules/luxon/build/global/luxon.min.js"])),
    ("marked", Module("node_modules/marked/lib/marked.esm.js")),
    ("moment", Before(&["node_modules/moment/min/moment.min.js"])),
    ("mustache", Before(&["node_modules/mustache/mustache.min.js"])),
    ("nunjucks", InWindow(&["prepared/nunjucks.js", "node_modules/nunjucks/browser/nunjucks-slim.min.js"])),
    ("papaparse", Before(&["node_modules/papaparse/papaparse.min.js"])),
    ("ramda", Before(&["node_modules/ramda/dist/ramda.min.js"])),
    ("underscore", Before(&["node_modules/underscore/underscore-umd-min.js"])),
    ("uuid", Before(&["node_modules/uuid/dist/umd/uuid.min.js"])),
    ("validator", Before(&["node_modules/validator/validator.min.js"])),
    ("zod", Module("node_modules/zod/lib/index.mjs")),
];

/// Where `cargo xtask setup` has put them.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("npm")
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/npm")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}: `cargo xtask setup` brings it", path.display()))
}

fn by_isolet(library: &str, how: &How, profile: Profile) -> Report {
    let script = read(&here().join("scripts").join(format!("{library}.js")));
    let file = |name: &&str| read(&folder().join(name));
    let bundle = |files: &[&str]| files.iter().map(file).chain([script.clone()]).collect::<Vec<_>>().join("\n;");
    let (text, modules) = match how {
        Before(files) => (bundle(files), HostModules::new()),
        InWindow(files) => (format!("var window = globalThis; {}", bundle(files)), HostModules::new()),
        Module(name) => (script, HostModules::new().with(library, file(name)).expect("a module")),
    };
    let policy = Policy::of(profile).with_modules(modules);
    let isolet = Isolet::builder().workers(1).vms_warm(1).policy(policy).build();
    let source = Source::new(format!("{library}.js"), text, SourceKind::Auto).expect("a name");
    isolet.expect("it builds").execute_blocking(Execution::new(source, TenantId::new("acme").expect("an id")))
}

fn by_node(library: &str) -> Value {
    let mut command = Command::new("node");
    command.arg(here().join("node.mjs")).arg(folder()).arg(here().join("scripts").join(format!("{library}.js")));
    let output = command
        .arg(library)
        .env("TZ", "UTC")
        .env("LC_ALL", "en_US.UTF-8")
        .stdin(Stdio::null())
        .output()
        .expect("Node can be started");
    let stdout = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&stdout).unwrap_or_else(|error| {
        panic!("{library} under Node: {error}: {stdout}{}", String::from_utf8_lossy(&output.stderr))
    })
}

/// Has what libraries would compile at run time compiled ahead.
fn prepare() {
    let mut command = Command::new("node");
    command.arg(here().join("prepare.mjs")).arg(folder());
    let status = command.stdin(Stdio::null()).status().expect("Node can be started");
    assert!(status.success(), "prepare.mjs: {status}");
}

#[test]
fn libraries_do_what_they_do_under_node() {
    prepare();
    let mut wrong = Vec::new();
    for (library, how) in LIBRARIES {
        let node = by_node(library);
        for profile in [Profile::Standard, Profile::Strict] {
            let report = by_isolet(library, how, profile);
            let output: Option<Value> = report.output_as().ok();
            if output.as_ref() != Some(&node) {
                let error = serde_json::to_string(&report.error).expect("JSON");
                wrong.push(format!("{library} ({}): {output:?}\n  {error}\n  node: {node}", profile.name()));
            }
        }
        let pretty = serde_json::to_string_pretty(&node).expect("JSON") + "\n";
        expect_file![here().join("scripts").join(format!("{library}.json"))].assert_eq(&pretty);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
