//! A process has other libraries, threads and children: their signals, masks and timers are theirs, while runs are
//! suspended and killed by ours.

use std::arch::asm;
use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use std::{fs, mem, ptr, thread};

use isolet_core_traits::{Abort, End, Engine, KilledIn, Purpose, Resume, SourceKind, Step, Vm};

use super::alone::alone;
use super::{Bench, WALL_TIME, interrupt, restored};
use crate::fiber::{self, Fiber, Ran, Settings};
use crate::stack::Stacks;
use crate::{Attached, QuickJs, QuickJsProgram, QuickJsVm, Restoring};

/// Busy for longer than any run here, in one builtin that never polls.
const BUILTIN: &str = "const s = 'a'.repeat(1 << 18), t = 'a'.repeat(1 << 17) + 'b'; s.indexOf(t)";
const SIGNALS: [c_int; 6] = [libc::SIGURG, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// How often a run is suspended: first perhaps at polls, before the builtin.
const SUSPENSIONS: usize = 8;

type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

static URGENT: AtomicUsize = AtomicUsize::new(0);
static PROFILED: AtomicUsize = AtomicUsize::new(0);
static FAULTS: AtomicUsize = AtomicUsize::new(0);
/// The page of another library's whose faults it handles.
static PAGE: AtomicUsize = AtomicUsize::new(0);

const PAGE_BYTES: usize = 4096;

unsafe extern "C" fn on_urgent(_: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    URGENT.fetch_add(1, SeqCst);
}

unsafe extern "C" fn on_profile(_: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    PROFILED.fetch_add(1, SeqCst);
}

/// As a library does that watches its own pages.
unsafe extern "C" fn on_fault(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: a fault has an address; the page is this trial's.
    unsafe {
        let page = PAGE.load(SeqCst);
        if !(page..page + PAGE_BYTES).contains(&(*info).si_addr().addr()) {
            libc::_exit(70);
        }
        FAULTS.fetch_add(1, SeqCst);
        libc::mprotect(ptr::with_exposed_provenance_mut(page), PAGE_BYTES, libc::PROT_READ | libc::PROT_WRITE);
    }
}

fn handle(signal: c_int, flags: c_int, handler: Handler) {
    // SAFETY: the handlers of these trials touch atomics.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        (action.sa_sigaction, action.sa_flags) = (handler as *const () as usize, libc::SA_SIGINFO | flags);
        assert_eq!(libc::sigaction(signal, &action, ptr::null_mut()), 0);
    }
}

fn action(signal: c_int) -> (usize, c_int) {
    // SAFETY: writes the action.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        assert_eq!(libc::sigaction(signal, ptr::null(), &mut action), 0);
        (action.sa_sigaction, action.sa_flags)
    }
}

fn raise(signal: c_int) {
    // SAFETY: somebody handles the signal.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

/// Changes what the thread blocks, and gives whether it blocked the signal before.
fn block(how: c_int, signal: c_int) -> bool {
    // SAFETY: the sets are written before they are read.
    unsafe {
        let (mut set, mut before) = (mem::zeroed(), mem::zeroed());
        libc::sigaddset(&mut set, signal);
        assert_eq!(libc::pthread_sigmask(how, &set, &mut before), 0);
        libc::sigismember(&before, signal) == 1
    }
}

/// Runs the builtin until it was suspended so often, with `between` between all steps, and ends it there. Load may make
/// that late, but nothing else.
fn run(bench: &Bench, vm: &mut QuickJsVm, program: &QuickJsProgram, mut between: impl FnMut()) {
    let mut step = bench.begin(vm, program, interrupt(WALL_TIME));
    for _ in 0..SUSPENSIONS {
        assert!(matches!(step, Step::Preempted), "it is busy for hours");
        between();
        step = vm.resume(Resume::Go);
    }
    let outcome = vm.abort(Abort::Cancelled);
    assert!(matches!(outcome.end, End::Aborted { place: KilledIn::Native, .. }), "{outcome:?}");
    restored(vm).expect("every byte is back");
}

fn builtin(bench: &Bench) -> (QuickJsVm, QuickJsProgram) {
    (bench.vm(Purpose::Run), bench.compile(BUILTIN, SourceKind::Script).expect("compiles"))
}

/// What the system holds for the process.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    mappings: usize,
    descriptors: usize,
    /// None where the system does not tell.
    timers: Option<usize>,
}

