//! From a source to a program, in a realm that only compiles.

use std::ffi::CStr;

use isolet_core_traits::{CompileFailure, FailureKind, Frame, Place, ScriptFailure, Source, SourceKind};
use rquickjs::qjs;

use crate::failure::{self, Exception, FILE, Origin, SETUP_FILE};
use crate::js::{Js, Terminated, Text};
use crate::program::{Form, QuickJsProgram, wide_text};
use crate::realm::Realm;
use crate::state::Stop;

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
const SETUP: Around = Around("\n(function (global, native, host, own) { 'use strict';\n", "\n})");

/// Compiles `source` by its kind, on a realm that has begun.
pub(crate) fn compile(realm: &mut Realm, source: &Source) -> Result<QuickJsProgram, CompileFailure> {
    let compiled = match source.kind() {
        SourceKind::Script => attempt_script(realm, source),
        SourceKind::Module => attempt(realm, source, Form::Module),
        SourceKind::Body => attempt_body(realm, source),
        SourceKind::Auto => attempt_auto(realm, source),
    };
    // Whatever the compiler made of it: a crossed limit comes first.
    let state = realm.state();
    match (state.stopped(), compiled) {
        (Some(Stop::Aborted(why)), _) => Err(CompileFailure::Aborted(why)),
        (Some(Stop::OutOfMemory(over)), _) => {
            let max = state.run.limits.memory_bytes;
            Err(CompileFailure::OutOfMemory { asked: over.asked, used: over.used, max })
        }
        (Some(Stop::HostPanicked), _) | (None, Err(Refused::Left)) => Err(CompileFailure::EngineFault),
        (None, Err(Refused::Syntax(failure))) => Err(CompileFailure::Syntax(*failure)),
        (None, Ok(program)) => Ok(program),
    }
}

/// The bytecode of a setup script: an expression whose value is a strict function `(global, native, host, own)`.
pub(crate) fn compile_setup(js: Js, text: &str) -> Result<Vec<u8>, String> {
    let compiled = js.compile(&SETUP.put(text), SETUP_FILE, EXPRESSION, FIRST_LINE);
    // Neither text nor positions: every VM pays for them, and no author sees them.
    let strip = qjs::JS_WRITE_OBJ_STRIP_SOURCE | qjs::JS_WRITE_OBJ_STRIP_DEBUG;
    let bytecode = compiled.and_then(|compiled| js.write_bytecode(&compiled, strip));
    bytecode.map(|bytecode| bytecode.as_bytes().to_vec()).map_err(|thrown| {
        let exception = js.exception(thrown);
        js.to_string(&exception).unwrap_or_default()
    })
}

/// The bytecode of a module of the host, under the name by which it is imported.
pub(crate) fn compile_module(js: Js, name: &CStr, text: &str) -> Result<Vec<u8>, String> {
    let compiled = js.compile(&NOTHING.put(text), name, MODULE, FIRST_LINE);
    let strip = qjs::JS_WRITE_OBJ_STRIP_SOURCE | qjs::JS_WRITE_OBJ_STRIP_DEBUG;
    let bytecode = compiled.and_then(|compiled| js.write_bytecode(&compiled, strip));
    bytecode.map(|bytecode| bytecode.as_bytes().to_vec()).map_err(|thrown| {
        let exception = js.exception(thrown);
        js.to_string(&exception).unwrap_or_default()
    })
}

impl Around {
    fn put(&self, text: &str) -> Terminated {
        let Self(before, after) = self;
        // A hashbang is a comment, but only in the first line of what is compiled.
        match text.strip_prefix("#!") {
            Some(rest) => Terminated::new([before, "//", rest, after]),
            None => Terminated::new([before, text, after]),
        }
    }
}

/// Why an attempt gave no program.
enum Refused {
    Syntax(Box<ScriptFailure>),
    /// The realm was left and is good for nothing until it is restored.
    Left,
}

type Attempt = Result<QuickJsProgram, Refused>;

