//! What an object is inside, whatever its prototype says.

use rquickjs::qjs;

use super::{Js, Value};

/// The class of plain objects, which QuickJS has first.
const CLASS_OBJECT: qjs::JSClassID = 1;

impl Js {
    /// The name of the builtin whose instance the value is: see [`SetupScript`](isolet_core_traits::SetupScript).
    pub(crate) fn brand(self, value: &Value) -> &'static str {
        if !value.is_object() {
            return "";
        }
        let raw = value.0;
        // SAFETY: V1; asks for the value's class.
        unsafe {
            match () {
                () if qjs::JS_IsProxy(raw) => "Proxy",
                () if qjs::JS_IsFunction(self.context(), raw) => "Function",
                () if qjs::JS_IsArray(raw) => "Array",
                () if qjs::JS_IsError(raw) => "Error",
                () if qjs::JS_IsDate(raw) => "Date",
                () if qjs::JS_IsRegExp(raw) => "RegExp",
                () if qjs::JS_IsMap(raw) => "Map",
                () if qjs::JS_IsSet(raw) => "Set",
                () if qjs::JS_IsArrayBuffer(raw) => "ArrayBuffer",
                () if qjs::JS_GetTypedArrayType(raw) >= 0 => "TypedArray",
                () if qjs::JS_IsDataView(raw) => "DataView",
                () if qjs::JS_IsPromise(raw) => "Promise",
                () if qjs::JS_GetClassID(raw) == CLASS_OBJECT => "Object",
                () => "",
            }
        }
    }
}