fn held() -> Held {
    let lines = |file: &str| fs::read_to_string(file).map(|text| text.lines().count());
    Held {
        mappings: lines("/proc/self/maps").expect("Linux"),
        descriptors: fs::read_dir("/proc/self/fd").expect("Linux").count(),
        timers: timers(),
    }
}

fn timers() -> Option<usize> {
    let timers = fs::read_to_string("/proc/self/timers").ok()?;
    Some(timers.lines().filter(|line| line.starts_with("ID:")).count())
}

#[test]
fn signals_of_others_reach_them() {
    alone("coexistence::signals_of_others_reach_them", || {
        handle(libc::SIGURG, libc::SA_RESTART, on_urgent);
        handle(libc::SIGPROF, libc::SA_RESTART, on_profile);
        handle(libc::SIGSEGV, libc::SA_ONSTACK, on_fault);
        // SAFETY: a new mapping where the system likes.
        let page = unsafe {
            let (access, flags) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(ptr::null_mut(), PAGE_BYTES, access, flags, -1, 0)
        };
        PAGE.store(page.expose_provenance(), SeqCst);
        let bench = Bench::restoring(Restoring::HotPages);
        let _attached = bench.engine.attach_thread().expect("ticks");
        let (mut vm, program) = builtin(&bench);
        let mut sent = 0;
        for _ in 0..10 {
            run(&bench, &mut vm, &program, || {
                sent += 1;
                raise(libc::SIGURG);
                raise(libc::SIGPROF);
                // SAFETY: the page is this trial's; the write faults, and is made again.
                unsafe {
                    libc::mprotect(page, PAGE_BYTES, libc::PROT_READ);
                    page.cast::<u8>().write_volatile(1);
                }
            });
        }
        let got = [&URGENT, &PROFILED, &FAULTS].map(|count| count.load(SeqCst));
        assert_eq!(got[1..], [sent; 2], "each signal once");
        // One that finds a tick pending is that tick.
        assert!((1..=sent).contains(&got[0]), "{} of {sent}: no tick among them", got[0]);
    });
}

#[test]
fn signals_from_outside_interrupt_a_builtin() {
    alone("coexistence::signals_from_outside_interrupt_a_builtin", || {
        handle(libc::SIGURG, libc::SA_RESTART, on_urgent);
        let bench = Bench::new();
        let _attached = bench.engine.attach_thread().expect("ticks");
        let (mut vm, program) = builtin(&bench);
        // SAFETY: the thread itself, which outlives the scope below.
        let (attached, is_over) = (unsafe { libc::pthread_self() }, AtomicBool::new(false));
        let sent = thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut sent = 0;
                while !is_over.load(SeqCst) {
                    let got = URGENT.load(SeqCst);
                    // SAFETY: the thread lives.
                    assert_eq!(unsafe { libc::pthread_kill(attached, libc::SIGURG) }, 0);
                    sent += 1;
                    // A signal that finds one pending is that one, which may have been a tick.
                    let waits = (0..100).take_while(|_| URGENT.load(SeqCst) == got);
                    waits.for_each(|_| thread::sleep(Duration::from_micros(100)));
                }
                sent
            });
            // Until the sender had its share of the processor, too.
            while URGENT.load(SeqCst) < 10 {
                run(&bench, &mut vm, &program, || {});
            }
            is_over.store(true, SeqCst);
            sender.join().expect("no panic")
        });
        let got = URGENT.load(SeqCst);
        assert!(got <= sent, "{got} of {sent}: no tick among them");
    });
}

static DEPTH: AtomicUsize = AtomicUsize::new(0);
static DEPTH_MAX: AtomicUsize = AtomicUsize::new(0);

/// Would recurse, if its own signal were not blocked in it.
unsafe extern "C" fn on_urgent_again(_: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    DEPTH_MAX.fetch_max(DEPTH.fetch_add(1, SeqCst) + 1, SeqCst);
    if URGENT.fetch_add(1, SeqCst) < 5 {
        raise(libc::SIGURG);
    }
    DEPTH.fetch_sub(1, SeqCst);
}

