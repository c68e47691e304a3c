//! From a source to a program, in a realm that only compiles.

mod search;

use std::collections::VecDeque;
use std::ffi::CStr;

use isolet_core_traits::{CompileFailure, FailureKind, Frame, Place, ScriptFailure, Source, SourceKind};
use rquickjs::qjs;

use self::search::{Search, place_at};
use crate::failure::{self, Exception, FILE, Origin, SETUP_FILE};
use crate::fiber::{Fiber, Ran};
use crate::js::{Js, Terminated, Text, without_checksum};
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

/// A compilation under way: attempts to make a program of a source, one after the other, each of which may be suspended.
///
/// | kind | attempts |
/// |---|---|
/// | script | with top-level `await`, if it has the word; then as a classic script, in which `await` is a name like any other |
/// | module | as one |
/// | body | in a method, and in a function: a text that closes the one early does not fit the other |
/// | auto | those of a script, then as a module; of two failures the one that got further is the author's |
pub(crate) struct Compiling {
    source: Source,
    attempts: VecDeque<Attempt>,
    /// What an earlier attempt failed with.
    failure: Option<(Attempt, Box<ScriptFailure>)>,
    /// Where that is, if no attempt is left and it has no place.
    search: Option<Search>,
    /// The attempt that was suspended.
    fiber: Option<Fiber<Compiled>>,
    /// What a fiber refers to, where it stays. Changed only while there is none.
    text: Box<Terminated>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Script,
    Classic,
    Module,
    /// Tells only whether the source fits.
    Method,
    Function,
}

/// What the compiler made of a text.
enum Compiled {
    Bytecode(Text),
    Refused(Exception),
}

impl Compiling {
    /// Of a source by its kind.
    pub(crate) fn new(source: &Source) -> Box<Self> {
        // An async script hands its value over in an object, between which and us setters of the script's may get.
        let with_await = source.text().contains("await").then_some(Attempt::Script);
        let script = || with_await.into_iter().chain([Attempt::Classic]);
        let attempts = match source.kind() {
            SourceKind::Script => script().collect(),
            SourceKind::Module => VecDeque::from([Attempt::Module]),
            SourceKind::Body => VecDeque::from([Attempt::Method, Attempt::Function]),
            SourceKind::Auto => script().chain([Attempt::Module]).collect(),
        };
        let text = Terminated::new([]).into();
        Box::new(Self { source: source.clone(), attempts, failure: None, search: None, fiber: None, text })
    }

    /// Goes on, on a realm that has begun, until it is done or a slice is over: then it gives itself back. The realm must
    /// outlive it.
    pub(crate) fn go_on(
        mut self: Box<Self>,
        realm: &mut Realm,
    ) -> Result<Result<QuickJsProgram, CompileFailure>, Box<Self>> {
        let compiled = loop {
            let Some((attempt, text)) = self.next() else { break Err(self.failed()) };
            let (bytes, is_whole) = (text.len(), self.search.is_none());
            let text = self.fiber.is_none().then(|| attempt.around().put(text));
            match self.try_once(realm, attempt, text) {
                Ran::Suspended(fiber) => {
                    self.fiber = Some(fiber);
                    return Err(self);
                }
                Ran::Returned(compiled) if is_whole => match self.conclude(realm, attempt, &compiled) {
                    Some(program) => break program,
                    None => self.leave_attempt(),
                },
                Ran::Returned(compiled) => self.narrow(realm, bytes, &compiled),
                Ran::Left | Ran::Faulted(_) => break Err(CompileFailure::EngineFault),
            }
        };
        // Whatever the compiler made of it: a crossed limit comes first.
        let state = realm.state();
        Ok(match state.stopped() {
            None => compiled,
            Some(Stop::Aborted(why)) => Err(CompileFailure::Aborted(why)),
            Some(Stop::OutOfMemory(over)) => {
                let max = state.run.limits.memory_bytes;
                Err(CompileFailure::OutOfMemory { asked: over.asked, used: over.used, max })
            }
            Some(Stop::HostPanicked) => Err(CompileFailure::EngineFault),
        })
    }

    /// What is to be compiled next, and how.
    fn next(&self) -> Option<(Attempt, &str)> {
        let text = self.source.text();
        let of_search = || self.search.as_ref().and_then(|search| search.next(text));
        self.attempts.front().map(|attempt| (*attempt, text)).or_else(of_search)
    }

    fn leave_attempt(&mut self) {
        self.attempts.pop_front();
        if self.attempts.is_empty()
            && let Some((attempt, failure)) = &self.failure
        {
            self.search = Search::new(self.source.text(), *attempt, failure);
        }
    }

    /// A beginning of the source was tried.
    fn narrow(&mut self, realm: &mut Realm, bytes: usize, compiled: &Compiled) {
        let refused = match compiled {
            Compiled::Refused(exception) => self.read(realm, exception),
            Compiled::Bytecode(_) => None,
        };
        if let Some(search) = &mut self.search {
            search.tell(bytes, refused.as_ref());
        }
    }

    /// Why there is no program.
    fn failed(&mut self) -> CompileFailure {
        let Some((_, mut failure)) = self.failure.take() else { return CompileFailure::EngineFault };
        if let Some(search) = &self.search {
            let place = search.place(self.source.text());
            failure.place = Some(place);
            failure.stack = vec![frame(&self.source, place)];
        }
        CompileFailure::Syntax(failure)
    }

