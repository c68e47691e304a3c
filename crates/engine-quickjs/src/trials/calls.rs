//! A run may be forgotten at each call that Rust code on its fiber makes into the engine: nothing is lost at any of them
//! (F1). Ticks find such places too, but the short calls among them once in a million times.

use std::cell::Cell;

use isolet_core_traits::{Abort, HostCall, HostReply, Payload, Purpose, Resume, SourceKind, Step, Vm};

use super::{Bench, WALL_TIME, interrupt, restored};
use crate::{QuickJsProgram, QuickJsVm, fiber};

const SCRIPTS: &[&str] = &[
    "echo('text') + echo('\\ud800') + echo(true) + echo(7) + echo(new Uint8Array(9)).length; echo(); echo('ä')",
    "try { echo(null) } catch (error) { error.message } ({ a: ['x'] })",
    "host.step({ a: [1n, new Uint8Array(9)], '$$x': 'y', z: { toJSON() { host.step([]).catch(() => {}); return 1 } } })",
    "const [a, b, c] = await host.step('x'); [a, b.length, String(c.$x)]",
    "for (let i = 0; i < 20; i++) host.step(new Uint8Array(1000)).catch(() => {}); await host.step('y'.repeat(2e6))",
    "const wait = host.step(() => {}); Promise.reject(new RangeError('why')); Promise.reject(1).catch(() => {}); await wait",
    "({ a: [{ '\\ud800': 1n }] })",
    "const a = { b: [] }; a.b.push(a); a",
    "throw Object.assign(new TypeError('what'), { name: '\\ud800' })",
    "throw Symbol('which')",
    "await import('nowhere')",
    "const there = await import('there'); there.default",
    "[late('x'), later, typeof late, Object.getOwnPropertyDescriptor(globalThis, 'later').value]",
    "later = 5; const { get } = Object.getOwnPropertyDescriptor(globalThis, 'late'); delete globalThis.late; [get()(1), later]",
    "late(1); await host.step('x')",
    "() => {}",
];

thread_local! {
    /// Calls until a run is forgotten.
    static CALLS_LEFT: Cell<usize> = const { Cell::new(0) };
}

/// A call into the engine is about to be made.
pub(crate) fn into_engine() {
    let left = CALLS_LEFT.get();
    if left > 0 && fiber::is_entered() {
        CALLS_LEFT.set(left - 1);
        if left == 1 {
            fiber::suspend();
        }
    }
}

/// Runs `program` until it makes this call into the engine, and forgets it there. `false` if it does not come so far.
fn forget_at(call: usize, bench: &Bench, vm: &mut QuickJsVm, program: &QuickJsProgram) -> bool {
    CALLS_LEFT.set(call);
    let mut step = bench.begin(vm, program, interrupt(WALL_TIME));
    while let Step::HostCalls { calls, .. } = &step
        && let Some(HostCall { id, .. }) = calls.first()
    {
        let call = *id;
        let json = r#"[7,{"$buffer":0},{"$$x":{"$bigint":"5"}}]"#.into();
        let reply = Payload { json, buffers: vec![vec![1; 9]] };
        step = vm.resume(Resume::Replies(vec![HostReply { call, result: Ok(reply) }]));
    }
    let was_forgotten = CALLS_LEFT.replace(0) == 0;
    match step {
        Step::Done(_) => assert!(!was_forgotten),
        Step::Preempted | Step::Stalled | Step::HostCalls { .. } => drop(vm.abort(Abort::Cancelled)),
    }
    was_forgotten
}

#[test]
fn a_run_is_forgotten_at_any_call_into_the_engine() {
    let bench = Bench::new();
    for text in SCRIPTS {
        let program = bench.compile(text, SourceKind::Script).expect("compiles");
        let mut vm = bench.vm(Purpose::Run);
        // The second run makes the program's image.
        for _ in 0..2 {
            forget_at(usize::MAX, &bench, &mut vm, &program);
            restored(&mut vm).expect("every byte is back");
        }
        let mut was_forgotten = true;
        let mut call = 0;
        while was_forgotten {
            call += 1;
            let lost = allocation_counter::measure(|| {
                was_forgotten = forget_at(call, &bench, &mut vm, &program);
                restored(&mut vm).expect("every byte is back");
            });
            assert_eq!((lost.count_current, lost.bytes_current), (0, 0), "{text}: something is lost at call {call}");
        }
        assert!(call > 50, "{text}: only {call} calls");
    }
}
