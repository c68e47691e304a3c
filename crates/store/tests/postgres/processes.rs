//! Two processes on one Postgres: what one puts, the other runs.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use isolet_store::Expected;
use isolet_testkit::Postgres;

use crate::contract::{Words, current, draft, open, script, tenant, until};

/// Tells the process to be the one that puts, and where the store is.
const WRITER: &str = "ISOLET_STORE_WRITER";

const PUTS: u32 = 20;

/// This test starts itself as another process, which puts and tells of it.
#[test]
fn two_processes_follow_each_other() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if let Ok(location) = std::env::var(WRITER) {
        return runtime.block_on(put(&location));
    }
    let location = Postgres::shared().database();
    let mut writer = Command::new(std::env::current_exe().expect("this test"));
    writer.args(["--exact", "processes::two_processes_follow_each_other", "--nocapture"]);
    let mut writer = writer.env(WRITER, &location).stdout(Stdio::piped()).spawn().expect("it starts");
    let told = BufReader::new(writer.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let (mut followed, mut longest) = (0, Duration::ZERO);
    runtime.block_on(async {
        let store = open(&location).await;
        let (acme, total) = (tenant("acme"), script("total.js"));
        for line in told {
            let Some(number) = line.strip_prefix("put ").and_then(|number| number.parse::<u32>().ok()) else {
                continue;
            };
            let began = Instant::now();
            until("the put is seen", || async {
                let text = current(store.scripts(), &acme, &total).await;
                text.and_then(|text| text.parse().ok()).is_some_and(|current: u32| current >= number)
            })
            .await;
            longest = longest.max(began.elapsed());
            followed += 1;
        }
    });
    assert!(writer.wait().expect("it ends").success());
    assert_eq!(followed, PUTS);
    // Within a second on a machine that is not slow; this one may be.
    assert!(longest < Duration::from_secs(20), "{longest:?}");
}

async fn put(location: &str) {
    let store = open(location).await;
    for number in 1..=PUTS {
        let (acme, total, text) = (tenant("acme"), script("total.js"), draft(&number.to_string()));
        store.scripts().put(&Words, &acme, &total, &text, &Expected::Anything).await.expect("it is put");
        let _ = std::io::stdout().write_all(format!("put {number}\n").as_bytes());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    store.close().await;
}