    /// `text` is none if the attempt was suspended.
    fn try_once(&mut self, realm: &mut Realm, attempt: Attempt, text: Option<Terminated>) -> Ran<Compiled> {
        if let Some(fiber) = self.fiber.take() {
            return realm.resume(fiber);
        }
        self.text = text.unwrap_or_else(|| Terminated::new([])).into();
        let (text, flags): (*const Terminated, _) = (&raw const *self.text, attempt.flags());
        realm.state().run.start_slice();
        let work = move |js: Js| {
            // SAFETY: F1: the text is boxed, and stays while there is a fiber.
            let text = unsafe { &*text };
            let bytecode = js.compile(text, FILE, flags, FIRST_LINE).and_then(|compiled| {
                let bytecode = js.write_bytecode(&compiled, 0);
                js.free(compiled);
                bytecode
            });
            bytecode
                .map_or_else(|thrown| Compiled::Refused(failure::take(js, &js.exception(thrown))), Compiled::Bytecode)
        };
        // SAFETY: F1: plain data only. The text is boxed, and stays while there is a fiber.
        unsafe { realm.start(work) }
    }

    /// What came of an attempt: the end, or `None` if it is the next one's turn.
    fn conclude(
        &mut self,
        realm: &mut Realm,
        attempt: Attempt,
        compiled: &Compiled,
    ) -> Option<Result<QuickJsProgram, CompileFailure>> {
        let bytecode = match compiled {
            Compiled::Bytecode(_) if attempt == Attempt::Method => return None,
            Compiled::Bytecode(bytecode) => bytecode,
            Compiled::Refused(exception) => return self.refused(realm, attempt, exception),
        };
        let Some(bytes) = realm.bytes(bytecode) else { return Some(Err(CompileFailure::EngineFault)) };
        Some(Ok(QuickJsProgram::new(attempt.form(), without_checksum(bytes), wide_text(self.source.text()))))
    }

    fn refused(
        &mut self,
        realm: &mut Realm,
        attempt: Attempt,
        exception: &Exception,
    ) -> Option<Result<QuickJsProgram, CompileFailure>> {
        let Some(failure) = self.read(realm, exception) else { return Some(Err(CompileFailure::EngineFault)) };
        let is_better = |earlier: &ScriptFailure| attempt == Attempt::Module && got_further(&failure, earlier);
        if self.failure.as_ref().is_none_or(|(_, earlier)| is_better(earlier)) {
            self.failure = Some((attempt, failure.into()));
        }
        if self.source.kind() == SourceKind::Body || realm.state().stopped().is_some() {
            self.attempts.clear();
        }
        None
    }

    fn read(&self, realm: &Realm, exception: &Exception) -> Option<ScriptFailure> {
        let source = &self.source;
        let wide = wide_text(source.text());
        let origin = Origin { name: source.name(), wide_text: wide.as_deref() };
        failure::read(realm, exception, &[], &origin).map(|failure| refusal(source, failure))
    }
}

/// Whether a module's failure is rather the author's than a script's.
fn got_further(as_module: &ScriptFailure, as_script: &ScriptFailure) -> bool {
    let reached = |failure: &ScriptFailure| failure.place.map_or((0, 0), |place| (place.line, place.column));
    // A refused import has no place, but only a source that parses as a module gets that far.
    as_module.name != "SyntaxError" || reached(as_module) > reached(as_script)
}

impl Attempt {
    fn around(self) -> &'static Around {
        match self {
            Self::Script | Self::Classic | Self::Module => &NOTHING,
            Self::Method => &METHOD,
            Self::Function => &FUNCTION,
        }
    }

    fn flags(self) -> u32 {
        match self {
            Self::Script => SCRIPT,
            Self::Module => MODULE,
            Self::Classic | Self::Method | Self::Function => EXPRESSION,
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Script => Form::Script,
            Self::Classic => Form::Synchronous,
            Self::Module => Form::Module,
            Self::Method | Self::Function => Form::Function,
        }
    }
}

/// The bytecode of a setup script: an expression whose value is a strict function `(global, native, host, own)`.
pub(crate) fn compile_setup(js: Js, text: &str) -> Result<Vec<u8>, String> {
    compile_own(js, &SETUP.put(text), SETUP_FILE, EXPRESSION)
}

/// The bytecode of a module of the host, under the name by which it is imported.
pub(crate) fn compile_module(js: Js, name: &CStr, text: &str) -> Result<Vec<u8>, String> {
    compile_own(js, &NOTHING.put(text), name, MODULE)
}

/// Without text and positions: every VM would pay for them, and no author sees them.
fn compile_own(js: Js, text: &Terminated, name: &CStr, flags: u32) -> Result<Vec<u8>, String> {
    let compiled = js.compile(text, name, flags, FIRST_LINE);
    let strip = qjs::JS_WRITE_OBJ_STRIP_SOURCE | qjs::JS_WRITE_OBJ_STRIP_DEBUG;
    let bytecode = compiled.and_then(|compiled| js.write_bytecode(&compiled, strip));
    bytecode.map(|bytecode| without_checksum(bytecode.as_bytes())).map_err(|thrown| {
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
    quoted('"').or_else(|| quoted('\'')).map(|at| place_at(source.text(), at))
}
