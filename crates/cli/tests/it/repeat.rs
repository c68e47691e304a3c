//! `--repeat`.

use crate::folder::Folder;

#[test]
fn times_are_told_by_what_stood_ready() {
    let folder = Folder::with("repeat", &[("a.js", "console.log('once'); 6 * 7")]);
    let ended = folder.isolet(&["run", "a.js", "--repeat", "30"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "42\n"));
    let lines: Vec<Vec<&str>> = ended.stderr.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0].last(), Some(&"once"));
    assert_eq!(lines[1], ["runs", "median", "p99"]);
    // The second run is cold, too, where it comes before the first VM of its pool.
    assert!(matches!(lines[2][..2], ["cold", "1" | "2"]), "{}", ended.stderr);
    let names = ["cold", "warm", "new VM", "cached"];
    assert!(
        ended.stderr.lines().skip(2).all(|line| names.iter().any(|name| line.starts_with(name))),
        "{}",
        ended.stderr
    );
    let figure = |line: &Vec<&str>| line.iter().find_map(|word| word.parse::<usize>().ok()).expect("a number of runs");
    assert_eq!(lines[2..].iter().map(figure).sum::<usize>(), 30);
}

#[test]
fn programs_get_every_report_and_no_table() {
    let folder = Folder::with("repeat-json", &[("a.js", "globalThis.n = (globalThis.n ?? 0) + 1")]);
    let ended = folder.isolet(&["run", "a.js", "--repeat", "20", "--pool-size", "1", "--format", "json"]);
    let reports = ended.reports();
    assert_eq!((reports.len(), &*ended.stderr), (20, ""));
    assert!(reports.iter().all(|report| report["output"] == 1), "each run begins anew: {}", ended.stdout);
    assert_eq!((&reports[0]["metrics"]["vm"], &reports[0]["metrics"]["cache"]), (&"cold".into(), &"miss".into()));
    assert!(reports[2..].iter().all(|report| report["metrics"]["cache"] == "hit"), "{}", ended.stdout);
}

#[test]
fn a_failure_is_shown_once() {
    let ended = Folder::with("repeat-failure", &[("a.js", "throw 1")]).isolet(&["run", "a.js", "--repeat", "5"]);
    assert_eq!(ended.stderr.matches("error[runtime_error]").count(), 1, "{}", ended.stderr);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
}
