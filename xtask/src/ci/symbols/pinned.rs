//! The engine's symbols that look like state outside a VM's memory, and why each is harmless.
//!
//! The reasons are about how isolet uses the engine: who changes that reads them again.
//! That no VM blocks is `JS_SetCanBlock`, and that each has an allocator of its own is `JS_NewRuntime2`, both called in
//! engine-quickjs's `realm`. The reasons were read in the sources of rquickjs-sys 0.14 (QuickJS-ng), and the symbols are
//! those of the workspace's profiles, which optimise it: without, more of what nobody uses stays in the library.

use super::{Pinned, Place};

const QUICKJS: &[&str] = &["quickjs.o"];
const QUICKJS_AND_LIBUNICODE: &[&str] = &["quickjs.o", "libunicode.o"];
const QUICKJS_AND_LIBREGEXP: &[&str] = &["quickjs.o", "libregexp.o"];

const DEFAULT_ALLOCATOR: &str = "only the default allocator calls it, which is that of JS_NewRuntime and so of \
    JS_DetectModule: isolet calls neither, and gives JS_NewRuntime2 its VM's own";
const BLOCKING: &str = "only Atomics.wait calls it, and throws before it does, as isolet lets no VM block";
const DUMP: &str = "only JS_DumpMemoryUsage calls it, which isolet does not call";

/// Exactly what the engine has.
pub(super) static PINNED: [Pinned; 29] = [
    // Variables.
    Pinned::bss(
        "js_atomics_once",
        QUICKJS,
        "it says whether js_atomics_mutex is made, which is true for the whole process from the first VM on",
    ),
    Pinned::bss(
        "js_atomics_mutex",
        QUICKJS,
        "it guards the list of waiters and nothing else, and is free whenever a run polls or allocates",
    ),
    Pinned::data(
        "js_atomics_waiter_list",
        QUICKJS,
        "it is always empty: only Atomics.wait adds to it, and throws before it does, as isolet lets no VM block",
    ),
    Pinned::bss(
        "js_weakref_sentinel",
        QUICKJS,
        "only its address is used, as the mark of a WeakRef without target, and nobody reads or writes its bytes",
    ),
    // Memory of libc's.
    Pinned::libc("malloc", QUICKJS, DEFAULT_ALLOCATOR),
    Pinned::libc("calloc", QUICKJS, DEFAULT_ALLOCATOR),
    Pinned::libc(
        "realloc",
        QUICKJS_AND_LIBUNICODE,
        "in quickjs.o only the default allocator calls it, which is no VM's; in libunicode.o only the functions that \
         stand in for a reallocation function that is null, and all callers hand in the VM's",
    ),
    Pinned::libc(
        "free",
        QUICKJS_AND_LIBUNICODE,
        "in quickjs.o only the default allocator calls it, which is no VM's; in libunicode.o only the function that \
         stands in for a reallocation function that is null, and all callers hand in the VM's",
    ),
    Pinned::libc("malloc_usable_size", QUICKJS, DEFAULT_ALLOCATOR),
    // Locks and waiting.
    Pinned::libc("pthread_once", QUICKJS, "it makes js_atomics_mutex when the first context gets Atomics"),
    Pinned::libc("pthread_mutex_init", QUICKJS, "it makes js_atomics_mutex, once a process; no VM has a lock"),
    Pinned::libc(
        "pthread_mutex_lock",
        QUICKJS,
        "Atomics.notify takes js_atomics_mutex to walk over an empty list, without a poll or an allocation",
    ),
    Pinned::libc("pthread_mutex_unlock", QUICKJS, "Atomics.notify gives js_atomics_mutex back before it returns"),
    Pinned::libc("pthread_cond_init", QUICKJS, BLOCKING),
    Pinned::libc("pthread_cond_destroy", QUICKJS, BLOCKING),
    Pinned::libc(
        "pthread_cond_signal",
        QUICKJS,
        "Atomics.notify calls it for each waiter, and there is none, as isolet lets no VM block",
    ),
    Pinned::libc("pthread_cond_wait", QUICKJS, BLOCKING),
    Pinned::libc("pthread_cond_timedwait", QUICKJS, BLOCKING),
    Pinned::libc("pthread_condattr_init", QUICKJS, BLOCKING),
    Pinned::libc("pthread_condattr_destroy", QUICKJS, BLOCKING),
    Pinned::libc("pthread_condattr_setclock", QUICKJS, BLOCKING),
    // The process's settings.
    Pinned::libc(
        "localtime_r",
        QUICKJS,
        "Date would ask it for the zone's offset in local time, but all that would is replaced before a script runs",
    ),
    Pinned::libc(
        "strtod",
        QUICKJS,
        "JSON.parse reads numbers with it: it keeps nothing, and reads the locale, which no script can change",
    ),
    Pinned::libc(
        "snprintf",
        QUICKJS,
        "it writes numbers and short texts into a buffer on the stack, keeps nothing, and formats no fractions, \
         for which alone it would read the locale",
    ),
    Pinned::libc(
        "vsnprintf",
        QUICKJS_AND_LIBREGEXP,
        "it writes messages of errors into a buffer of the caller's, keeps nothing, and formats no fractions, \
         for which alone it would read the locale",
    ),
    // Output.
    Pinned::libc(
        "printf",
        QUICKJS,
        "it says what is wrong just before the engine aborts the process over a smashed heap",
    ),
    Pinned::libc("fprintf", QUICKJS, DUMP),
    Pinned::libc("fputc", QUICKJS, DUMP),
    Pinned::libc("fwrite", QUICKJS, DUMP),
];

impl Pinned {
    const fn data(name: &'static str, objects: &'static [&'static str], harmless: &'static str) -> Self {
        Self { name, place: Place::Data, objects, harmless }
    }

    const fn bss(name: &'static str, objects: &'static [&'static str], harmless: &'static str) -> Self {
        Self { name, place: Place::Bss, objects, harmless }
    }

    const fn libc(name: &'static str, objects: &'static [&'static str], harmless: &'static str) -> Self {
        Self { name, place: Place::Libc, objects, harmless }
    }
}

/// What keeps nothing between calls, whoever calls: arithmetic, memory, texts, clocks, and the end of the process.
///
/// These may be there or not, because compilers put their own code in the place of some.
static STATELESS: [&str; 48] = [
    "_GLOBAL_OFFSET_TABLE_",
    "__stack_chk_fail",
    "abort",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "clock_gettime",
    "copysign",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "floor",
    "fmod",
    "frexp",
    "gettimeofday",
    "hypot",
    "log",
    "log10",
    "log1p",
    "log2",
    "lrint",
    "memchr",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
    "modf",
    "pow",
    "round",
    "scalbn",
    "sin",
    "sinh",
    "sqrt",
    "strchr",
    "strcmp",
    "strlen",
    "strrchr",
    "strstr",
    "tan",
    "tanh",
    "trunc",
];

/// The compiler's functions for atomic instructions that not every ARM processor has.
const OUTLINED_ATOMICS: &str = "__aarch64_";

/// Whether a function of libc or of the compiler keeps nothing between calls.
pub(super) fn is_stateless(name: &str) -> bool {
    STATELESS.contains(&name) || name.starts_with(OUTLINED_ATOMICS)
}
