//! What scripts may import: modules that the host provides by name, and nothing else.
//!
//! A VM's image holds nothing of them. The bytecode of one is read when a program that imports it is loaded, so that it is
//! part of that program's image.

use std::ffi::{CStr, c_char, c_void};
use std::fmt::{self, Write};
use std::ptr;
use std::sync::Arc;

use rquickjs::qjs::{self, JSContext};

use crate::js::{ErrorClass, Js, Result};
use crate::state;

/// A module of the host, compiled.
#[derive(Clone)]
pub(crate) struct Module {
    /// What follows `from`. A C string, because QuickJS takes names as such.
    pub(crate) name: Arc<CStr>,
    pub(crate) bytecode: Arc<[u8]>,
}

/// Specifiers are names, not paths: nothing is resolved against the importing module.
pub(crate) unsafe extern "C" fn keep_specifier(
    ctx: *mut JSContext,
    _base: *const c_char,
    specifier: *const c_char,
    _opaque: *mut c_void,
) -> *mut c_char {
    // SAFETY: C1: a C string of the engine's; the copy is the engine's to free.
    unsafe { qjs::js_strdup(ctx, specifier) }
}

/// Loads a module of the host, or refuses.
pub(crate) unsafe extern "C" fn load(
    ctx: *mut JSContext,
    specifier: *const c_char,
    _opaque: *mut c_void,
) -> *mut qjs::JSModuleDef {
    // SAFETY: C1.
    let js = unsafe { state::callback_context(ctx) };
    // SAFETY: C1: a C string of the engine's, which outlives the call.
    let specifier = unsafe { CStr::from_ptr(specifier) };
    read(js, specifier).unwrap_or(ptr::null_mut())
}

fn read(js: Js, specifier: &CStr) -> Result<*mut qjs::JSModuleDef> {
    let bytecode = state::with(js, |state| {
        let module = state.constants.modules.iter().find(|module| *module.name == *specifier)?;
        Some(&raw const *module.bytecode)
    });
    let Some(bytecode) = bytecode else {
        return Err(state::with(js, |state| refusal(specifier, &state.constants.modules)).throw(js));
    };
    // SAFETY: B1: the engine compiled it in this process; the bytes are a constant of the VM.
    let module = unsafe { js.read_bytecode(&*bytecode) }?;
    let definition = module.address() as *mut qjs::JSModuleDef;
    // The context keeps what it has read.
    js.free(module);
    Ok(definition)
}

/// Why an import is refused, on the stack: no more than the engine takes of a message.
struct Refusal {
    text: [u8; Self::BYTES_MAX],
    length: usize,
}

impl Refusal {
    const BYTES_MAX: usize = 240;

    fn throw(&self, js: Js) -> crate::js::Thrown {
        let text = std::str::from_utf8(&self.text[..self.length]).unwrap_or_default();
        js.throw_error(ErrorClass::Type, format_args!("{text}"))
    }
}

impl Write for Refusal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = text.floor_char_boundary(Self::BYTES_MAX - self.length);
        self.text[self.length..self.length + room].copy_from_slice(&text.as_bytes()[..room]);
        self.length += room;
        if room < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

fn refusal(specifier: &CStr, modules: &[Module]) -> Refusal {
    let mut refusal = Refusal { text: [0; Refusal::BYTES_MAX], length: 0 };
    let _ = write_refusal(&mut refusal, specifier, modules); // It ends where the message is full.
    refusal
}

fn write_refusal(refusal: &mut Refusal, specifier: &CStr, modules: &[Module]) -> fmt::Result {
    write!(refusal, "cannot import \"{}\": ", Shown(specifier.to_bytes()))?;
    if modules.is_empty() {
        return refusal.write_str("no modules are provided to this script");
    }
    refusal.write_str("the modules that are provided are ")?;
    for (at, module) in modules.iter().enumerate() {
        write!(refusal, "{}\"{}\"", if at == 0 { "" } else { ", " }, Shown(module.name.to_bytes()))?;
    }
    Ok(())
}

/// The first characters of a specifier.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let characters = self.0.utf8_chunks().flat_map(|chunk| {
            chunk.valid().chars().chain((!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER))
        });
        characters.take(100).try_for_each(|c| f.write_char(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_lists_what_there_is_as_far_as_it_goes() {
        let module = |name: &CStr| Module { name: name.into(), bytecode: [].into() };
        let told = |modules: &[Module]| {
            let refusal = refusal(c"fs", modules);
            String::from_utf8(refusal.text[..refusal.length].to_vec()).expect("UTF-8")
        };
        assert_eq!(told(&[]), "cannot import \"fs\": no modules are provided to this script");
        let two = [module(c"a"), module(c"b/c")];
        assert_eq!(told(&two), "cannot import \"fs\": the modules that are provided are \"a\", \"b/c\"");
        let many = vec![module(c"a-module-of-a-long-name-\u{fc}"); 50];
        assert!((200..=Refusal::BYTES_MAX).contains(&told(&many).len()));
    }
}
