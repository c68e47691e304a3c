//! What a script sees of the machine's time zone: nothing.

use crate::folder::Folder;

const SCRIPT: &str = "
    const summer = new Date(2024, 6, 1, 12), winter = new Date('2024-01-01T00:00');
    console.log(summer, new Map([[winter, String(winter)]]));
    console.table([{ summer }]);
    const { prototype } = Date, names = Object.getOwnPropertyNames(prototype).filter((name) => /^(get|to)/.test(name)).sort();
    [summer, winter, structuredClone(summer)].map((date) => [
        ...names.map((name) => date[name]()), `${date}`, date + 1, JSON.stringify(date), new Intl.DateTimeFormat().format(date),
        date.setHours(5, 30), date.setDate(40), date.setYear(99), Date.parse(date.toLocaleString()), Date.parse(String(date)),
    ]).concat(Date().length, new Intl.DateTimeFormat().resolvedOptions().timeZone)";

#[test]
fn the_time_zone_of_the_process_does_not_show() {
    let folder = Folder::with("time-zone", &[("dates.js", SCRIPT)]);
    for profile in ["standard", "strict", "trusted"] {
        let run = |time_zone: &str| {
            let arguments =
                ["run", "dates.js", "--format", "json", "--profile", profile, "--now", "2026-01-31T12:00:00Z"];
            let output = folder.command(&arguments).env("TZ", time_zone).output().expect("isolet runs");
            let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
            assert_eq!(report["status"], "ok", "{report}");
            let messages: Vec<_> =
                report["logs"].as_array().expect("logs").iter().map(|log| log["message"].clone()).collect();
            serde_json::json!([report["output"], messages]).to_string()
        };
        let shown = run("UTC0");
        assert!(shown.contains("Mon Jul 01 2024 12:00:00 GMT+0000 (Coordinated Universal Time)"), "{shown}");
        for time_zone in ["EST5EDT,M3.2.0,M11.1.0", "IST-5:30", "America/New_York", "Asia/Kolkata"] {
            assert_eq!(run(time_zone), shown, "{time_zone}, {profile}");
        }
    }
}
