//! The own keys of an object.

use std::ffi::c_int;
use std::ptr;

use rquickjs::qjs;

use super::{Js, Result, Value};

/// The own enumerable string keys of an object. Freed by [`Js::free_keys`].
pub(crate) struct Keys {
    table: *mut qjs::JSPropertyEnum,
    count: u32,
}

impl Keys {
    pub(crate) fn count(&self) -> u32 {
        self.count
    }
}

impl Js {
    pub(crate) fn own_keys(self, object: &Value) -> Result<Keys> {
        let (mut table, mut count) = (ptr::null_mut(), 0);
        let flags = qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY;
        // SAFETY: V1; table and count are written on success.
        self.check_status(unsafe {
            qjs::JS_GetOwnPropertyNames(self.context(), &mut table, &mut count, object.0, flags as c_int)
        })?;
        Ok(Keys { table, count })
    }

    /// A key as a string of the engine's: lone surrogates are kept.
    pub(crate) fn key(self, keys: &Keys, at: u32) -> Result {
        assert!(at < keys.count, "the key {at} of {}", keys.count);
        // SAFETY: the table has `count` entries.
        self.check(unsafe { qjs::JS_AtomToString(self.context(), (*keys.table.add(at as usize)).atom) })
    }

    pub(crate) fn free_keys(self, keys: Keys) {
        // SAFETY: the table came from `JS_GetOwnPropertyNames`, and is consumed.
        unsafe { qjs::JS_FreePropertyEnum(self.context(), keys.table, keys.count) };
    }
}
