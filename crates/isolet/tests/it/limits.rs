//! Limits, each reached by a real script.

use std::time::Duration;

use isolet::{ApiCallRate, KilledIn, LimitName, LimitOverrides, Limits, Status};

use crate::setup::{builder, execution, isolet, output, told};

/// Short enough to be waited for.
const WALL_TIME: Duration = Duration::from_millis(50);

fn short() -> LimitOverrides {
    LimitOverrides { wall_time: Some(WALL_TIME), ..LimitOverrides::default() }
}

#[tokio::test]
async fn endless_scripts_are_ended() {
    let isolet = isolet();
    for script in [
        "for (;;) {}",
        "const f = () => f(); for (;;) try { f() } catch {}",
        "for (;;) await 0",
        "try { for (;;) {} } finally { for (;;) {} }",
        "({ get a() { for (;;) {} } })",
        "({ toJSON() { for (;;) {} } })",
    ] {
        let report = isolet.execute(execution(script).limits(short())).await;
        assert_eq!(told(&report), "timeout: TimeoutError: the script ran longer than its limit of 50 ms", "{script}");
        let killed = report.killed.expect("figures");
        assert_eq!((killed.limit, killed.place, killed.max), (LimitName::WallMs, KilledIn::Script, 50), "{script}");
        assert!(killed.used >= 50, "{script}");
    }
    assert_eq!(output(&isolet.execute(execution("1")).await), "1");
}

#[tokio::test]
async fn memory_is_limited() {
    let isolet = isolet();
    let limits = || LimitOverrides { memory_bytes: Some(4 << 20), ..LimitOverrides::default() };
    for script in [
        "const all = []; for (;;) all.push(new Array(1000).fill(0))",
        "const all = []; for (;;) try { all.push(new Uint8Array(100_000)) } catch {}",
        "const all = []; for (;;) all.push('x'.repeat(10_000))",
    ] {
        let report = isolet.execute(execution(script).limits(limits())).await;
        assert_eq!(report.status, Status::MemoryExceeded, "{script}: {}", told(&report));
        let killed = report.killed.expect("figures");
        assert_eq!((killed.limit, killed.max), (LimitName::MemoryBytes, 4 << 20), "{script}");
        assert!(killed.used > killed.max, "{script}");
    }
    assert_eq!(output(&isolet.execute(execution("1").limits(limits())).await), "1");
}

#[tokio::test]
async fn long_outputs_are_cut() {
    let limits = Limits { output_bytes: 100, ..Limits::default() };
    let report = builder().limits(limits).build().expect("it builds").execute(execution("'x'.repeat(1000)")).await;
    let cut = report.truncated.output.expect("it is cut");
    assert_eq!((report.status, cut.bytes, cut.limit), (Status::Ok, 1_002, 100));
    assert!(cut.preview.starts_with("\"xxx") && report.output.is_none());
}

#[tokio::test]
async fn long_logs_are_cut() {
    let limits = Limits { log_lines: 3, ..Limits::default() };
    let isolet = builder().limits(limits).build().expect("it builds");
    let report = isolet.execute(execution("for (let i = 0; i < 10; i++) console.log(i)")).await;
    assert_eq!((report.logs.len(), report.truncated.logs.expect("they are cut").lines), (3, 7));
}

#[tokio::test]
async fn recursion_is_an_error_of_the_script() {
    let isolet = isolet();
    let report = isolet.execute(execution("const f = () => f() + 1; f()")).await;
    assert_eq!(report.status, Status::RuntimeError, "{}", told(&report));
    let caught = "const f = n => n === 0 ? 0 : 1 + f(n - 1); f(5000)";
    assert_eq!(output(&isolet.execute(execution(caught)).await), "5000");
}

#[tokio::test]
async fn api_calls_are_limited() {
    let rate = ApiCallRate { calls: 1, per: Duration::from_secs(3_600), burst: 2 };
    let limits = Limits { api_rate: rate, ..Limits::default() };
    let isolet = builder().limits(limits).host(isolet_testkit::services::Echo).build().expect("it builds");
    let script = "await echo.first(1); await echo.first(2); \
                  try { await echo.first(3) } catch (e) { [e.name, e.retryAfterMs > 0] }";
    assert_eq!(output(&isolet.execute(execution(script)).await), r#"["RateLimitError",true]"#);
    let report = isolet.execute(execution("await echo.first(4)")).await;
    assert_eq!(report.status, Status::RateLimited);
    assert!(report.error.expect("an error").retryable);
}