/// What the compiler made of a text.
enum Compiled {
    Bytecode(Text),
    Refused(Exception),
}

fn attempt(realm: &mut Realm, source: &Source, form: Form) -> Attempt {
    let flags = match form {
        Form::Script => SCRIPT,
        Form::Module => MODULE,
        Form::Synchronous | Form::Function => EXPRESSION,
    };
    fits(realm, source, &NOTHING, flags)?.program(source, form)
}

/// With top-level `await`, or else as the language's classic script, in which `await` is a name like any other.
fn attempt_script(realm: &mut Realm, source: &Source) -> Attempt {
    match attempt(realm, source, Form::Script) {
        Err(Refused::Syntax(failure)) if source.text().contains("await") => {
            attempt(realm, source, Form::Synchronous).map_err(|refused| refused.or_rather(failure))
        }
        other => other,
    }
}

fn attempt_body(realm: &mut Realm, source: &Source) -> Attempt {
    fits(realm, source, &METHOD, EXPRESSION)?;
    fits(realm, source, &FUNCTION, EXPRESSION)?.program(source, Form::Function)
}

/// A script if it parses as one, else a module. Of two failures the one that got further is the author's.
fn attempt_auto(realm: &mut Realm, source: &Source) -> Attempt {
    let as_script = match attempt_script(realm, source) {
        Err(Refused::Syntax(failure)) => failure,
        other => return other,
    };
    if realm.state().stopped().is_some() {
        return Err(Refused::Syntax(as_script));
    }
    attempt(realm, source, Form::Module).map_err(|refused| {
        let reached = |failure: &ScriptFailure| failure.place.map_or((0, 0), |place| (place.line, place.column));
        match refused {
            // A refused import has no place, but only a source that parses as a module gets that far.
            Refused::Syntax(as_module)
                if as_module.name != "SyntaxError" || reached(&as_module) > reached(&as_script) =>
            {
                Refused::Syntax(as_module)
            }
            other => other.or_rather(as_script),
        }
    })
}

impl Refused {
    /// The failure of an earlier attempt in the place of this one's.
    fn or_rather(self, earlier: Box<ScriptFailure>) -> Self {
        match self {
            Self::Syntax(_) => Self::Syntax(earlier),
            Self::Left => Self::Left,
        }
    }
}

/// The bytecode of a text in what stands around it.
struct Bytecode(Vec<u8>);

impl Bytecode {
    fn program(self, source: &Source, form: Form) -> Attempt {
        Ok(QuickJsProgram::new(form, self.0, wide_text(source.text())))
    }
}

fn fits(realm: &mut Realm, source: &Source, around: &Around, flags: u32) -> Result<Bytecode, Refused> {
    let text = around.put(source.text());
    let compiled = realm.run(|js| {
        let bytecode = js.compile(&text, FILE, flags, FIRST_LINE).and_then(|compiled| {
            let bytecode = js.write_bytecode(&compiled, 0);
            js.free(compiled);
            bytecode
        });
        bytecode.map_or_else(|thrown| Compiled::Refused(failure::take(js, &js.exception(thrown))), Compiled::Bytecode)
    });
    match compiled.ok_or(Refused::Left)? {
        Compiled::Bytecode(bytecode) => Ok(Bytecode(realm.bytes(&bytecode).ok_or(Refused::Left)?.to_vec())),
        Compiled::Refused(exception) => {
            let wide = wide_text(source.text());
            let origin = Origin { name: source.name(), wide_text: wide.as_deref() };
            let failure = failure::read(realm, &exception, &origin).ok_or(Refused::Left)?;
            Err(Refused::Syntax(refusal(source, failure).into()))
        }
    }
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
    let specifier = failure.message.strip_prefix("cannot import \"")?.split_once("\": ")?.0;
    let quoted = |quote: char| source.text().find(&format!("{quote}{specifier}{quote}"));
    let before = &source.text()[..quoted('"').or_else(|| quoted('\''))?];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    Some(Place { line: before.matches('\n').count() as u32 + 1, column: column as u32 + 1 })
}
