//! A given seed and a given time: the same run again, in another executor.

use std::time::{Duration, Instant};

use isolet::{Execution, Isolet, LogLine, Policy, Profile, Report, Timestamp};
use serde_json::{Value, json};

use crate::setup::{builder, execution, output};

/// 2026-01-31T12:00:00Z
const START: i64 = 1_769_860_800_000;

/// Looks at whatever differs from run to run.
const BROAD: &str = "
    const seen = {};
    seen.random = [Math.random(), Math.random(), crypto.randomUUID(), [...crypto.getRandomValues(new Uint8Array(20))]];
    const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
    seen.key = [...new Uint8Array(await crypto.subtle.exportKey('raw', key))];
    const clocks = () => [Date.now(), new Date(), Date(), performance.now(), performance.timeOrigin, new Date().constructor.now(), new Event('e').timeStamp];
    seen.clocks = [clocks()];
    console.time('work');
    for (let i = 0, sum = 0; i < 200000; i++) sum += i;
    console.timeEnd('work');
    seen.clocks.push(clocks());
    const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
    console.time('sleep');
    const order = [];
    const wait = async (name, ms) => { await sleep(ms); order.push([name, Date.now()]); console.log(name, Math.random()); };
    await Promise.all([wait('c', 30), wait('a', 1), wait('b', 12), wait('d', 30.9)]);
    console.timeEnd('sleep');
    let ticks = 0;
    await new Promise((done) => { const id = setInterval(() => { if (++ticks === 3) done(clearInterval(id)); }, 7); });
    const signal = AbortSignal.timeout(4);
    await new Promise((done) => signal.addEventListener('abort', (event) => { seen.aborted = event.timeStamp; done(); }));
    seen.order = order;
    seen.clocks.push(clocks());
    console.log(new Date(), seen.order);
";

fn executor(profile: Profile) -> Isolet {
    builder().policy(Policy::of(profile)).build().expect("it builds")
}

fn again(text: &str, seed: u64) -> Execution {
    let now = Timestamp::from_unix_ms(START).expect("in range");
    let id = isolet::ExecutionId::new("again").expect("an id");
    execution(text).seed(seed).now(now).id(id)
}

/// What a caller and an author see of a run, as text.
fn seen(report: &Report) -> String {
    let lines: Vec<&LogLine> = report.logs.iter().collect();
    let output = report.output.as_ref().map(|output| output.get());
    json!([report.status, output, report.error, lines, report.warnings]).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_with_the_same_seed_and_time_are_the_same() {
    for profile in Profile::ALL {
        let scripts = [
            format!("{BROAD}; seen"),
            format!("{BROAD}; throw new RangeError(JSON.stringify(seen))"),
            "import('x' + Math.random())".to_owned(),
        ];
        for script in scripts {
            let first = executor(profile).execute(again(&script, 7)).await;
            let second = executor(profile).execute(again(&script, 7)).await;
            let other = executor(profile).execute(again(&script, 8)).await;
            assert_eq!(seen(&first), seen(&second));
            assert_ne!(seen(&first), seen(&other), "another seed gives another run");
        }
    }
}

#[tokio::test]
async fn clocks_stand_still_but_for_timers() {
    for profile in Profile::ALL {
        let report = executor(profile).execute(again(&format!("{BROAD}; seen"), 7)).await;
        let seen: Value = serde_json::from_str(output(&report)).expect("JSON");
        let clocks = |elapsed: i64| {
            let iso = format!("2026-01-31T12:00:00.{elapsed:03}Z");
            let ms = START + elapsed;
            json!([ms, iso, seen["clocks"][0][2], elapsed as f64, START, ms, elapsed as f64])
        };
        let plain =
            |value: Value| serde_json::from_str::<Value>(&value.to_string().replace(".0,", ",").replace(".0]", "]"));
        // 30 ms, then three ticks of 7 ms, then 4 ms.
        let expected = json!([clocks(0), clocks(0), clocks(30 + 21 + 4)]);
        assert_eq!(seen["clocks"], plain(expected).expect("JSON"), "{}", profile.name());
        assert_eq!(seen["order"], json!([["a", START + 1], ["b", START + 12], ["c", START + 30], ["d", START + 30]]));
        assert_eq!(seen["aborted"], json!(55));
        let lines: Vec<_> = report.logs.iter().map(|line| (line.message.as_str(), line.at_ms)).collect();
        assert_eq!((lines[0], lines[5]), (("work: 0ms", 0.0), ("sleep: 30ms", 30.0)));
    }
}

#[tokio::test]
async fn timers_still_take_their_time() {
    let began = Instant::now();
    let report =
        executor(Profile::Standard).execute(again("await new Promise((done) => setTimeout(done, 40)); 1", 7)).await;
    assert_eq!(output(&report), "1");
    assert!(began.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn each_can_be_given_alone() {
    let isolet = executor(Profile::Standard);
    let script = "[Math.random(), crypto.randomUUID(), Date.now()]";
    let now = Timestamp::from_unix_ms(-1).expect("in range");
    let mut runs = Vec::new();
    for execution in [
        execution(script).seed(0),
        execution(script).seed(0),
        execution(script).now(now),
        execution(script).now(now),
        execution(script),
    ] {
        let report = isolet.execute(execution).await;
        runs.push(serde_json::from_str::<Value>(output(&report)).expect("JSON"));
    }
    assert_eq!((&runs[0][0], &runs[0][1]), (&runs[1][0], &runs[1][1]));
    assert!(runs[0][2].as_i64() > Some(START), "the real time");
    assert_eq!((&runs[2][2], &runs[3][2]), (&json!(-1), &json!(-1)));
    assert!(runs[2][0] != runs[3][0] && runs[2][1] != runs[3][1]);
    assert!(runs[4][2].as_i64() > Some(START), "a run after one with a fixed time has its own");
}

/// In the place of the engine's: scripts should not see the difference.
#[tokio::test]
async fn a_fixed_date_is_like_any_other() {
    let script = "
        const names = Object.getOwnPropertyNames(Date).sort();
        class Mine extends Date { year() { return this.getUTCFullYear(); } }
        [
            typeof Date(), new Date() instanceof Date, new Date(0).getTime(), new Date(2020, 1).getMonth(), new Date('2020-05-06').toISOString(),
            new Date(undefined).getTime(), new Date(new Date(5)).getTime(), Date.UTC(2020), Date.parse('1970-01-01T00:00:01Z'),
            Date.name, Date.length, names, Object.keys(globalThis).includes('Date'), String(Date).includes('native code'),
            new Mine().year(), new Mine(0) instanceof Mine, Object.prototype.toString.call(new Date()), structuredClone(new Date(9)).getTime(),
            Date.prototype.constructor === Date, Object.getPrototypeOf(Date) === Function.prototype, JSON.stringify(new Date(1)),
            (() => { try { Date.now.call(null); new Date.now(); } catch (error) { return error.name; } })(),
        ]";
    for profile in Profile::ALL {
        let isolet = executor(profile);
        let real = isolet.execute(execution(script)).await;
        let fixed = isolet.execute(again(script, 7)).await;
        assert_eq!(output(&fixed), output(&real), "{}", profile.name());
    }
}
