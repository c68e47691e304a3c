//! A fault of the engine's code ends its run; any other fault goes where it went before.

use std::ffi::CStr;
use std::time::Duration;

use isolet_core_traits::{End, Engine, KilledIn, Native, NativeValue, Purpose, Reset, SourceKind, Vm};
use rquickjs::qjs;

use super::alone::{alone, ends_its_process};
use super::{Bench, WALL_TIME, restored};
use crate::js::{PLAIN, Value};
use crate::{OnFault, QuickJsVm};

std::arch::global_asm!(
    ".globl isolet_trial_illegal, isolet_trial_divides, isolet_trial_spins",
    "isolet_trial_illegal: ud2",
    "isolet_trial_divides: xor ecx, ecx",
    "div ecx",
    "isolet_trial_spins: jmp isolet_trial_spins",
);

unsafe extern "C" {
    fn isolet_trial_illegal();
    fn isolet_trial_divides();
    fn isolet_trial_spins();
}

/// Gives a VM a global function that is whatever lies at an address. Only the run that follows has it.
fn plant(vm: &mut QuickJsVm, name: &CStr, address: usize) {
    vm.without_images();
    let js = vm.realm().enter();
    // SAFETY: none: the trials are about what happens when this is not a function of QuickJS's kind.
    let function = unsafe {
        let code = std::mem::transmute::<usize, qjs::JSCFunction>(address);
        let generic = qjs::JSCFunctionEnum_JS_CFUNC_generic;
        Value::from_raw(qjs::JS_NewCFunction2(js.context(), code, name.as_ptr(), 0, generic, 0))
    };
    let global = js.global();
    js.define(&global, &name.to_string_lossy(), function, PLAIN).expect("a property");
    js.free(global);
}

/// Where planted functions lie, and how they are called.
fn planted() -> [(&'static str, usize, &'static str); 6] {
    [
        ("a jump to nowhere", 0x10, "planted()"),
        ("a jump to data", 0, "planted()"),
        ("an illegal instruction", isolet_trial_illegal as *const () as usize, "planted()"),
        ("a division by zero", isolet_trial_divides as *const () as usize, "planted()"),
        ("abort", libc::abort as *const () as usize, "planted()"),
        // The engine passes the receiver as source, and its tag as length.
        ("a bad pointer in a leaf of libc", libc::memcpy as *const () as usize, "planted.call(true)"),
    ]
}

fn is_engine_fault(bench: &Bench, vm: &mut QuickJsVm, text: &str) -> bool {
    let program = bench.compile(text, SourceKind::Script).expect("compiles");
    let outcome = bench.run(vm, &program, WALL_TIME).expect("it is over");
    let is_told = outcome.warnings.iter().any(|warning| warning.code == "engine_fault");
    matches!(outcome.end, End::EngineFault) && is_told && vm.reset() == Reset::Discard
}

#[test]
fn faults_of_the_engine_end_their_run() {
    alone("faults::faults_of_the_engine_end_their_run", || {
        let bench = Bench::new();
        let _attached = bench.engine.attach_thread().expect("ticks");
        for round in 0..50 {
            for (name, address, call) in planted() {
                let data = [0u8; 8];
                let address = if address == 0 { data.as_ptr() as usize } else { address };
                let mut vm = bench.vm(Purpose::Run);
                plant(&mut vm, c"planted", address);
                let text = format!("const kept = Array.from({{ length: 1000 }}, (_, i) => ({{ i }})); {call}");
                assert!(is_engine_fault(&bench, &mut vm, &text), "{name}, round {round}");
            }
        }
        // After all of them, ticks come and VMs work.
        let mut vm = bench.vm(Purpose::Run);
        let program = bench.compile("'a'.repeat(1 << 20).indexOf('a'.repeat(1 << 19) + 'b')", SourceKind::Script);
        let outcome = bench.run(&mut vm, &program.expect("compiles"), Duration::from_millis(500)).expect("it is over");
        assert!(matches!(outcome.end, End::Aborted { place: KilledIn::Native, .. }), "{outcome:?}");
        restored(&mut vm).expect("every byte is back");
    });
}

