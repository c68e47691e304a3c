//! The web's standard globals: their lazy setup scripts, and the natives that do their work.
//!
//! What Rust crates do is done here; the scripts hold the classes, convert arguments and walk values. Natives are total:
//! they refuse what their script would not send, and their work is bounded by what they are given, which is bounded by the
//! run's memory.

mod clock;
mod crypto;
mod headers;
mod intl;
mod query;
mod random;
mod text;
mod url;

use isolet_core_traits::{HostNamespace, HostOperation, LazyScript, Native, NativeFailure, NativeValue, SetupScript};

pub(crate) use clock::Resolution;

/// What lazy scripts take from the language, kept before any script runs.
pub(crate) const OWN: SetupScript = SetupScript { name: "own", source: include_str!("js/own.js") };

/// What the other scripts of this module share.
pub(crate) fn common() -> LazyScript {
    lazy("common", include_str!("js/common.js"), &[], Vec::new())
}

/// `URL` and `URLSearchParams`.
pub(crate) fn url() -> LazyScript {
    lazy("url", include_str!("js/url.js"), &["URL", "URLSearchParams"], vec![url::NATIVE, query::NATIVE])
}

/// `TextEncoder` and `TextDecoder`.
pub(crate) fn text() -> LazyScript {
    lazy("text", include_str!("js/text.js"), &["TextEncoder", "TextDecoder"], text::NATIVES.to_vec())
}

/// `atob` and `btoa`.
pub(crate) fn base64() -> LazyScript {
    lazy("base64", include_str!("js/base64.js"), &["atob", "btoa"], Vec::new())
}

/// Events and what aborts.
pub(crate) fn events(resolution: Resolution) -> LazyScript {
    let globals = &["Event", "CustomEvent", "EventTarget", "AbortController", "AbortSignal"];
    lazy("events", include_str!("js/events.js"), globals, vec![resolution.native()])
}

/// `Headers`.
pub(crate) fn headers() -> LazyScript {
    lazy("headers", include_str!("js/headers.js"), &["Headers"], vec![headers::NATIVE])
}

/// `structuredClone`.
pub(crate) fn clone() -> LazyScript {
    lazy("clone", include_str!("js/clone.js"), &["structuredClone"], Vec::new())
}

/// `crypto` and its classes.
pub(crate) fn crypto() -> LazyScript {
    let globals = &["crypto", "Crypto", "SubtleCrypto", "CryptoKey"];
    let natives = crypto::NATIVES.iter().chain(&random::NATIVES).copied().collect();
    lazy("crypto", include_str!("js/crypto.js"), globals, natives)
}

/// `Date` by the run's time, with [`DATE_NATIVE`]; for runs whose time is fixed, or to stand in the image.
pub(crate) const DATE: SetupScript = SetupScript { name: LazyScript::FIXED_TIME, source: include_str!("js/date.js") };

pub(crate) const DATE_NATIVE: Native = clock::TODAY;

pub(crate) fn date() -> LazyScript {
    LazyScript { script: DATE, globals: &[], natives: vec![DATE_NATIVE] }
}

/// `performance`, `navigator` and their classes.
pub(crate) fn platform(resolution: Resolution) -> LazyScript {
    let globals = &["performance", "navigator", "Performance", "Navigator"];
    lazy("platform", include_str!("js/platform.js"), globals, vec![resolution.native(), clock::TODAY])
}

/// The methods of the language that know of locales. They stand in the image, and what they do is loaded on first use.
pub(crate) const LOCALE: SetupScript = SetupScript { name: "locale", source: include_str!("js/locale.js") };

/// `Intl`, in the parts in which it is loaded.
pub(crate) fn intl() -> [LazyScript; 6] {
    [
        lazy("intl-common", include_str!("js/intl-common.js"), &[], intl::COMMON.to_vec()),
        lazy("intl-numbers", include_str!("js/intl-numbers.js"), &[], intl::NUMBERS.to_vec()),
        lazy("intl-dates", include_str!("js/intl-dates.js"), &[], intl::DATES.to_vec()),
        lazy("intl-words", include_str!("js/intl-words.js"), &[], intl::WORDS.to_vec()),
        lazy("intl-methods", include_str!("js/intl-methods.js"), &[], vec![intl::NUMBER]),
        lazy("intl", include_str!("js/intl.js"), &["Intl"], Vec::new()),
    ]
}

/// The namespace of [`timers_namespace`].
pub(crate) const TIMERS: &str = "$timers";

/// What the host offers for timers: `sleep(milliseconds)`, which costs nothing, and which no script sees.
pub fn timers_namespace() -> HostNamespace {
    let sleep = HostOperation { cost: 0, arguments_max: 1, ..HostOperation::new("sleep") };
    HostNamespace { name: TIMERS.into(), exposed: false, operations: vec![sleep] }
}

