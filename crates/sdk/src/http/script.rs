//! The globals of scripts: their lazy setup script, the natives that it needs, and their types.

use isolet_core_traits::{LazyScript, Native, NativeContext, NativeFailure, NativeValue, SetupScript};

use super::{request, target};

/// Where the script finds the operation. No script of a tenant sees it.
pub(super) const NAMESPACE: &str = "$http";

/// The globals' types.
pub(super) const DECLARATIONS: &str = include_str!("types/http.d.ts");

/// `fetch`, `Request`, `Response` and `http`.
pub(super) fn http() -> LazyScript {
    LazyScript {
        script: SetupScript { name: "http", source: include_str!("js/http.js") },
        globals: &["fetch", "Request", "Response", "http"],
        natives: NATIVES.to_vec(),
    }
}

const NATIVES: [Native; 4] = [
    Native { name: "url", arguments: 1, call: url },
    Native { name: "method", arguments: 1, call: method },
    Native { name: "octets", arguments: 1, call: octets },
    Native { name: "decode", arguments: 1, call: decode },
];

/// `native.url(text)`: an absolute URL as it is sent.
fn url(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(text)] = arguments else { return Err(refused()) };
    let url = target::parse(text).map_err(|failure| type_error(failure.message))?;
    Ok(NativeValue::String(url.into()))
}

/// `native.method(text)`: a method as it is sent.
fn method(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(text)] = arguments else { return Err(refused()) };
    let method = request::method(text).map_err(|failure| type_error(failure.message))?;
    Ok(NativeValue::String(method.to_string()))
}

/// `native.octets(data)`: a copy of the bytes, or those of a text.
fn octets(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    match arguments {
        [NativeValue::String(text)] => Ok(NativeValue::Bytes(text.as_bytes().to_vec())),
        [NativeValue::Bytes(bytes)] => Ok(NativeValue::Bytes(bytes.clone())),
        _ => Err(refused()),
    }
}

/// `native.decode(bytes)`: UTF-8 as text, without a byte order mark, what is none replaced.
fn decode(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::Bytes(bytes)] = arguments else { return Err(refused()) };
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    Ok(NativeValue::String(String::from_utf8_lossy(text).into_owned()))
}

fn refused() -> NativeFailure {
    type_error("the argument is of the wrong type".into())
}

fn type_error(message: String) -> NativeFailure {
    NativeFailure { name: "TypeError", message }
}
