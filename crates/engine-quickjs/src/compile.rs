//! From a source to a program, in a realm that only compiles.

use isolet_core_traits::{CompileFailure, FailureKind, Frame, Place, ScriptFailure, Source, SourceKind};
use rquickjs::qjs;

use crate::failure::{self, FILE, Origin, SETUP_FILE};
use crate::js::{Js, Result, Value};
use crate::program::{Form, QuickJsProgram, wide_text};
use crate::state::{self, Stop};

const SCRIPT: u32 = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_ASYNC;
const MODULE: u32 = qjs::JS_EVAL_TYPE_MODULE;
const EXPRESSION: u32 = qjs::JS_EVAL_TYPE_GLOBAL;

/// The number of the first of two lines before the author's, who starts at 1. QuickJS counts the columns of a text's
/// first line from 0 for some tokens and from 1 for others, so that no author's line may be the first one.
const FIRST_LINE: i32 = -1;

/// What stands around a source: two lines before, and what closes them.
struct Around(&'static str, &'static str);

const NOTHING: Around = Around("\n\n", "");
const FUNCTION: Around = Around("\n(async function (input, context) {\n", "\n})");
/// A body must fit in here as well. A text that closes the function early fits the one or the other, but not both.
const METHOD: Around = Around("\n(class { async method(input, context) {\n", "\n}})");
const SETUP: Around = Around("\n(function (global, native, host) { 'use strict';\n", "\n})");

/// Compiles `source` by its kind.
pub(crate) fn compile(js: Js, source: &Source) -> std::result::Result<QuickJsProgram, CompileFailure> {
    let compiled = match source.kind() {
        SourceKind::Script => attempt_script(js, source),
        SourceKind::Module => attempt(js, source, Form::Module),
        SourceKind::Body => attempt_body(js, source),
        SourceKind::Auto => attempt_auto(js, source),
    };
    // Whatever the compiler made of it: a crossed limit comes first.
    match state::with(js, |state| state.stopped()) {
        Some(Stop::Aborted(why)) => Err(CompileFailure::Aborted(why)),
        Some(Stop::OutOfMemory(over)) => {
            let max = state::with(js, |state| state.limits.memory_bytes);
            Err(CompileFailure::OutOfMemory { asked: over.asked, used: over.used, max })
        }
        Some(Stop::HostPanicked) => Err(CompileFailure::EngineFault),
        None => compiled.map_err(CompileFailure::Syntax),
    }
}

/// The bytecode of a setup script: an expression whose value is a strict function `(global, native, host)`.
pub(crate) fn compile_setup(js: Js, text: &str) -> std::result::Result<Vec<u8>, String> {
    let compiled = js.compile(&SETUP.put(text), SETUP_FILE, EXPRESSION, FIRST_LINE);
    // Neither text nor positions: every VM pays for them, and no author sees them.
    let strip = qjs::JS_WRITE_OBJ_STRIP_SOURCE | qjs::JS_WRITE_OBJ_STRIP_DEBUG;
    let bytecode = compiled.and_then(|compiled| js.write_bytecode(&compiled, strip));
    bytecode.map_err(|thrown| {
        let exception = js.exception(thrown);
        js.text(&exception).unwrap_or_default()
    })
}

impl Around {
    fn put(&self, text: &str) -> String {
        let Self(before, after) = self;
        // A hashbang is a comment, but only in the first line of what is compiled.
        match text.strip_prefix("#!") {
            Some(rest) => format!("{before}//{rest}{after}"),
            None => format!("{before}{text}{after}"),
        }
    }
}

type Attempt = std::result::Result<QuickJsProgram, ScriptFailure>;

fn attempt(js: Js, source: &Source, form: Form) -> Attempt {
    let flags = match form {
        Form::Script => SCRIPT,
        Form::Module => MODULE,
        Form::Synchronous | Form::Function => EXPRESSION,
    };
    finish(js, source, form, js.compile(&NOTHING.put(source.text()), FILE, flags, FIRST_LINE))
}

