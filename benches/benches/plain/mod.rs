//! The baseline: what a service does without isolet.

use isolet_benches::ORDER;

/// A fresh runtime for each run, evaluated from source: pristine without isolet.
pub(crate) fn plain_fresh(script: &str) -> String {
    let runtime = rquickjs::Runtime::new().expect("a runtime");
    let context = rquickjs::Context::full(&runtime).expect("a context");
    context.with(|ctx| {
        let input = ctx.json_parse(ORDER).expect("valid JSON");
        ctx.globals().set("input", input).expect("a global");
        let value: rquickjs::Value = ctx.eval(script).expect("an output");
        ctx.json_stringify(value).expect("JSON").expect("a value").to_string().expect("UTF-8")
    })
}
