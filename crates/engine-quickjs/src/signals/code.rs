//! Where code lies that may be left at any instruction: QuickJS's own, and those leaves of libc that it has called.
//!
//! Engine code holds no lock and owns nothing outside of the VM (F1). Rust code may, and so may libc: `localtime_r` copies
//! memory with the lock of the time zone held. So a leaf counts only if its return address is in QuickJS's code.

use std::ops::Range;
use std::sync::OnceLock;

use rquickjs::qjs;

use super::unwind;

/// The code of the process, as far as it matters here.
pub(super) struct Code {
    engine: Range<usize>,
    leaves: Vec<Range<usize>>,
}

static CODE: OnceLock<Option<Code>> = OnceLock::new();

/// Where a thread was interrupted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) instruction: usize,
    pub(super) stack: usize,
}

/// Whether code may be interrupted on this system.
pub(crate) fn is_supported() -> bool {
    Code::of_process().is_some()
}

impl Code {
    /// `None` where the layout is not what it must be. Not for handlers: the first call looks for it.
    pub(super) fn of_process() -> Option<&'static Self> {
        CODE.get_or_init(Self::find).as_ref()
    }

    /// The same for handlers: `None` also before anybody has asked.
    pub(super) fn known() -> Option<&'static Self> {
        CODE.get()?.as_ref()
    }

    fn find() -> Option<Self> {
        // Elsewhere registers have other names, and functions of a libc that is linked in may lie anywhere.
        if !cfg!(all(
            target_os = "linux",
            target_env = "gnu",
            target_arch = "x86_64",
            not(target_feature = "crt-static")
        )) {
            return None;
        }
        let engine = engine_functions();
        let (first, last) = (*engine.iter().min()?, *engine.iter().max()?);
        let is_plausible = ENGINE_BYTES.contains(&(last - first));
        let is_mixed = own_functions().iter().any(|function| (first..=last).contains(function));
        (is_plausible && !is_mixed).then(|| {
            let leaves = leaf_functions().into_iter().filter_map(extent).collect();
            Self { engine: first..last, leaves }
        })
    }

    /// Whether the address is in QuickJS's code.
    pub(super) fn is_engine(&self, address: usize) -> bool {
        self.engine.contains(&address)
    }

    /// Whether code may be left here, which runs on a fiber with this stack.
    pub(super) fn may_be_left(&self, place: Place, stack: &Range<usize>) -> bool {
        if !has_word(place, stack) {
            return false;
        }
        let is_leaf = || self.leaves.iter().any(|leaf| leaf.contains(&place.instruction));
        // SAFETY: the word lies on the stack of the fiber, which is interrupted. A leaf has pushed nothing, or something
        // that is no address of the engine's code.
        self.is_engine(place.instruction) || is_leaf() && self.is_engine(unsafe { top_of_stack(place) })
    }

    /// Whether the engine has called what lies at `place` and has pushed nothing yet.
    pub(super) fn was_called_by_engine(&self, place: Place, stack: &Range<usize>) -> bool {
        // SAFETY: as above.
        has_word(place, stack) && self.is_engine(unsafe { top_of_stack(place) })
    }
}

fn has_word(place: Place, stack: &Range<usize>) -> bool {
    stack.contains(&place.stack) && place.stack.is_multiple_of(size_of::<usize>())
}

/// # Safety
/// The place's stack must be that of an interrupted fiber, and aligned.
unsafe fn top_of_stack(place: Place) -> usize {
    // SAFETY: the caller's contract.
    unsafe { std::ptr::with_exposed_provenance::<usize>(place.stack).read() }
}

/// What QuickJS takes, from the first of these functions to the last.
const ENGINE_BYTES: Range<usize> = 256 << 10..8 << 20;

/// Functions from all over QuickJS. What the linker puts between them is QuickJS's: it keeps the code of an object file,
/// and those of one archive, together.
fn engine_functions() -> [usize; 12] {
    // Their addresses alone matter.
    unsafe extern "C" {
        fn js_atod();
        fn lre_exec();
        fn unicode_normalize();
    }
    [
        qjs::JS_GetVersion as *const () as usize,
        qjs::JS_NewRuntime2 as *const () as usize,
        qjs::JS_NewContextRaw as *const () as usize,
        qjs::JS_DefineProperty as *const () as usize,
        qjs::JS_Call as *const () as usize,
        qjs::JS_ParseJSON as *const () as usize,
        qjs::JS_ReadObject as *const () as usize,
        qjs::JS_AddIntrinsicTypedArrays as *const () as usize,
        qjs::JS_AddIntrinsicPromise as *const () as usize,
        lre_exec as *const () as usize,
        unicode_normalize as *const () as usize,
        js_atod as *const () as usize,
    ]
}

