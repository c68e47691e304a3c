//! Timers: what they wake, what they cost, and what becomes of what they throw.

use std::sync::Arc;
use std::time::Duration;

use isolet::{Clock, LimitOverrides, Status};

use crate::setup::{builder, execution, isolet, output, told};

/// Stands still: time passes for waiting alone, by tokio's clock.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test(start_paused = true)]
async fn timers_fire_in_the_order_of_their_times() {
    let isolet = builder().clock(Arc::new(Still)).build().expect("it builds");
    let script = "
        const order = [];
        const at = (ms) => setTimeout(() => order.push(ms), ms);
        at(20), at(1), at(10), at(300), at(0.5), at(15.9), clearTimeout(at(12)), at(-3);
        await new Promise((done) => setTimeout(done, 25));
        order";
    assert_eq!(output(&isolet.execute(execution(script)).await), "[1,0.5,-3,10,15.9,20]");
}

#[tokio::test]
async fn timers_are_no_host_calls() {
    let report = isolet().execute(execution("await new Promise((done) => setTimeout(done, 5)); 1")).await;
    assert_eq!(output(&report), "1");
    assert_eq!((report.metrics.host_calls, report.metrics.host_bytes_in, report.metrics.host_bytes_out), (0, 0, 0));
}

#[tokio::test]
async fn only_so_many_timers_are_pending() {
    let script = "
        let count = 0, ids = [];
        try { for (;;) { ids.push(setTimeout(() => {}, 60000)); count++ } } catch (error) { ids.push(error.name) }
        clearTimeout(ids[0]);
        ids.push(typeof setTimeout(() => {}, 1));
        [count, ...ids.slice(-2)]";
    assert_eq!(output(&isolet().execute(execution(script)).await), r#"[1000,"RangeError","number"]"#);
}

#[tokio::test]
async fn what_a_callback_throws_fails_the_run() {
    for script in [
        "setTimeout(() => { throw new RangeError('late') }, 1); await new Promise((done) => setTimeout(done, 20))",
        "await new Promise((done) => setTimeout(() => { throw new RangeError('late') }, 1))",
        "queueMicrotask(() => { throw new RangeError('late') }); await new Promise((done) => setTimeout(done, 5))",
        "const target = new EventTarget(); target.addEventListener('x', () => { throw new RangeError('late') });
         target.dispatchEvent(new Event('x')); await null; 1",
    ] {
        let report = isolet().execute(execution(script)).await;
        assert!(told(&report).starts_with("runtime_error: RangeError: late at "), "{script}: {}", told(&report));
    }
}

#[tokio::test]
async fn a_run_does_not_wait_for_its_timers() {
    let report = isolet().execute(execution("setTimeout(() => {}, 20000); setInterval(() => {}, 10000); 'over'")).await;
    assert_eq!(output(&report), "\"over\"");
}

#[tokio::test]
async fn a_text_is_no_callback() {
    let report = isolet().execute(execution("setTimeout('globalThis.x = 1', 1)")).await;
    assert_eq!(report.status, Status::SandboxViolation, "{}", told(&report));
}

#[tokio::test]
async fn deadlines_hold_while_timers_run() {
    let overrides = LimitOverrides { wall_time: Some(Duration::from_millis(100)), ..LimitOverrides::default() };
    for script in [
        "await new Promise(() => setInterval(() => {}, 1))",
        "const again = () => setTimeout(again, 0); again(); await new Promise(() => {})",
        "await new Promise((done) => setTimeout(done, 60000))",
        "setTimeout(() => { for (;;); }, 1); await new Promise(() => {})",
    ] {
        let report = isolet().execute(execution(script).limits(overrides.clone())).await;
        assert_eq!(report.status, Status::Timeout, "{script}: {}", told(&report));
    }
}

/// A run that waits for nothing is over at once, however long its timers would have been.
#[tokio::test]
async fn nobody_waits_for_timers_that_are_cleared() {
    for script in [
        "clearTimeout(setTimeout(() => {}, 25000)); await new Promise(() => {})",
        "const id = setTimeout(() => {}, 25000); setTimeout(() => clearTimeout(id), 1); await new Promise(() => {})",
        "const ids = []; for (let i = 0; i < 900; i++) ids.push(setTimeout(() => {}, 25000 - i));
         await null; ids.forEach(clearTimeout); await new Promise(() => {})",
    ] {
        let report = isolet().execute(execution(script)).await;
        assert!(told(&report).starts_with("runtime_error: NeverSettled"), "{script}: {}", told(&report));
    }
}

#[tokio::test(start_paused = true)]
async fn the_host_is_asked_for_the_first_timer_alone() {
    let isolet = builder().clock(Arc::new(Still)).build().expect("it builds");
    let script = "
        const order = [];
        for (let round = 0; round < 3000; round++) {
            clearTimeout(globalThis.id);
            globalThis.id = setTimeout(() => order.push('late'), 20000 - round);
            if (round % 100 === 0) await new Promise((done) => setTimeout(done, 1));
        }
        clearTimeout(globalThis.id);
        setTimeout(() => order.push('b'), 7);
        const first = setTimeout(() => order.push('never'), 5);
        setTimeout(() => { clearTimeout(first); order.push('a'); }, 3);
        await new Promise((done) => setTimeout(done, 9));
        order";
    assert_eq!(output(&isolet.execute(execution(script)).await), r#"["a","b"]"#);
}
