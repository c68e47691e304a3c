//! The invariants behind this crate's `unsafe` code. Each `// SAFETY:` comment names the ones it relies on, and each
//! has a test that fails when it is broken.
//!
//! - **R1, a realm is whole.** A `JSRuntime`, its one `JSContext`, its `RunState` and its memory are made together by
//!   [`realm`](crate::realm) and dropped together. The runtime's allocator opaque is its memory's, the runtime's opaque
//!   is the `RunState`; both keep their addresses. The runtime is never torn down: its memory goes as a whole, after
//!   which nothing refers to it. *Test: `realm::tests::a_realm_gives_all_its_memory_back`.*
//! - **A1, an arena holds all.** The head with the allocator's whole state lies at the base; every block lies between
//!   the head and the end, and `top` and `high_water` do. **A2:** after a restore every byte is what it was at the
//!   freeze, and every byte beyond the image's top is zero; what the `RunState` keeps over a restore are constants of
//!   the image. Lines are applied to the arena that they were taken from, and to no other. **A3:** a live or free block
//!   begins with its header, whose size is that of its class.
//!   *Tests: `arena::tests`, `arena::allocator::tests`, `trials::exactness`.*
//! - **P1, watched pages.** The pages that an image's [`Pages`](crate::arena::Restoring::HotPages) watch are a mapping of
//!   its arena, which outlives them; only the thread that uses the arena faults in it. A page that is not hot is not
//!   writable, and so is what it was at the freeze; it is copied into the image, which outlives the watching, before it
//!   becomes writable. *Tests: `arena::tests::restoring_is_exact`, `arena::pages::tests`,
//!   `trials::exactness` (hot pages).*
//! - **P2, handlers** touch atomics, cells of their thread and `errno`, and call only what may be called in one:
//!   `mprotect`, `sigaction`, `pthread_sigmask`, `timer_settime`, `clock_gettime`, and of the unwinder what neither locks
//!   nor allocates, where `abort` was called. Ticks do not interrupt the handling of ticks, but where one gives its thread
//!   away. They pass on what is not their own, as it came. *Tests: `arena::pages::tests`,
//!   `trials::faults`, `trials::coexistence`.*
//! - **T1, one thread at a time.** All calls into a realm go through `&mut QuickJsVm`, and each entry tells the engine
//!   the stack ([`Realm::enter`](crate::realm::Realm::enter)). QuickJS keeps no thread-local state of a runtime.
//!   *Test: `it::threads::a_vm_moves_between_threads`.*
//! - **S1, a stack is unused while no code is on it.** Only a [`Fiber`](crate::fiber::Fiber) has code on a stack, and it
//!   gives the stack back after that code has returned or was left. *Test: `stack::tests`.*
//! - **F1, what is left owns nothing.** While code on a fiber calls into the engine, even into what seems to do nothing,
//!   no frame of it owns anything on the Rust heap, holds a lock or a guard: what it must keep it puts into the
//!   `RunState`, within one closure of [`state::with`](crate::state::with), which calls nothing that can leave, and takes
//!   nothing along that was made before. A realm that was left is not entered before it is restored. *Tests: `trials::calls`,
//!   which forgets runs at every call into the engine, and `trials::out_of_memory`, which refuses every allocation in
//!   turn; both count what stays on the heap.* **F2:** the thread-local fiber is that of the code that runs, and null on
//!   none. **F3:** a suspended fiber is resumed on the thread that started it, or dropped; a VM whose fiber was dropped
//!   enters the engine no more before it is restored. *Tests: `fiber::tests`, conformance rows on preempted runs.*
//! - **I1, any instruction.** A handler suspends or leaves a fiber only where the engine's own code was interrupted, or a
//!   leaf of libc that this code has called; the range of that code is QuickJS's alone, and the leaves are whole
//!   functions. There, no lock is held: the engine takes none (its only one is that of `Atomics`, whose user is replaced),
//!   and libc's are taken by libc's code. *Tests: `trials::instants`, which counts what is lost and compares every byte,
//!   `trials::faults`, and the step `symbols` of `cargo xtask ci`, which names the engine's state and compares the range
//!   with the symbols of the executable.*
//! - **N1, a native's result stays** while the engine makes a value of it: it is the run's, and nothing that makes a
//!   string or a buffer calls a native. *Test: conformance rows on natives, under memcheck as well.*
//! - **H1, the heap's list** (of the portable form). Every live block is in the list once, with its header before it.
//!   **H2:** a block's header holds the size that it was allocated with. *Tests: `heap::tests`.*
//! - **L1, the layout.** The poll counter and the random state are at the offsets that [`layout`](crate::layout) found
//!   by their behaviour in the QuickJS that is linked; it refuses to make an engine otherwise.
//!   *Test: `layout::tests::the_fields_behave`.*
//!   **L2, dates.** A function object of the engine's has its function where one that was made with a known function has
//!   it, then its length, its signature and its number; what the methods of `Date` for UTC take and give is what the
//!   language says of them. *Test: `trials::time_zones`, which
//!   compares with the engine's own dates where local time is UTC.*
//! - **V1, values belong.** A [`Value`](crate::js::Value), a [`Text`](crate::js::Text) and [`Keys`](crate::js::Keys) are
//!   only used with the [`Js`](crate::js::Js) of the realm that made them, and are freed at most once, because freeing
//!   consumes them. What is not freed stays until the realm is restored, and is not looked at after that. Texts that are
//!   read after the engine has stopped are checked to lie in the realm's memory.
//!   *Checked by construction: values never leave the realm's methods and `RunState`.*
//! - **C1, callbacks.** Functions that QuickJS calls get its context, `argc` and `argv` as its interface promises, never
//!   unwind (a panic is caught at their root) and hold no reference to the `RunState` while script code may run: they
//!   reach it anew by [`state::with`](crate::state::with), for as long as one closure without calls into the engine.
//!   *Test: `it::natives` (conformance rows on panics and on natives that are called again from getters).*
//! - **B1, bytecode is ours.** The bytes given to `JS_ReadObject` were written by this engine in this process, or opened
//!   by [`seal`](crate::seal) with a key that only this engine's owner has. There is no other way to make a
//!   [`QuickJsProgram`](crate::QuickJsProgram). *Test: `seal::tests`.*