/// Functions from all over this crate, none of which may lie among those of QuickJS.
fn own_functions() -> [usize; 5] {
    [
        engine_functions as *const () as usize,
        super::handlers::watch_faults as *const () as usize,
        super::ticks::go_on as *const () as usize,
        crate::fiber::suspend as *const () as usize,
        crate::arena::Arena::FUNCTIONS.js_malloc.map_or(0, |function| function as *const () as usize),
    ]
}

/// What QuickJS calls of libc that holds no lock and pushes nothing.
fn leaf_functions() -> [usize; 7] {
    [
        libc::memcpy as *const () as usize,
        libc::memmove as *const () as usize,
        libc::memset as *const () as usize,
        libc::memcmp as *const () as usize,
        libc::memchr as *const () as usize,
        libc::strlen as *const () as usize,
        libc::strcmp as *const () as usize,
    ]
}

/// The code of the function that begins at `start`, as the unwinder's tables tell it.
pub(super) fn extent(start: usize) -> Option<Range<usize>> {
    const STEP: usize = 16;
    const BYTES_MAX: usize = 256 << 10;
    let is_inside = |address: usize| unwind::enclosing_function(address).addr() == start;
    let bytes = (0..BYTES_MAX).step_by(STEP).take_while(|offset| is_inside(start + offset)).count() * STEP;
    // The last step may reach beyond the function's end.
    (bytes > STEP).then(|| start..start + bytes - STEP)
}

#[cfg(test)]
mod tests {
    use object::{Object, ObjectSymbol, SymbolKind};

    use super::super::interpreter;
    use super::*;

    /// The symbols of this executable tell what the process cannot see: whose the code in the range is.
    #[test]
    fn the_range_is_quickjs_and_nothing_else() {
        let code = Code::of_process().expect("a known layout");
        let executable = std::fs::read("/proc/self/exe").expect("readable");
        let executable = object::File::parse(&*executable).expect("an executable");
        let is_function = |symbol: &object::Symbol<'_, '_>| symbol.kind() == SymbolKind::Text;
        let functions: Vec<_> = executable.symbols().filter(is_function).collect();
        let address_of = |name: &str| functions.iter().find(|symbol| symbol.name() == Ok(name)).expect(name).address();
        // Where the system has put the executable.
        let offset = qjs::JS_NewRuntime2 as *const () as usize - address_of("JS_NewRuntime2") as usize;
        let inside = |symbol: &&object::Symbol<'_, '_>| code.is_engine(symbol.address() as usize + offset);
        let names: Vec<_> = functions.iter().filter(inside).map(|symbol| symbol.name().expect("UTF-8")).collect();
        let foreign: Vec<_> = names.iter().filter(|name| name.starts_with("_ZN") || name.starts_with("_R")).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        for native in ["JS_CallInternal", "js_string_indexOf", "js_sub_string", "js_array_lastIndexOf", "lre_exec"] {
            assert!(names.contains(&native), "{native} is not in the range");
        }
        assert!(names.len() > 900, "only {} functions", names.len());

        crate::QuickJs::new().expect("an engine");
        let interprets = |symbol: &&object::Symbol<'_, '_>| {
            let start = symbol.address() as usize + offset;
            [start, start + symbol.size() as usize - 1].map(interpreter::contains) != [false; 2]
        };
        let names: Vec<_> = functions.iter().filter(interprets).map(|symbol| symbol.name().expect("UTF-8")).collect();
        assert_eq!(names, ["JS_CallInternal"]);

        assert_eq!(code.leaves.len(), leaf_functions().len(), "{:x?}", code.leaves);
        for leaf in &code.leaves {
            assert!((64..8 << 10).contains(&leaf.len()), "{leaf:x?}");
        }
    }

    #[test]
    fn nothing_of_ours_may_be_left() {
        let code = Code::of_process().expect("a known layout");
        let word = qjs::JS_GetVersion as *const () as usize;
        let stack = (&raw const word) as usize;
        let whole = stack..stack + 64;
        let at = |instruction| code.may_be_left(Place { instruction, stack }, &whole);
        assert!(at(word) && at(libc::memcpy as *const () as usize), "called by the engine");
        assert!(own_functions().into_iter().all(|function| !at(function)));
        assert!(!at(libc::localtime_r as *const () as usize) && !at(libc::malloc as *const () as usize));
        let elsewhere = Place { instruction: word, stack: whole.end };
        assert!(!code.may_be_left(elsewhere, &whole), "not on its stack");
    }
}