#[test]
fn a_damaged_heap_ends_its_run() {
    alone("faults::a_damaged_heap_ends_its_run", || {
        let bench = Bench::new();
        let mut vm = bench.vm(Purpose::Run);
        vm.without_images();
        let js = vm.realm().enter();
        let object = js.object().expect("an object");
        // SAFETY: none: the object's fields are overwritten behind the engine's back.
        unsafe { std::ptr::with_exposed_provenance_mut::<u64>(object.address()).add(1).write_bytes(0x07, 6) };
        let global = js.global();
        js.define(&global, "damaged", object, PLAIN).expect("a property");
        js.free(global);
        assert!(is_engine_fault(&bench, &mut vm, "damaged.x = 1"));
        // SAFETY: both sets are written before they are read.
        let is_blocked = unsafe {
            let (none, mut now) = (std::mem::zeroed(), std::mem::zeroed());
            libc::pthread_sigmask(libc::SIG_BLOCK, &none, &mut now);
            [libc::SIGURG, libc::SIGSEGV].map(|signal| libc::sigismember(&now, signal) == 1)
        };
        assert_eq!(is_blocked, [false; 2], "what the handler blocked");
    });
}

#[test]
fn a_stack_that_is_used_up_ends_its_run() {
    alone("faults::a_stack_that_is_used_up_ends_its_run", || {
        let bench = Bench::new();
        let mut vm = bench.vm(Purpose::Run);
        vm.realm().is_unlimited = true;
        assert!(is_engine_fault(&bench, &mut vm, "const deep = () => deep() + 1; deep()"));
    });
}

#[test]
fn a_fault_of_the_engine_may_end_the_process() {
    ends_its_process("faults::a_fault_of_the_engine_may_end_the_process", libc::SIGILL, "", || {
        let mut bench = Bench::new();
        bench.engine = bench.engine.on_fault(OnFault::EndProcess);
        let mut vm = bench.vm(Purpose::Run);
        plant(&mut vm, c"planted", isolet_trial_illegal as *const () as usize);
        is_engine_fault(&bench, &mut vm, "planted()");
    });
}

/// Natives are Rust, which may hold a lock.
fn with_native(call: fn()) -> (Bench, QuickJsVm) {
    static CALL: std::sync::OnceLock<fn()> = std::sync::OnceLock::new();
    CALL.get_or_init(|| call);
    let mut bench = Bench::new();
    let mut environment = (*bench.environment).clone();
    environment.natives[0] = Native {
        name: "echo",
        arguments: 1,
        call: |_, _| {
            CALL.get().expect("set")();
            Ok(NativeValue::Null)
        },
    };
    bench.environment = environment.into();
    let vm = bench.vm(Purpose::Run);
    (bench, vm)
}

#[test]
fn a_fault_of_a_native_ends_the_process() {
    ends_its_process("faults::a_fault_of_a_native_ends_the_process", libc::SIGSEGV, "", || {
        // SAFETY: none: it is the fault that the trial is about.
        let (bench, mut vm) = with_native(|| unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) });
        is_engine_fault(&bench, &mut vm, "echo(1)");
    });
}

#[test]
fn an_abort_of_a_native_ends_the_process() {
    ends_its_process("faults::an_abort_of_a_native_ends_the_process", libc::SIGABRT, "", || {
        let (bench, mut vm) = with_native(|| std::process::abort());
        is_engine_fault(&bench, &mut vm, "echo(1)");
    });
}

#[test]
fn a_thread_that_overflows_its_stack_says_so() {
    ends_its_process(
        "faults::a_thread_that_overflows_its_stack_says_so",
        libc::SIGABRT,
        "overflowed its stack",
        || {
            fn deep(depth: u64) -> u64 {
                if std::hint::black_box(depth) == u64::MAX { 0 } else { deep(depth + 1) + 1 }
            }
            let bench = Bench::new();
            let _vm = bench.vm(Purpose::Run);
            let _attached = bench.engine.attach_thread().expect("ticks");
            std::hint::black_box(deep(0));
        },
    );
}

#[test]
fn a_loop_that_is_no_code_of_the_engines_is_never_left() {
    // Suspended nowhere: a tick finds it neither in the engine's code nor in a leaf that it has called.
    ends_its_process("faults::a_loop_that_is_no_code_of_the_engines_is_never_left", libc::SIGALRM, "", || {
        let bench = Bench::new();
        let _attached = bench.engine.attach_thread().expect("ticks");
        let mut vm = bench.vm(Purpose::Run);
        plant(&mut vm, c"planted", isolet_trial_spins as *const () as usize);
        // SAFETY: ends the process by its default action.
        unsafe { libc::alarm(1) };
        let program = bench.compile("planted()", SourceKind::Script).expect("compiles");
        bench.run(&mut vm, &program, Duration::from_millis(5));
    });
}
