//! What was acknowledged is there after the process was killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use isolet_core_traits::{ExecutionId, ReportSink};
use isolet_store::{Durability, Expected, RecordsConfig};

use super::{Words, current, draft, full, input, open, report, script, tenant};

/// Tells the process to be the one that is killed, and where its store is.
const VICTIM: &str = "ISOLET_STORE_VICTIM";

/// The test of this name starts itself as another process, which puts scripts and records and tells of each that was
/// acknowledged.
pub(crate) fn what_was_acknowledged_survives_sigkill<G>(test: &str, location: impl FnOnce() -> (String, G)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if let Ok(location) = std::env::var(VICTIM) {
        runtime.block_on(write_for_ever(&location));
    }
    let (location, _guard) = location();
    let (rounds, lines_min) = (3, if full() { 6_700 } else { 200 });
    let mut lines_seen = 0;
    for round in 0..rounds {
        let acknowledged = acknowledged_by_victim(test, &location, lines_min);
        lines_seen += acknowledged.len();
        runtime.block_on(check(&location, round, &acknowledged));
    }
    assert!(lines_seen >= rounds * lines_min, "{lines_seen}");
}

/// The lines that the victim told before it was killed in the middle of its work.
fn acknowledged_by_victim(test: &str, location: &str, lines: usize) -> Vec<String> {
    let mut victim = Command::new(std::env::current_exe().expect("this test"));
    victim.args(["--exact", test, "--nocapture"]);
    let mut victim = victim.env(VICTIM, location).stdout(Stdio::piped()).spawn().expect("it starts");
    let told = BufReader::new(victim.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut told = told.filter(|line| line.starts_with("put ") || line.starts_with("record "));
    let mut acknowledged: Vec<String> = told.by_ref().take(lines).collect();
    victim.kill().expect("it runs");
    victim.wait().expect("it was killed");
    // What it had told before it was killed and was not read yet.
    acknowledged.extend(told);
    acknowledged
}

async fn check(location: &str, round: usize, acknowledged: &[String]) {
    let store = open(location).await;
    let records = store.records(RecordsConfig { durability: Durability::Off, ..RecordsConfig::default() });
    let acme = tenant("acme");
    for line in acknowledged {
        let (what, name) = line.split_once(' ').expect("two words");
        match what {
            "put" => {
                let text = current(store.scripts(), &acme, &script(name)).await;
                assert_eq!(text.as_deref(), Some(name), "round {round}");
            }
            _ => {
                let id = ExecutionId::new(name).expect("an id");
                assert!(records.get(&acme, &id).await.expect("it serves").is_some(), "round {round}: {name}");
            }
        }
    }
    store.close().await;
}

async fn write_for_ever(location: &str) -> ! {
    let store = open(location).await;
    let wait_max = std::time::Duration::from_secs(60);
    let records = store.records(RecordsConfig { durability: Durability::Sync, wait_max, ..RecordsConfig::default() });
    let name = |number: u64| format!("{}-{number}", std::process::id());
    let recorder = tokio::spawn(async move {
        for number in 0.. {
            let id = name(number);
            records.record(&report("acme", "a", &id, "ok", "1"), &input("{}")).await;
            assert_eq!(records.stats().late, 0);
            acknowledge("record", &id);
        }
    });
    for number in 0.. {
        let text = name(number);
        let (acme, name, draft) = (tenant("acme"), script(&text), draft(&text));
        store.scripts().put(&Words, &acme, &name, &draft, &Expected::Absent).await.expect("it is put");
        acknowledge("put", &text);
    }
    recorder.await.expect("it writes for ever");
    unreachable!("more numbers than there are")
}

/// In one write, so that lines of two tasks do not mix.
fn acknowledge(what: &str, name: &str) {
    use std::io::Write;
    let _ = std::io::stdout().write_all(format!("{what} {name}\n").as_bytes());
}
