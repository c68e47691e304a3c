//! The calls that compile, write, read and run programs.

use std::ffi::{CStr, c_int};
use std::ops::Range;

use rquickjs::qjs;

use super::{Js, Result, Terminated, Text, Value};

impl Js {
    /// Compiles without running. `line` is the number of the text's first line.
    pub(crate) fn compile(self, text: &Terminated, file: &CStr, flags: u32, line: i32) -> Result {
        let mut options = qjs::JSEvalOptions {
            version: qjs::JS_EVAL_OPTIONS_VERSION as c_int,
            eval_flags: (flags | qjs::JS_EVAL_FLAG_COMPILE_ONLY) as c_int,
            filename: file.as_ptr(),
            line_num: line,
        };
        // SAFETY: the text ends in NUL, which is not counted; the file name is copied.
        self.check(unsafe {
            qjs::JS_Eval2(self.context(), text.start().cast(), text.bytes() as qjs::size_t, &mut options)
        })
    }

    /// A compiled function or module as bytecode, which stays until the realm is restored.
    pub(crate) fn write_bytecode(self, compiled: &Value, strip: u32) -> Result<Text> {
        let mut length = 0;
        let flags = (qjs::JS_WRITE_OBJ_BYTECODE | strip) as c_int;
        // SAFETY: V1; the length is written on success.
        let start = unsafe { qjs::JS_WriteObject(self.context(), &mut length, compiled.0, flags) };
        // SAFETY: QuickJS gave `length` bytes at `start`.
        unsafe { Text::given(start, length as usize) }
    }

    /// A function or module from bytecode.
    ///
    /// # Safety
    /// The bytes must come from [`write_bytecode`](Self::write_bytecode) of this very QuickJS (B1).
    pub(crate) unsafe fn read_bytecode(self, bytecode: &[u8]) -> Result {
        let length = bytecode.len() as qjs::size_t;
        // SAFETY: the caller's contract.
        self.check(unsafe {
            qjs::JS_ReadObject(self.context(), bytecode.as_ptr(), length, qjs::JS_READ_OBJ_BYTECODE as c_int)
        })
    }

    /// Links a module that came from bytecode to what it imports.
    pub(crate) fn resolve_module(self, module: &Value) -> Result<()> {
        // SAFETY: V1.
        self.check_status(unsafe { qjs::JS_ResolveModule(self.context(), module.0) })
    }

    /// Runs a compiled script or module.
    pub(crate) fn evaluate(self, compiled: Value) -> Result {
        // SAFETY: V1; the compiled value is consumed.
        self.check(unsafe { qjs::JS_EvalFunction(self.context(), compiled.0) })
    }

    /// A module's definition, which stays as long as the context.
    pub(crate) fn module_definition(self, module: &Value) -> Option<ModuleDefinition> {
        module.is_module().then(|| ModuleDefinition(module.address()))
    }

    pub(crate) fn module_namespace(self, module: ModuleDefinition) -> Result {
        // SAFETY: the definition was taken from a module of this context, which keeps it (V1).
        self.check(unsafe { qjs::JS_GetModuleNamespace(self.context(), module.0 as *mut qjs::JSModuleDef) })
    }
}

/// Where bytecode has the checksum of what follows: behind the byte that tells its version.
const CHECKSUM: Range<usize> = 1..5;

/// Bytecode that is read without a look at its checksum, which is what QuickJS takes all ones for. To compute it takes
/// some 15 µs for a script of 20 KB, and it says nothing of bytecode that is ours (B1).
pub(crate) fn without_checksum(bytecode: &[u8]) -> Vec<u8> {
    let mut bytecode = bytecode.to_vec();
    if let Some(checksum) = bytecode.get_mut(CHECKSUM) {
        checksum.fill(u8::MAX);
    }
    bytecode
}

/// The definition of a module of one context; meaningless in any other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModuleDefinition(usize);