/// With top-level `await`, or else as the language's classic script, in which `await` is a name like any other.
fn attempt_script(js: Js, source: &Source) -> Attempt {
    attempt(js, source, Form::Script).or_else(|failure| match source.text().contains("await") {
        true => attempt(js, source, Form::Synchronous).map_err(|_| failure),
        false => Err(failure),
    })
}

fn attempt_body(js: Js, source: &Source) -> Attempt {
    let fits = |around: &Around| js.compile(&around.put(source.text()), FILE, EXPRESSION, FIRST_LINE);
    let checked = fits(&METHOD).map(|method| js.free(method));
    finish(js, source, Form::Function, checked.and_then(|()| fits(&FUNCTION)))
}

/// A script if it parses as one, else a module. Of two failures the one that got further is the author's.
fn attempt_auto(js: Js, source: &Source) -> Attempt {
    let as_script = match attempt_script(js, source) {
        Ok(program) => return Ok(program),
        Err(failure) => failure,
    };
    if state::with(js, |state| state.stopped()).is_some() {
        return Err(as_script);
    }
    attempt(js, source, Form::Module).map_err(|as_module| {
        let reached = |failure: &ScriptFailure| failure.place.map_or((0, 0), |place| (place.line, place.column));
        // A refused import has no place, but only a source that parses as a module gets that far.
        let further = as_module.name != "SyntaxError" || reached(&as_module) > reached(&as_script);
        if further { as_module } else { as_script }
    })
}

fn finish(js: Js, source: &Source, form: Form, compiled: Result) -> Attempt {
    let bytecode = compiled.and_then(|compiled| {
        let bytecode = js.write_bytecode(&compiled, 0);
        js.free(compiled);
        bytecode
    });
    match bytecode {
        Ok(bytecode) => Ok(QuickJsProgram::new(form, bytecode, wide_text(source.text()))),
        Err(thrown) => Err(refusal(source, read(js, js.exception(thrown), source))),
    }
}

fn read(js: Js, exception: Value, source: &Source) -> ScriptFailure {
    let wide = wide_text(source.text());
    failure::read(js, exception, &Origin { name: source.name(), wide_text: wide.as_deref() })
}

/// A compiler's exception as a syntax failure: one place, no stack, and within the text that the author wrote.
fn refusal(source: &Source, mut failure: ScriptFailure) -> ScriptFailure {
    failure.kind = FailureKind::Runtime;
    match failure.place {
        None => failure.place = specifier_place(source, &failure),
        Some(place) if is_behind(source, place) => {
            // The text around a body is no business of its author.
            failure.place = Some(end(source));
            failure.message = "unexpected end of the function's body".into();
        }
        Some(_) => {}
    }
    failure.stack = failure.place.iter().map(|place| frame(source, *place)).collect();
    failure
}

fn frame(source: &Source, Place { line, column }: Place) -> Frame {
    Frame { function: None, file: source.name().to_string(), line, column }
}

fn is_behind(source: &Source, place: Place) -> bool {
    source.kind() == SourceKind::Body && place.line > end(source).line
}

fn end(source: &Source) -> Place {
    let line = source.text().lines().count().max(1) as u32;
    let column = source.text().lines().last().unwrap_or_default().chars().count() as u32 + 1;
    Place { line, column }
}

/// Where the specifier of a refused import stands.
fn specifier_place(source: &Source, failure: &ScriptFailure) -> Option<Place> {
    let specifier = failure.message.strip_prefix("cannot import ")?.split_once(": no modules")?.0.trim_matches('"');
    let quoted = |quote: char| source.text().find(&format!("{quote}{specifier}{quote}"));
    let before = &source.text()[..quoted('"').or_else(|| quoted('\''))?];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    Some(Place { line: before.matches('\n').count() as u32 + 1, column: column as u32 + 1 })
}
