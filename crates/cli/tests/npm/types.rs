//! The declarations of `isolet types`, judged by TypeScript.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use isolet::{Isolet, Policy, Profile};
use serde_json::json;

use crate::{folder, here, read};

/// The names that the compiler cannot find in a script, and whatever else it says.
fn judged(profile: Profile, script: &str) -> (Vec<String>, Vec<String>) {
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("types-{}-{script}", profile.name()));
    fs::create_dir_all(&project).expect("a folder");
    let write = |name: &str, text: String| fs::write(project.join(name), text).expect("written");
    let declarations = Isolet::builder().policy(Policy::of(profile)).declarations();
    write("isolet.d.ts", declarations.expect("declarations"));
    write("script.js", read(&here().join("types").join(script)));
    let options = json!({
        "noEmit": true, "allowJs": true, "checkJs": true, "strict": true, "noImplicitAny": false, "target": "esnext",
        "moduleDetection": "force", "types": []
    });
    write("tsconfig.json", json!({ "compilerOptions": options, "files": ["isolet.d.ts", "script.js"] }).to_string());
    let mut command = Command::new("node");
    command.arg(folder().join("node_modules/typescript/bin/tsc")).arg("-p").arg(&project);
    let output = command.stdin(Stdio::null()).output().expect("Node can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    let missing = |line: &str| Some(line.split_once("Cannot find name '")?.1.split_once('\'')?.0.to_owned());
    let others = said.lines().filter(|line| missing(line).is_none()).map(str::to_owned).collect();
    (said.lines().filter_map(missing).collect(), others)
}

#[test]
fn typescript_finds_what_is_there_and_nothing_else() {
    for profile in Profile::ALL {
        for (script, is_there) in
            [("there.js", true), ("absent.js", false), ("reflection.js", profile != Profile::Strict)]
        {
            let text = read(&here().join("types").join(script));
            let names = text.lines().filter(|_| !is_there).filter_map(|line| line.strip_suffix(';'));
            let expected: Vec<_> = names.map(str::to_owned).collect();
            assert_eq!(judged(profile, script), (expected, Vec::new()), "{script} under {}", profile.name());
        }
    }
}
