//! Builtins that take seconds or for ever: deadlines hold inside of each of them.

use std::time::Duration;

use isolet::{KilledIn, LimitOverrides, Limits, Status};
use tokio::task::JoinSet;

use crate::setup::{builder, execution, output, told};

/// None of them polls before it has used its time many times over, or ever.
const IN_ONE_CALL: &[&str] = &[
    "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
    "Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)",
    "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)",
    "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })",
    "Array.prototype.shift.call({ length: 2 ** 53 - 1 })",
    "Array.prototype.unshift.call({ length: 2 ** 52 }, 1)",
    "Array.prototype.splice.call({ length: 2 ** 52 }, 0, 1)",
    "Array.prototype.copyWithin.call({ length: 2 ** 52 }, 0, 1)",
    "Array.prototype.every.call({ length: 2 ** 52 }, isNaN)",
    "Array.prototype.some.call({ length: 2 ** 52 }, isNaN)",
    "Array.prototype.forEach.call({ length: 2 ** 52 }, isNaN)",
    "Array.prototype.filter.call({ length: 2 ** 52 }, isNaN)",
    "Array.prototype.map.call({ length: 2 ** 32 - 1 }, isNaN)",
    "Array.prototype.reduce.call({ length: 2 ** 52 }, isNaN, 0)",
    "Array.prototype.reduceRight.call({ length: 2 ** 52 }, isNaN, 0)",
    "Array.prototype.find.call({ length: 2 ** 52 }, isFinite)",
    "Array.prototype.findIndex.call({ length: 2 ** 52 }, isFinite)",
    "Array.prototype.findLast.call({ length: 2 ** 52 }, isFinite)",
    "Array.prototype.findLastIndex.call({ length: 2 ** 52 }, isFinite)",
    "Array.prototype.flat.call({ length: 2 ** 52 })",
    "Array.prototype.flatMap.call({ length: 2 ** 52 }, isNaN)",
    "Array.prototype.join.call({ length: 2 ** 32 })",
    "Array.prototype.sort.call({ length: 2 ** 52 })",
    "Array.prototype.slice.call({ length: 2 ** 32 - 1 })",
    "[].concat({ length: 2 ** 52, [Symbol.isConcatSpreadable]: true })",
    "String.raw({ raw: { length: 2 ** 31 } })",
    "'a'.repeat(1 << 21).indexOf('a'.repeat(1 << 20) + 'b')",
    "'a'.repeat(1 << 21).includes('a'.repeat(1 << 20) + 'b')",
    "'a'.repeat(1 << 21).split('a'.repeat(1 << 20) + 'b')",
    "'a'.repeat(1 << 21).replace('a'.repeat(1 << 20) + 'b', '')",
    "'a'.repeat(1 << 21).replaceAll('a'.repeat(1 << 20) + 'b', '')",
    "((1n << 1000000n) - 3n).toString()",
    "((1n << 1000000n) - 3n).toString(7)",
    "BigInt('9'.repeat(300000))",
    "3n ** 600000n + BigInt((3n ** 600000n).toString())",
    "let a = [1]; for (let i = 0; i < 30; i++) a = [a, a]; JSON.stringify(a)",
    "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; JSON.stringify(a)",
    "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; a.flat(Infinity)",
    "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; String(a)",
    "/(a+)+$/.test('a'.repeat(40) + 'b')",
    "/(?:a|a)*$/.test('a'.repeat(40) + 'b')",
    "/(.*)*x/.test('a'.repeat(40))",
    "/(?=(a+)+$)b/.test('a'.repeat(40) + 'b')",
    "/^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(60))",
    "'a'.repeat(40).concat('b').match(/(a+)+$/)",
    "'a'.repeat(40).concat('b').replace(/(a+)+$/g, '')",
    "'a'.repeat(40).concat('b').split(/(a+)+$/)",
    "[...'a'.repeat(40).concat('b').matchAll(/(a+)+$/g)]",
    "'a'.repeat(40).concat('b').search(/(a+)+$/)",
];