#[test]
fn handlers_of_others_run_as_they_asked() {
    alone("coexistence::handlers_of_others_run_as_they_asked", || {
        handle(libc::SIGURG, 0, on_urgent_again);
        let _attached = QuickJs::new().expect("an engine").attach_thread().expect("ticks");
        raise(libc::SIGURG);
        assert_eq!((URGENT.load(SeqCst), DEPTH_MAX.load(SeqCst)), (6, 1));
    });
}

#[test]
fn a_handler_for_one_signal_gets_one() {
    alone("coexistence::a_handler_for_one_signal_gets_one", || {
        handle(libc::SIGURG, libc::SA_RESETHAND, on_urgent);
        let _attached = QuickJs::new().expect("an engine").attach_thread().expect("ticks");
        (0..3).for_each(|_| raise(libc::SIGURG));
        assert_eq!(URGENT.load(SeqCst), 1);
    });
}

#[test]
fn a_profiler_runs_along() {
    alone("coexistence::a_profiler_runs_along", || {
        handle(libc::SIGPROF, libc::SA_RESTART, on_profile);
        let bench = Bench::new();
        let _attached = bench.engine.attach_thread().expect("ticks");
        let (mut vm, program) = builtin(&bench);
        let every = libc::timeval { tv_sec: 0, tv_usec: 1_000 };
        let mut timer = libc::itimerval { it_interval: every, it_value: every };
        // SAFETY: the system copies the setting; the signal is handled.
        assert_eq!(unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) }, 0);
        while PROFILED.load(SeqCst) < 10 {
            run(&bench, &mut vm, &program, || {});
        }
        timer.it_value.tv_usec = 0;
        // SAFETY: as above; this stops it.
        assert_eq!(unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) }, 0);
        bench.inspect(&mut vm).expect("every byte is back");
    });
}

/// A child that ends at once, by its number.
fn fork() {
    // SAFETY: the child only ends, and is waited for.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(7);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status}");
    }
}

/// A program that would see a tick.
fn execute() {
    const BUSY: &str = "trap 'exit 9' URG; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done";
    let status = Command::new("/bin/sh").args(["-c", BUSY]).status().expect("it runs");
    assert!(status.success(), "{status}");
}

#[test]
fn children_know_nothing_of_ticks() {
    alone("coexistence::children_know_nothing_of_ticks", || {
        let bench = Bench::new();
        let _attached = bench.engine.attach_thread().expect("ticks");
        assert_eq!(action(libc::SIGURG).1 & libc::SA_NODEFER, 0, "they wait");
        let (mut vm, program) = builtin(&bench);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let parent = scope.spawn(|| {
                while !is_over.load(SeqCst) {
                    fork();
                    execute();
                }
            });
            for _ in 0..10 {
                let mut steps = 0;
                run(&bench, &mut vm, &program, || {
                    steps += 1;
                    match steps {
                        1 => fork(),
                        2 => execute(),
                        _ => {}
                    }
                });
            }
            is_over.store(true, SeqCst);
            parent.join().expect("no panic");
        });
    });
}

#[test]
fn engines_side_by_side_leave_no_timer() {
    alone("coexistence::engines_side_by_side_leave_no_timer", || {
        let before = timers();
        let bench = |tick: u64| {
            let mut bench = Bench::new();
            bench.engine = bench.engine.tick(Duration::from_micros(tick));
            bench
        };
        let on_thread = move |seed: u64| {
            let (one, other) = (bench(500 + seed), bench(3_000));
            let ((mut vm, program), (mut vm_of_other, program_of_other)) = (builtin(&one), builtin(&other));
            for is_first_dropped_first in [true, false] {
                let (first, second) = (one.engine.attach_thread(), other.engine.attach_thread());
                let mut attached = [Some(first.expect("ticks")), Some(second.expect("ticks"))];
                run(&one, &mut vm, &program, || {});
                run(&other, &mut vm_of_other, &program_of_other, || {});
                attached[usize::from(!is_first_dropped_first)] = None;
                run(&one, &mut vm, &program, || {});
                run(&other, &mut vm_of_other, &program_of_other, || {});
            }
        };
        on_thread(0);
        let threads = [1, 2, 3].map(|seed| thread::spawn(move || on_thread(seed)));
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(timers(), before);
        raise(libc::SIGURG);
    });
}