/// Timers and `queueMicrotask`.
pub(crate) fn timers() -> LazyScript {
    let globals = &["setTimeout", "setInterval", "clearTimeout", "clearInterval", "queueMicrotask"];
    lazy("timers", include_str!("js/timers.js"), globals, vec![clock::CLOCK, clock::ADVANCE])
}

fn lazy(
    name: &'static str,
    source: &'static str,
    globals: &'static [&'static str],
    natives: Vec<Native>,
) -> LazyScript {
    LazyScript { script: SetupScript { name, source }, globals, natives }
}

/// The answer to arguments that no script of ours gives.
fn refused() -> NativeFailure {
    NativeFailure { name: "TypeError", message: "the argument is of the wrong type".into() }
}

/// What a URL, a list of parameters or of headers may have, with what is done with it: more would keep a thread for long.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Refuses texts that are too long together.
fn check_texts(arguments: &[NativeValue]) -> Result<(), NativeFailure> {
    let bytes = arguments.iter().map(|value| match value {
        NativeValue::String(text) => text.len(),
        _ => 0,
    });
    match bytes.sum::<usize>() <= TEXT_BYTES_MAX {
        true => Ok(()),
        false => {
            Err(NativeFailure { name: "RangeError", message: "the text is too long: at most 4 MiB are read".into() })
        }
    }
}

fn string(value: Option<String>) -> NativeValue {
    value.map_or(NativeValue::Null, NativeValue::String)
}

/// Strings as one: their lengths in UTF-16 units, each followed by a comma, then a semicolon and all of them.
fn packed<S: AsRef<str>>(strings: impl Iterator<Item = S>) -> String {
    let (mut lengths, mut all) = (String::new(), String::new());
    for string in strings {
        let string = string.as_ref();
        lengths.push_str(&string.encode_utf16().count().to_string());
        lengths.push(',');
        all.push_str(string);
    }
    lengths.push(';');
    lengths + &all
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isolet_core_traits::{Interrupt, LogBuffer, MonotonicClock, NativeContext, Resources, RunTime, Seed};
    use proptest::prelude::*;

    use super::*;

    fn all() -> Vec<Native> {
        let scripts =
            [url(), text(), headers(), crypto(), platform(Resolution::Fine), platform(Resolution::Coarse), timers()];
        scripts.into_iter().chain(intl()).flat_map(|script| script.natives).collect()
    }

    fn value() -> impl Strategy<Value = NativeValue> {
        prop_oneof![
            Just(NativeValue::Undefined),
            Just(NativeValue::Null),
            any::<bool>().prop_map(NativeValue::Bool),
            prop_oneof![(0..40).prop_map(f64::from), any::<f64>()].prop_map(NativeValue::Number),
            prop_oneof![
                ".{0,40}",
                "[a-z]{1,6}:/{0,3}[a-z0-9@:.\\[\\]%-]{0,12}[/?#&=+;a-z%é\u{0}]{0,20}",
                "(a=b&?){0,5}",
                "([a-z-]{1,6}:[a-z ]{0,5}\n){0,4}",
                "SHA-(1|256|384|512)",
                "(decimal|percent|currency),(USD|XAF|)?,(symbol|name),(accounting)?,(short|long)?,(min2|false),(auto|always),halfEven,(fraction|significant|morePrecision),[0-9]{1,3},[0-9]?,[0-9]?,[0-9]{0,2},[0-9]?,",
                ",,(long|short)?,(era)?,(2-digit)?,(long|2-digit)?,(numeric)?,(short)?,(2-digit)?,(numeric)?,(numeric)?,[1-4]?,(short)?,h(11|12|23|24)",
                "[+-]?[0-9]{0,30}(\\.[0-9]{0,20})?(e-?[0-9]{1,12})?|0x[0-9a-f]{0,40}",
                "([a-z]{2,3}(-[a-z]{4})?(-[A-Z]{2})?(-[a-z]-[a-z0-9]{1,9})?\n){0,3}",
                "utf-8|utf-16le|utf-16be|windows-1252|shift_jis",
            ]
            .prop_map(NativeValue::String),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(NativeValue::Bytes),
        ]
    }

    proptest! {
        /// Whatever they are given, natives answer: with a value or with a refusal.
        #[test]
        fn natives_are_total(calls in proptest::collection::vec((any::<prop::sample::Index>(), proptest::collection::vec(value(), 7)), 1..20)) {
            let (mut logs, mut resources, mut time) = (LogBuffer::new(1_000, 10), Resources::default(), RunTime::Real);
            let interrupt = Interrupt::new(Arc::new(MonotonicClock::new()));
            for (native, values) in calls {
                let native = *native.get(&all());
                let mut context = NativeContext::new(&mut logs, &mut resources, &interrupt, Seed::Drawn(7), &mut time);
                let _ = (native.call)(&mut context, &values[..usize::from(native.arguments)]);
            }
        }
    }
}
