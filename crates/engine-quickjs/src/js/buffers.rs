//! The bytes of buffers and of their views.

use std::ops::Range;
use std::ptr;

use rquickjs::qjs;

use super::{Js, Result, Thrown, Value};
use crate::state;

impl Js {
    /// The getter by which typed arrays tell how many bytes they have, before any script ran. For furnishing.
    pub(crate) fn byte_length_getter(self) -> Result {
        let global = self.global();
        let constructor = self.get(&global, c"Uint8Array")?;
        let prototype = self.get(&constructor, c"prototype")?;
        // SAFETY: V1.
        let of_all = self.check(unsafe { qjs::JS_GetPrototype(self.context(), prototype.0) })?;
        let getter = self.own_getter(&of_all, "byteLength");
        [global, constructor, prototype, of_all].into_iter().for_each(|value| self.free(value));
        getter
    }

    /// Calls `read` with the bytes of an `ArrayBuffer` or a typed array; `None` for anything else, and for detached ones.
    /// `read` must not call into the engine.
    pub(crate) fn with_bytes<T>(self, value: &Value, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if !value.is_object() {
            return None;
        }
        // SAFETY: asks for the value's class.
        let (buffer, part) = match unsafe { (qjs::JS_IsArrayBuffer(value.0), qjs::JS_GetTypedArrayType(value.0)) } {
            (true, _) => (self.duplicate(value), None),
            (false, kind) if kind >= 0 => {
                let (buffer, part) = self.part(value).map_err(|thrown| self.swallow(thrown)).ok()?;
                (buffer, Some(part))
            }
            _ => return None,
        };
        let mut size = 0;
        // SAFETY: V1; the size is written.
        let start = unsafe { qjs::JS_GetArrayBuffer(self.context(), &mut size, buffer.0) };
        self.free(buffer);
        if start.is_null() {
            self.swallow(Thrown);
            return None;
        }
        // SAFETY: the buffer, which `value` is or keeps, has `size` bytes at `start`, and nothing runs that could change
        // or detach it.
        let all = unsafe { std::slice::from_raw_parts(start, size as usize) };
        all.get(part.unwrap_or(0..size as usize)).map(read)
    }

    /// The buffer of a typed array, and which bytes of it are in view.
    fn part(self, array: &Value) -> Result<(Value, Range<usize>)> {
        // The engine's own answer would be what it was when the view was made, whatever size its buffer has now.
        let getter = state::constant(self, |constants| &constants.byte_length_getter);
        let length = self.call(&getter, array, []);
        self.free(getter);
        let count = length?.as_number().unwrap_or(0.0) as usize;
        let (mut offset, ignored) = (0, ptr::null_mut());
        // SAFETY: V1; the offset is written.
        let buffer =
            self.check(unsafe { qjs::JS_GetTypedArrayBuffer(self.context(), array.0, &mut offset, ignored, ignored) })?;
        Ok((buffer, offset as usize..(offset as usize).saturating_add(count)))
    }
}
