//! For measurements only: what a service does that has QuickJS and no isolet. A runtime of the engine's own, on the
//! system's allocator, kept dirty or made anew for each run, and the same calls as a run makes.

use rquickjs::qjs::{self, JSContext, JSRuntime};

use crate::QuickJsProgram;
use crate::js::{HIDDEN, Job, Js, PLAIN, Terminated, Thrown, Value};
use crate::program::Form;

/// A plain runtime with one context and all intrinsics.
#[doc(hidden)]
#[derive(Debug)]
pub struct PlainRuntime {
    runtime: *mut JSRuntime,
    context: *mut JSContext,
}

impl PlainRuntime {
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it is expensive, and for measurements alone")]
    pub fn new() -> Self {
        // SAFETY: makes a runtime and a context, which are freed together.
        let (runtime, context) = unsafe {
            let runtime = qjs::JS_NewRuntime();
            (runtime, qjs::JS_NewContext(runtime))
        };
        assert!(!context.is_null(), "no memory for a runtime");
        Self { runtime, context }
    }

    /// Loads a classic script without `await`, runs it with these globals, and gives its value as JSON. `None` if it throws.
    pub fn run(&mut self, program: &QuickJsProgram, input: &str, context: &str) -> Option<String> {
        assert_eq!(program.form(), Form::Synchronous, "a classic script without await");
        // SAFETY: T1: the stack is that of the caller's thread.
        unsafe { qjs::JS_UpdateStackTop(self.runtime) };
        // SAFETY: R1: the context lives as long as this value.
        self.evaluate(unsafe { Js::new(self.context) }, program, input, context).ok()
    }

    fn evaluate(&self, js: Js, program: &QuickJsProgram, input: &str, context: &str) -> Result<String, Thrown> {
        let global = js.global();
        js.define(&global, "input", js.parse_json(&Terminated::new([input]))?, PLAIN)?;
        js.define(&global, "context", js.parse_json(&Terminated::new([context]))?, HIDDEN)?;
        // SAFETY: B1.
        let value = js.evaluate(unsafe { js.read_bytecode(program.bytecode()) }?)?;
        while js.run_job() != Job::NoneLeft {}
        let json = js.stringify(&value, &Value::UNDEFINED)?;
        let text = js.to_string(&json);
        [global, value, json].into_iter().for_each(|value| js.free(value));
        text
    }
}

impl Drop for PlainRuntime {
    fn drop(&mut self) {
        // SAFETY: R1: nothing refers to them any more.
        unsafe {
            qjs::JS_FreeContext(self.context);
            qjs::JS_FreeRuntime(self.runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use isolet_core_traits::SourceKind;

    use super::*;
    use crate::trials::Bench;

    #[test]
    fn it_runs_what_the_engine_compiles() {
        let program = Bench::new().compile("[input.a, context]", SourceKind::Script).expect("compiles");
        let mut plain = PlainRuntime::new();
        for _ in 0..2 {
            assert_eq!(plain.run(&program, r#"{"a":1}"#, "null").as_deref(), Some("[1,null]"));
        }
    }
}