#[test]
fn without_signals_there_are_none() {
    alone("coexistence::without_signals_there_are_none", || {
        let actions = || SIGNALS.map(action);
        let (before, timers_before) = (actions(), timers());
        let bench = Bench::with(QuickJs::new().expect("an engine").without_signals());
        assert!(!bench.engine.capabilities().kill_in_natives);
        let _attached = bench.engine.attach_thread().expect("nothing to fail");
        let mut vm = bench.vm(Purpose::Run);
        let program = bench.compile("for (;;) { [1].map(x => x) }", SourceKind::Script).expect("compiles");
        for _ in 0..3 {
            let outcome = bench.run(&mut vm, &program, Duration::from_millis(20)).expect("it is over");
            assert!(matches!(outcome.end, End::Aborted { place: KilledIn::Script, .. }), "{outcome:?}");
            bench.inspect(&mut vm).expect("every byte is back");
        }
        assert_eq!((actions(), timers()), (before, timers_before));
    });
}

#[test]
fn a_thread_that_blocks_all_signals_gets_ticks() {
    let worker = thread::spawn(|| {
        // SAFETY: the set is written before it is read.
        unsafe {
            let mut all = mem::zeroed();
            libc::sigfillset(&mut all);
            assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, &all, ptr::null_mut()), 0);
        }
        let bench = Bench::new();
        let attached = bench.engine.attach_thread().expect("ticks");
        let (mut vm, program) = builtin(&bench);
        run(&bench, &mut vm, &program, || {});
        drop(attached);
        assert!(block(libc::SIG_BLOCK, libc::SIGURG), "blocked again");
        assert!(block(libc::SIG_BLOCK, libc::SIGTERM), "never touched");
    });
    worker.join().expect("no panic");
}

#[test]
fn a_thread_may_end_attached() {
    alone("coexistence::a_thread_may_end_attached", || {
        thread_local! {
            static ATTACHED: RefCell<Option<Attached>> = const { RefCell::new(None) };
        }
        let before = timers();
        let worker = thread::spawn(|| {
            // Used before the ticks are, and so dropped after what they keep for the thread.
            ATTACHED.with_borrow_mut(|attached| *attached = None);
            let ticks = QuickJs::new().expect("an engine").attach_thread().expect("ticks");
            ATTACHED.with_borrow_mut(|attached| *attached = Some(ticks));
        });
        worker.join().expect("no panic");
        assert_eq!(timers(), before);
    });
}

#[test]
fn what_a_thread_blocks_between_steps_stays_blocked() {
    let bench = Bench::new();
    let _attached = bench.engine.attach_thread().expect("ticks");
    let (mut vm, program) = builtin(&bench);
    let mut is_blocked = false;
    run(&bench, &mut vm, &program, || {
        let how = if is_blocked { libc::SIG_UNBLOCK } else { libc::SIG_BLOCK };
        assert_eq!(block(how, libc::SIGUSR2), is_blocked, "the run that went on has changed it");
        is_blocked = !is_blocked;
    });
    assert_eq!(block(libc::SIG_UNBLOCK, libc::SIGUSR2), is_blocked);
}

#[test]
fn a_thread_keeps_how_it_computes() {
    const FLUSHES: u32 = 1 << 15;
    let mut modes = 0u32;
    // SAFETY: the register is written to memory, here and below.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut modes) };
    let own = modes | FLUSHES;
    let bench = Bench::new();
    let _attached = bench.engine.attach_thread().expect("ticks");
    let (mut vm, program) = builtin(&bench);
    // SAFETY: flushing denormals to zero is a mode like any other.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const own) };
    let mut is_kept = true;
    run(&bench, &mut vm, &program, || {
        // SAFETY: as above.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut modes) };
        is_kept &= modes & FLUSHES != 0;
    });
    assert!(is_kept);
}

