//! Text on its way into the engine and out of it.

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;

use rquickjs::qjs;

use super::{Js, Result, Thrown, Value};

/// Bytes in a VM's memory, mostly text as QuickJS wrote it. Freed by [`Js::free_text`], or left until the VM is restored.
pub(crate) struct Text {
    start: *const u8,
    bytes: usize,
}

impl Text {
    /// What QuickJS gave, or the exception that it threw instead.
    ///
    /// # Safety
    /// If `start` is not null, there must be `bytes` bytes until the text is freed or the VM restored.
    pub(super) unsafe fn given<T>(start: *const T, bytes: usize) -> Result<Self> {
        if start.is_null() { Err(Thrown) } else { Ok(Self { start: start.cast(), bytes }) }
    }

    /// The bytes, for as long as the VM is at rest (V1).
    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: V1, and `given`.
        unsafe { std::slice::from_raw_parts(self.start, self.bytes) }
    }

    /// The text. Lone surrogates are replaced.
    pub(crate) fn read(&self) -> Cow<'_, str> {
        let bytes = self.as_bytes();
        std::str::from_utf8(bytes).map_or_else(|_| lossy(bytes).into(), Cow::Borrowed)
    }

    /// Where the bytes lie.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.start.addr(), self.bytes)
    }
}

impl Js {
    /// The value as text, as `String` converts it. It runs script code for objects.
    pub(crate) fn text(self, value: &Value) -> Result<Text> {
        let mut length = 0;
        // SAFETY: V1; the length is written on success.
        let start = unsafe { qjs::JS_ToCStringLen2(self.context(), &mut length, value.0, false) };
        // SAFETY: QuickJS gave `length` bytes at `start`.
        unsafe { Text::given(start, length as usize) }
    }

    pub(crate) fn free_text(self, text: Text) {
        // SAFETY: the text came from `JS_ToCStringLen2`, and is consumed.
        unsafe { qjs::JS_FreeCString(self.context(), text.start.cast()) };
    }

    /// The value as text in Rust's memory. For furnishing.
    pub(crate) fn to_string(self, value: &Value) -> Result<String> {
        let text = self.text(value)?;
        let owned = text.read().into_owned();
        self.free_text(text);
        Ok(owned)
    }

    /// A symbol's description.
    pub(crate) fn description(self, symbol: &Value) -> Result<Text> {
        // SAFETY: V1; the atom is freed again.
        let description = unsafe {
            let atom = qjs::JS_ValueToAtom(self.context(), symbol.0);
            let text = qjs::JS_AtomToString(self.context(), atom);
            qjs::JS_FreeAtom(self.context(), atom);
            self.check(text)?
        };
        let text = self.text(&description);
        self.free(description);
        text
    }

    /// A string of `$` and `text`.
    pub(crate) fn with_dollar(self, text: &Text) -> Result {
        let bytes = text.bytes + 1;
        // SAFETY: V1; the block has as many bytes as are written, and is freed again.
        unsafe {
            let block = qjs::js_malloc(self.context(), bytes as qjs::size_t).cast::<u8>();
            if block.is_null() {
                return Err(Thrown);
            }
            block.write(b'$');
            std::ptr::copy_nonoverlapping(text.start, block.add(1), text.bytes);
            let string = qjs::JS_NewStringLen(self.context(), block.cast(), bytes as qjs::size_t);
            qjs::js_free(self.context(), block.cast());
            self.check(string)
        }
    }
}

/// Text that ends in NUL, as the engine's parsers need it. Made before an engine is entered.
pub(crate) struct Terminated(Box<[u8]>);

impl Terminated {
    /// The pieces, one after another.
    pub(crate) fn new<const N: usize>(pieces: [&str; N]) -> Self {
        let mut bytes = Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum::<usize>() + 1);
        pieces.iter().for_each(|piece| bytes.extend_from_slice(piece.as_bytes()));
        bytes.push(0);
        Self(bytes.into())
    }

    pub(super) fn start(&self) -> *const u8 {
        self.0.as_ptr()
    }

    /// Without the NUL.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() - 1
    }
}

/// A message of an error, on the stack.
pub(super) struct Short {
    buffer: [u8; Self::BYTES_MAX + 1],
    length: usize,
}

impl Short {
    /// QuickJS takes no more.
    const BYTES_MAX: usize = 255;

    pub(super) fn new(message: fmt::Arguments<'_>) -> Self {
        let mut short = Self { buffer: [0; Self::BYTES_MAX + 1], length: 0 };
        let _ = fmt::write(&mut short, message); // It ends where the message is cut.
        short
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.buffer).unwrap_or_default()
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let c = if c == '\0' { ' ' } else { c };
            let end = self.length + c.len_utf8();
            if end > Self::BYTES_MAX {
                return Err(fmt::Error);
            }
            c.encode_utf8(&mut self.buffer[self.length..end]);
            self.length = end;
        }
        Ok(())
    }
}

/// Text with one U+FFFD for each lone surrogate, which QuickJS writes as three bytes that are not UTF-8.
fn lossy(mut bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    while !bytes.is_empty() {
        let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        text.push_str(&String::from_utf8_lossy(&bytes[..valid]));
        let skip = match &bytes[valid..] {
            [] => 0,
            [0xED, 0xA0..=0xBF, _, ..] => 3,
            _ => 1,
        };
        text.extend((skip > 0).then_some(char::REPLACEMENT_CHARACTER));
        bytes = &bytes[valid + skip..];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_surrogate_is_one_replacement() {
        assert_eq!(lossy(b"a\xED\xA0\x80b"), "a\u{FFFD}b");
        assert_eq!(lossy(b"\xED\xA0\xBD\xED\xB8"), "\u{FFFD}\u{FFFD}\u{FFFD}");
        assert_eq!(lossy("äö".as_bytes()), "äö");
    }

    #[test]
    fn messages_are_cut_at_a_character() {
        let short = |text: &str| Short::new(format_args!("{text}")).as_c_str().to_str().map(str::len);
        assert_eq!(short("a\0b"), Ok(3));
        assert_eq!(short(&"x".repeat(1_000)), Ok(255));
        assert_eq!(short(&"ä".repeat(1_000)), Ok(254));
    }
}