/// Each call takes a while, and there is no end to them.
const OVER_AND_OVER: &[&str] = &[
    "const a = new Float64Array(1 << 19).map((_, i) => i * 7919 % 1000003); for (;;) a.slice().sort()",
    "const a = new Uint8Array(1 << 24); for (;;) a.indexOf(1)",
    "const a = new Uint8Array(1 << 24); for (;;) a.fill(7)",
    "const a = new Uint8Array(1 << 24); for (;;) a.reverse()",
    "const a = new Uint8Array(1 << 23), b = new Uint8Array(1 << 23); for (;;) a.set(b)",
    "const a = new Uint16Array(1 << 20); for (;;) a.join()",
    "const s = 'ﬁÅ'.repeat(100000); for (;;) s.normalize('NFKD')",
    "const s = 'aB'.repeat(1 << 20); for (;;) s.toUpperCase()",
    "const s = 'x,'.repeat(1 << 18); for (;;) s.split(',').join(';')",
    "const s = '€'.repeat(1 << 18); for (;;) encodeURIComponent(s)",
    "const s = '%E2%82%AC'.repeat(1 << 16); for (;;) decodeURIComponent(s)",
    "const s = '[' + '{\"a\":[1,2,3]},'.repeat(20000) + '1]'; for (;;) JSON.parse(s)",
    "const o = Object.fromEntries(Array.from({ length: 20000 }, (_, i) => ['k' + i, i])); for (;;) ({ ...o })",
    "const a = Array.from({ length: 100000 }, (_, i) => i * 7919 % 100003); for (;;) a.toSorted()",
    "for (;;) new Date(2020, 1, 1).toString()",
    "const n = (1n << 900000n) - 3n, m = (1n << 450000n) - 1n; for (;;) n / m",
    "const n = (1n << 900000n) - 3n, m = (1n << 450000n) - 1n; for (;;) n % m",
    "const n = (1n << 400000n) - 3n; for (;;) n * n",
    "const s = 'a'.repeat(1 << 21); for (;;) s.lastIndexOf('b' + 'a'.repeat(1 << 16))",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_hold_inside_of_builtins() {
    const AT_ONCE: usize = 8;
    let limits = Limits { runs_per_tenant: AT_ONCE, runs_per_script: AT_ONCE, ..Limits::default() };
    let isolet = builder().limits(limits).build().expect("it builds");
    let overrides = LimitOverrides { wall_time: Some(Duration::from_millis(100)), ..LimitOverrides::default() };
    let scripts: Vec<_> = IN_ONE_CALL.iter().chain(OVER_AND_OVER).copied().collect();
    let (mut timeouts, mut in_natives, mut wrong) = (0, 0, Vec::new());
    for group in scripts.chunks(AT_ONCE) {
        let mut reports = JoinSet::new();
        for script in group.iter().copied() {
            let (isolet, execution) = (isolet.clone(), execution(script).limits(overrides.clone()));
            reports.spawn(async move { (script, isolet.execute(execution).await) });
        }
        while let Some(ended) = reports.join_next().await {
            let (script, report) = ended.expect("no panic");
            match report.status {
                Status::Timeout => timeouts += 1,
                Status::MemoryExceeded => {}
                _ => wrong.push(format!("{script}: {}", told(&report))),
            }
            in_natives += usize::from(report.killed.is_some_and(|killed| killed.place == KilledIn::Native));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(timeouts >= 60 && in_natives >= 30, "{timeouts} timeouts, {in_natives} in natives of {}", scripts.len());
    assert_eq!(isolet.metrics().workers_replaced, 0);
    assert_eq!(output(&isolet.execute(execution("[1, 2].join()")).await), "\"1,2\"");
}

/// Where nothing interrupts builtins, each call is refused or ends by itself, or polls: patterns that backtrack, and
/// builtins that call each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_signals_builtins_are_bounded() {
    let isolet = builder().signals(false).build().expect("it builds");
    let (mut refused, mut wrong) = (0, Vec::new());
    for script in IN_ONE_CALL.iter().copied() {
        let polls = ["/(", "/^", "[a, a]; JSON", "[a, a]; String"].iter().any(|call| script.contains(call));
        let wall_time = if polls { Duration::from_millis(50) } else { Limits::default().wall_time };
        let overrides = LimitOverrides { wall_time: Some(wall_time), ..LimitOverrides::default() };
        let report = isolet.execute(execution(script).limits(overrides)).await;
        let message = report.error.as_ref().map_or("", |error| &*error.message);
        match report.status {
            Status::Timeout if polls => {}
            Status::RuntimeError if message.contains("cannot be interrupted") => refused += 1,
            // The last one is that of a BigInt.
            Status::Ok | Status::MemoryExceeded | Status::OutputError if !polls => {}
            _ => wrong.push(format!("{script}: {}", told(&report))),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(refused >= 25, "{refused} refused");
    assert_eq!(isolet.metrics().workers_replaced, 0);

    // What is in bounds is what it was, whoever changes the language.
    let usual = "
        Array.prototype[Symbol.iterator] = Object.prototype.toString = null;
        const is = (text, pattern) => [text.indexOf(pattern), text.split(pattern), text.replaceAll(pattern, '$&!')];
        JSON.stringify([
            is('a-b-c', '-'), 'abc'.replace(/b/, c => c + c), 'a1b2'.split(/\\d/), 'x'.split(), [3, 1, 2].sort(),
            [1, [2, [3, [4]]]].flat(), [1, [2, [3]]].flat(Infinity), [1].concat([2], 3), Array.prototype.join.call('ab', '+'),
            12345678901234567890n.toString(36), String.raw`a\\n${1}`, JSON.stringify({ b: 1, a: [undefined] }, ['a']),
            JSON.stringify({ a: { toJSON: () => 7 }, b() {} }, null, 1), [].indexOf.length, [].indexOf.name, ''.at.name,
        ])";
    let report = isolet.execute(execution(usual)).await;
    let unbounded = builder().build().expect("it builds").execute(execution(usual)).await;
    assert_eq!(output(&report), output(&unbounded));
}

/// Without signals a builtin keeps its thread, but neither its caller nor others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_signals_a_thread_is_given_up() {
    let isolet = builder().signals(false).workers(1).build().expect("it builds");
    let overrides = LimitOverrides { wall_time: Some(Duration::from_millis(100)), ..LimitOverrides::default() };
    let endless = "let a = []; for (let i = 0; i < 27; i++) a = [a, a]; JSON.stringify(a, ['0', '1'])";
    let report = isolet.execute(execution(endless).limits(overrides)).await;
    assert_eq!(report.status, Status::Timeout, "{}", told(&report));
    assert_eq!(report.killed.map(|killed| killed.place), Some(KilledIn::Native));
    assert_eq!(output(&isolet.execute(execution("1 + 1")).await), "2");
    assert_eq!(isolet.metrics().workers_replaced, 1);
}