/// Fibers that are suspended all at once; every third is dropped there.
fn fibers(count: usize) {
    let stacks = Stacks::default();
    let settings = || Settings { stacks: stacks.clone(), stack_bytes: 0, poll_counter: None, contains_faults: false };
    let start = |number: usize| {
        // SAFETY: the work owns nothing.
        let ran = unsafe {
            Fiber::start(settings(), move || {
                fiber::suspend();
                fiber::suspend();
                number
            })
        };
        match ran.expect("memory") {
            Ran::Suspended(fiber) => fiber,
            _ => panic!("it is suspended"),
        }
    };
    let suspended: Vec<_> = (0..count).map(start).collect();
    for (number, fiber) in suspended.into_iter().enumerate() {
        let Ran::Suspended(fiber) = fiber.resume() else { panic!("it is suspended again") };
        if number % 3 > 0 {
            assert!(matches!(fiber.resume(), Ran::Returned(same) if same == number));
        }
    }
}

#[test]
fn thousands_of_fibers_leave_nothing() {
    alone("coexistence::thousands_of_fibers_leave_nothing", || {
        fibers(100);
        let before = held();
        for count in [1_000, 10_000] {
            let lost = allocation_counter::measure(|| fibers(count));
            assert_eq!((lost.count_current, lost.bytes_current), (0, 0));
            assert_eq!(held(), before, "after {count}");
        }
    });
}

#[test]
fn hundreds_of_suspended_vms_leave_nothing() {
    alone("coexistence::hundreds_of_suspended_vms_leave_nothing", || {
        let mut bench = Bench::new();
        // So many that some find the thread on its way to a fiber.
        bench.engine = bench.engine.tick(Duration::from_micros(50));
        let _attached = bench.engine.attach_thread().expect("ticks");
        let (_, program) = builtin(&bench);
        let vms = |count: usize| {
            let suspended = |_| {
                let mut vm = bench.vm(Purpose::Run);
                let step = bench.begin(&mut vm, &program, interrupt(WALL_TIME));
                assert!(matches!(step, Step::Preempted));
                vm
            };
            let mut vms: Vec<_> = (0..count).map(suspended).collect();
            for vm in vms.iter_mut().step_by(2) {
                assert!(matches!(vm.resume(Resume::Go), Step::Preempted));
            }
        };
        // The pool keeps so many stacks.
        vms(64);
        let before = held();
        let lost = allocation_counter::measure(|| vms(200));
        assert_eq!((lost.count_current, lost.bytes_current), (0, 0));
        assert_eq!(held(), before);
    });
}

/// Handling one takes longer than the time to the next: they wait for each other, and the run gets on all the same.
#[test]
fn ticks_that_come_too_fast_do_not_pile_up() {
    alone("coexistence::ticks_that_come_too_fast_do_not_pile_up", || {
        let mut bench = Bench::new();
        bench.engine = bench.engine.tick(Duration::ZERO);
        let attached = bench.engine.attach_thread().expect("ticks");
        let nudge = bench.engine.nudge(&attached).expect("ticks");
        assert_eq!(action(libc::SIGURG).1 & libc::SA_NODEFER, 0, "they wait");
        let (mut vm, program) = builtin(&bench);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(SeqCst) {
                        nudge.nudge()
                    }
                });
            }
            for _ in 0..500 {
                assert!(matches!(bench.begin(&mut vm, &program, interrupt(WALL_TIME)), Step::Preempted));
                assert!(matches!(vm.resume(Resume::Go), Step::Preempted));
                vm.abort(Abort::Cancelled);
                restored(&mut vm).expect("every byte is back");
            }
            is_over.store(true, SeqCst);
        });
    });
}

#[test]
fn a_suspended_vm_is_dropped_where_it_is() {
    let bench = Bench::new();
    let _attached = bench.engine.attach_thread().expect("ticks");
    let (_, program) = builtin(&bench);
    let suspended = || {
        let mut vm = bench.vm(Purpose::Run);
        let step = bench.begin(&mut vm, &program, interrupt(WALL_TIME));
        assert!(matches!(step, Step::Preempted));
        vm
    };
    drop(suspended());
    for _ in 0..20 {
        let lost = allocation_counter::measure(|| drop(suspended()));
        assert_eq!((lost.count_current, lost.bytes_current), (0, 0));
    }
    let vm = suspended();
    thread::spawn(move || drop(vm)).join().expect("any thread may drop it");
    let stacks = format!("{:?}", bench.engine);
    assert!(stacks.contains("Stacks { free: 1 }"), "{stacks}");
}
