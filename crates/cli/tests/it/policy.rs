//! What `isolet policy` tells, and what `--profile` does.

use serde_json::Value;

use crate::folder::Folder;

#[test]
fn types_follow_the_policy() {
    let folder = Folder::with("types", &[]);
    for (profile, has_proxy) in [("standard", true), ("strict", false), ("trusted", true)] {
        let told = folder.isolet(&["types", "--profile", profile]);
        assert_eq!((told.code, &*told.stderr), (Some(0), ""));
        let first = format!("// What scripts find under the policy {profile}. Written by isolet ");
        assert!(told.stdout.starts_with(&first) && told.stdout.ends_with(";\n"), "{}", told.stdout);
        assert_eq!(told.stdout.contains("lib=\"es2015.proxy\""), has_proxy);
        assert!(told.stdout.contains("\ndeclare function setTimeout<"));
    }
    assert_eq!(folder.isolet(&["types", "--profile", "lax"]).code, Some(2));
}

#[test]
fn policies_are_told() {
    let folder = Folder::with("policy", &[("proxy.js", "typeof Proxy + typeof URL"), ("eval.js", "eval('1 + 1')")]);
    for (profile, has_proxy, has_eval) in [("standard", true, false), ("strict", false, false), ("trusted", true, true)]
    {
        let told = folder.isolet(&["policy", "--profile", profile, "--format", "json"]);
        let told: Value = serde_json::from_str(&told.stdout).expect("a line of JSON");
        assert_eq!(told["policy"], profile);
        assert_eq!(
            (&told["capabilities"]["proxies"], &told["capabilities"]["eval"]),
            (&has_proxy.into(), &has_eval.into())
        );
        let globals = told["globals"].as_array().expect("globals");
        assert_eq!(globals.contains(&"Proxy".into()), has_proxy);
        assert!(globals.contains(&"URL".into()) && globals.contains(&"console".into()));

        let pretty = folder.isolet(&["policy", "--profile", profile]);
        assert!(pretty.stdout.starts_with(&format!("policy {profile}\n")), "{}", pretty.stdout);
        assert_eq!(pretty.code, Some(0));

        let ran = folder.isolet(&["run", "proxy.js", "--profile", profile]);
        let expected = if has_proxy { "\"functionfunction\"\n" } else { "\"undefinedfunction\"\n" };
        assert_eq!(ran.stdout, expected);
        assert_eq!(folder.isolet(&["run", "eval.js", "--profile", profile]).code, Some(if has_eval { 0 } else { 1 }));
    }
    let unknown = folder.isolet(&["policy", "--profile", "lax"]);
    assert_eq!(
        unknown.stderr,
        "error: invalid value 'lax' for '--profile <NAME>': the policies are standard, strict, trusted\n"
    );
    assert_eq!(unknown.code, Some(2));
}
