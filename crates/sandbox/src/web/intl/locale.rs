//! Tags of locales, by Unicode Technical Standard 35, and which of them there are.

use std::collections::HashSet;

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use crate::web::{check_texts, refused};

pub(super) const NATIVES: [Native; 3] = [
    // `native.locales(tags)`: a line for each tag to the canonical ones, each once.
    Native { name: "locales", arguments: 1, call: locales },
    // `native.resolve(tags)`: the locale for these, in the order of wishes, lines as above.
    Native { name: "resolve", arguments: 1, call: resolve },
    // `native.supported(tags)`: those for which there is a locale.
    Native { name: "supported", arguments: 1, call: supported },
];

/// What texts are formatted by if nothing that is asked for is there.
const DEFAULT: &str = "en-US";

fn locales(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    check_texts(arguments)?;
    let [NativeValue::String(tags)] = arguments else { return Err(refused()) };
    let (mut seen, mut all) = (HashSet::new(), String::new());
    for tag in tags.split_terminator('\n') {
        let canonical = canonical(tag).ok_or_else(|| {
            let shown: String = tag.chars().take(40).collect();
            NativeFailure { name: "RangeError", message: format!("{shown:?} is no language tag") }
        })?;
        if !seen.contains(&canonical) {
            all.extend([&canonical, "\n"]);
            seen.insert(canonical);
        }
    }
    Ok(NativeValue::String(all))
}

fn resolve(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(tags)] = arguments else { return Err(refused()) };
    let locale = tags.lines().find_map(available).unwrap_or(DEFAULT);
    Ok(NativeValue::String(locale.into()))
}

fn supported(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(tags)] = arguments else { return Err(refused()) };
    let there = tags.lines().filter(|tag| available(tag).is_some());
    Ok(NativeValue::String(there.flat_map(|tag| [tag, "\n"]).collect()))
}

/// The locale of a canonical tag, its extensions aside.
fn available(tag: &str) -> Option<&'static str> {
    let end = tag.match_indices('-').find(|(at, _)| tag.as_bytes().get(at + 2) == Some(&b'-'));
    let base = end.map_or(tag, |(at, _)| &tag[..at]);
    ["en", DEFAULT].into_iter().find(|locale| *locale == base)
}

fn is_within(part: &str, low: usize, high: usize, allows: fn(&u8) -> bool) -> bool {
    (low..=high).contains(&part.len()) && part.as_bytes().iter().all(allows)
}

/// A well-formed tag in its canonical case, with its extensions in order; the aliases of languages and regions are left.
fn canonical(tag: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let mut parts = lower.split('-').peekable();
    let language = parts.next()?;
    if !(is_within(language, 2, 3, u8::is_ascii_alphabetic) || is_within(language, 5, 8, u8::is_ascii_alphabetic)) {
        return None;
    }
    let mut canonical = language.to_owned();
    if let Some(script) = parts.next_if(|part| is_within(part, 4, 4, u8::is_ascii_alphabetic)) {
        canonical.extend(["-", &script[..1].to_ascii_uppercase(), &script[1..]]);
    }
    let is_region =
        |part: &str| is_within(part, 2, 2, u8::is_ascii_alphabetic) || is_within(part, 3, 3, u8::is_ascii_digit);
    if let Some(region) = parts.next_if(|part| is_region(part)) {
        canonical.extend(["-", &region.to_ascii_uppercase()]);
    }
    let is_variant = |part: &str| {
        is_within(part, 5, 8, u8::is_ascii_alphanumeric)
            || is_within(part, 4, 4, u8::is_ascii_alphanumeric) && part.as_bytes()[0].is_ascii_digit()
    };
    let mut variants: Vec<_> = std::iter::from_fn(|| parts.next_if(|part| is_variant(part))).collect();
    sort_once(&mut variants)?;
    let mut extensions: Vec<String> = Vec::new();
    let mut private = String::new();
    while let Some(singleton) = parts.next() {
        if !is_within(singleton, 1, 1, u8::is_ascii_alphanumeric) {
            return None;
        }
        let low = if singleton == "x" { 1 } else { 2 };
        let mut extension = singleton.to_owned();
        while let Some(part) = parts.next_if(|part| is_within(part, low, 8, u8::is_ascii_alphanumeric)) {
            // A keyword that is true is one without a value.
            if singleton != "u" || !matches!(part, "true" | "yes") {
                extension.extend(["-", part]);
            }
        }
        match (extension.len(), singleton) {
            (1, _) => return None,
            (_, "x") => private = extension,
            _ => extensions.push(extension),
        }
    }
    extensions.sort_unstable();
    if extensions.windows(2).any(|pair| pair[0].as_bytes()[0] == pair[1].as_bytes()[0]) {
        return None;
    }
    let rest = variants.into_iter().chain(extensions.iter().map(String::as_str));
    for part in rest.chain((!private.is_empty()).then_some(&*private)) {
        canonical.extend(["-", part]);
    }
    Some(canonical)
}

/// Sorted; `None` if one is there twice.
fn sort_once(parts: &mut [&str]) -> Option<()> {
    parts.sort_unstable();
    parts.windows(2).all(|pair| pair[0] != pair[1]).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_canonical_or_refused() {
        for (tag, expected) in [
            ("en", "en"),
            ("EN-us", "en-US"),
            ("zh-hans-cn", "zh-Hans-CN"),
            ("de-DE-1996", "de-DE-1996"),
            ("es-419", "es-419"),
            ("en-US-u-nu-latn-hc-h23", "en-US-u-nu-latn-hc-h23"),
            ("en-x-a-b", "en-x-a-b"),
            ("en-x-u-t", "en-x-u-t"),
            ("en-u-kn-true", "en-u-kn"),
            ("en-z-aa-a-bb", "en-a-bb-z-aa"),
        ] {
            assert_eq!(canonical(tag).as_deref(), Some(expected), "{tag}");
        }
        for tag in ["", "e", "en_US", "en-", "-en", "en-u", "en-u-ca-u-nu", "x-a", "engl", "en-US-US", "en--US", "é"] {
            assert_eq!(canonical(tag), None, "{tag}");
        }
        for (tag, expected) in [
            ("en", Some("en")),
            ("en-US", Some("en-US")),
            ("en-US-u-hc-h23", Some("en-US")),
            ("en-GB", None),
            ("de", None),
            ("en-US-x-y", Some("en-US")),
        ] {
            assert_eq!(available(tag), expected, "{tag}");
        }
    }
}
