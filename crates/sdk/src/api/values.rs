//! Arguments and results: serde's values as payloads, with what JSON cannot say.
//!
//! The contract has [tags](isolet_core_traits::host) for buffers and BigInts, and escapes keys that look like tags. While
//! a value is read or written, [`Bytes`] and [`BigInt`] are objects whose one key nobody can guess. Afterwards these are
//! made tags, and all other keys escaped; or, before, the other way round. Texts without a `$` at a key's beginning, which
//! are nearly all, are not touched.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::LazyLock;

use isolet_core_traits::Payload;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::ApiError;

/// Bytes that cross as a buffer: a `Uint8Array` in scripts. From them come all kinds of typed arrays and `ArrayBuffer`s.
///
/// Only as a part of arguments and results of a [`HostApi`](crate::HostApi); elsewhere serde refuses it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// An integer that crosses as a `BigInt`. Scripts' larger ones are refused as arguments.
///
/// Only as a part of arguments and results of a [`HostApi`](crate::HostApi); elsewhere serde refuses it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BigInt(pub i128);

const BUFFER: &str = "$buffer";
const BIGINT: &str = "$bigint";

/// Begins the keys that stand for tags. Nobody outside of this process can know it.
static SECRET: LazyLock<String> = LazyLock::new(|| {
    let random = || RandomState::new().hash_one(0_u8);
    format!("${:016x}{:016x}", random(), random())
});

thread_local! {
    /// The buffers of the payload that is read or written on this thread.
    static BUFFERS: RefCell<Option<Vec<Option<Vec<u8>>>>> = const { RefCell::new(None) };
}

/// Makes buffers those of this thread while `work` is done; also gives what they are then.
fn with_buffers<T>(buffers: Vec<Vec<u8>>, work: impl FnOnce() -> T) -> (T, Vec<Vec<u8>>) {
    /// What was there before comes back, whatever happens.
    struct Outer(Option<Vec<Option<Vec<u8>>>>);
    impl Drop for Outer {
        fn drop(&mut self) {
            BUFFERS.set(self.0.take());
        }
    }
    let _outer = Outer(BUFFERS.replace(Some(buffers.into_iter().map(Some).collect())));
    let done = work();
    let buffers = BUFFERS.take().unwrap_or_default();
    (done, buffers.into_iter().map(Option::unwrap_or_default).collect())
}

/// A result as a payload.
pub(super) fn write<T: Serialize>(value: &T) -> Result<Payload, ApiError> {
    let (text, buffers) = with_buffers(Vec::new(), || serde_json::to_string(value));
    let json = text?;
    if !json.contains("\"$") {
        return Ok(Payload { json, buffers });
    }
    let tagged = with_keys(serde_json::from_str(&json)?, &|key| match key.strip_prefix(SECRET.as_str()) {
        Some(tag) => tag.to_owned(),
        None if key == BUFFER || key == BIGINT || key.starts_with("$$") => format!("${key}"),
        None => key.to_owned(),
    });
    Ok(Payload { json: serde_json::to_string(&tagged)?, buffers })
}

/// Arguments as the JSON that a script wrote, without tags. `None` if there is a buffer or a BigInt, which are none.
pub(crate) fn plain(arguments: &Payload) -> Option<Cow<'_, str>> {
    if !arguments.json.contains("\"$") {
        return Some(Cow::Borrowed(&arguments.json));
    }
    let value: Value = serde_json::from_str(&arguments.json).ok()?;
    let value = (!has_tags(&value)).then(|| with_keys(value, &|key| unescaped(key).to_owned()))?;
    serde_json::to_string(&value).ok().map(Cow::Owned)
}

fn has_tags(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(key, value)| key == BUFFER || key == BIGINT || has_tags(value)),
        Value::Array(items) => items.iter().any(has_tags),
        _ => false,
    }
}

fn unescaped(key: &str) -> &str {
    key.strip_prefix('$').filter(|rest| rest.starts_with('$')).unwrap_or(key)
}

/// The first argument of a call, `null` if there is none.
pub(super) fn first<T: DeserializeOwned>(arguments: Payload) -> Result<T, ApiError> {
    let Payload { json, buffers } = arguments;
    let read = || -> serde_json::Result<T> {
        if !json.contains("\"$") {
            return Ok(serde_json::from_str::<First<T>>(&json)?.0);
        }
        let untagged = with_keys(serde_json::from_str(&json)?, &|key| match key {
            BUFFER | BIGINT => format!("{}{key}", *SECRET),
            _ => unescaped(key).to_owned(),
        });
        Ok(serde_json::from_value::<First<T>>(untagged)?.0)
    };
    let (value, _) = with_buffers(buffers, read);
    value.map_err(|error| ApiError::bad_arguments(format!("the argument is not what it should be: {}", said(&error))))
}

/// What serde says, without a place in a text that its author never saw.
fn said(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said).to_owned()
}

/// The first of a list, and nothing of the rest.
struct First<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(std::marker::PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for List<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of arguments")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<First<T>, A::Error> {
                let first = list.next_element()?;
                while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                match first {
                    Some(first) => Ok(First(first)),
                    None => T::deserialize(serde::de::value::UnitDeserializer::new()).map(First),
                }
            }
        }

        deserializer.deserialize_seq(List(std::marker::PhantomData))
    }
}

/// The same value with other keys.
fn with_keys(value: Value, key_of: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key_of(&key), with_keys(value, key_of)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| with_keys(item, key_of)).collect()),
        value => value,
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = BUFFERS.with_borrow_mut(|buffers| {
            let buffers = buffers.as_mut()?;
            buffers.push(Some(self.0.clone()));
            Some(buffers.len() - 1)
        });
        tagged(
            BUFFER,
            &number.ok_or_else(|| S::Error::custom("bytes cross as results of a host's API only"))?,
            serializer,
        )
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number: usize = untagged(BUFFER, "bytes: an ArrayBuffer or a typed array", deserializer)?;
        let take = |buffers: &mut Option<Vec<Option<Vec<u8>>>>| buffers.as_mut()?.get_mut(number)?.take();
        BUFFERS.with_borrow_mut(take).map(Self).ok_or_else(|| D::Error::custom("there is no such buffer"))
    }
}

impl Serialize for BigInt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        tagged(BIGINT, &self.0.to_string(), serializer)
    }
}

impl<'de> Deserialize<'de> for BigInt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits: String = untagged(BIGINT, "a BigInt", deserializer)?;
        digits.parse().map(Self).map_err(|_| D::Error::custom("the BigInt is larger than 127 bits"))
    }
}

fn tagged<S: Serializer>(tag: &str, value: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(&format!("{}{tag}", *SECRET), value)?;
    map.end()
}

fn untagged<'de, T, D>(tag: &'static str, expected: &'static str, deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Tagged<T>(&'static str, &'static str, std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Tagged<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.1)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
            let is_tag = |key: &String| key.strip_prefix(SECRET.as_str()) == Some(self.0);
            match map.next_key::<String>()?.filter(is_tag) {
                Some(_) => map.next_value(),
                None => Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self)),
            }
        }
    }

    deserializer.deserialize_map(Tagged(tag, expected, std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload(json: &str, buffers: &[&[u8]]) -> Payload {
        Payload { json: json.into(), buffers: buffers.iter().map(|bytes| bytes.to_vec()).collect() }
    }

    fn read<T: DeserializeOwned>(json: &str, buffers: &[&[u8]]) -> Result<T, String> {
        first(payload(json, buffers)).map_err(|error| error.of("a", "b").message)
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Upload {
        name: String,
        data: Bytes,
        size: BigInt,
    }

    #[test]
    fn bytes_and_bigints_cross() {
        let upload = Upload { name: "a".into(), data: Bytes(vec![1, 2]), size: BigInt(-(1 << 100)) };
        let written = write(&vec![&upload]).expect("it is written");
        let json = r#"[{"data":{"$buffer":0},"name":"a","size":{"$bigint":"-1267650600228229401496703205376"}}]"#;
        assert_eq!(written, payload(json, &[&[1, 2]]));
        assert_eq!(read::<Upload>(json, &[&[1, 2]]), Ok(upload));
        assert_eq!(
            read::<Vec<Bytes>>(r#"[[{"$buffer":1},{"$buffer":0}]]"#, &[&[1], &[]]),
            Ok(vec![Bytes(vec![]), Bytes(vec![1])])
        );
    }

    #[test]
    fn what_looks_like_a_tag_is_none() {
        for value in [
            json!({"$buffer": 0}),
            json!({"$bigint": "1", "$$bigint": 2, "$": 3, "$other": 4, "a": [{"$$": 1}]}),
            json!("\"$buffer\""),
        ] {
            let written = write(&value).expect("it is written");
            assert!(written.buffers.is_empty());
            let tags = [r#"{"$buffer""#, r#"{"$bigint""#].iter().any(|tag| written.json.contains(tag));
            assert!(!tags, "{}", written.json);
            assert_eq!(read::<Value>(&format!("[{}]", written.json), &[]), Ok(value));
        }
        let spoofed = read::<Bytes>(r#"[{"$$buffer":0}]"#, &[b"secret"]);
        assert_eq!(
            spoofed.expect_err("no tag"),
            wrong("invalid type: map, expected bytes: an ArrayBuffer or a typed array")
        );
    }

    #[test]
    fn plain_arguments_have_no_tags() {
        let read = |json: &str| plain(&payload(json, &[])).map(Cow::into_owned);
        for (json, expected) in [
            (r#"["a",{"b":[1.50]}]"#, Some(r#"["a",{"b":[1.50]}]"#)),
            (r#"[{"$$buffer":0,"$a":1,"$$$":2}]"#, Some(r#"[{"$a":1,"$buffer":0,"$$":2}]"#)),
            (r#"[{"a":[{"$bigint":"1"}]}]"#, None),
            (r#"[{"$buffer":0}]"#, None),
        ] {
            let keys = |json: &str| serde_json::from_str::<Value>(json).expect("JSON");
            assert_eq!(read(json).as_deref().map(keys), expected.map(keys), "{json}");
        }
    }

    #[test]
    fn arguments_that_are_wrong_are_told() {
        assert_eq!(read::<Upload>(r#"[{"name":1}]"#, &[]), Err(wrong("invalid type: integer `1`, expected a string")));
        assert_eq!(read::<Upload>(r#"[{"name":"a"}]"#, &[]), Err(wrong("missing field `data`")));
        assert_eq!(read::<Bytes>(r#"[{"$buffer":3}]"#, &[&[1]]), Err(wrong("there is no such buffer")));
        assert_eq!(read::<BigInt>(r#"["1"]"#, &[]), Err(wrong("invalid type: string \"1\", expected a BigInt")));
        let large = format!(r#"[{{"$bigint":"{}"}}]"#, "9".repeat(60));
        assert_eq!(read::<BigInt>(&large, &[]), Err(wrong("the BigInt is larger than 127 bits")));
        assert_eq!((read::<()>("[]", &[]), read::<Option<u8>>("[]", &[])), (Ok(()), Ok(None)));
        assert_eq!((read::<u8>("[1,2,3]", &[]), read::<()>("[null]", &[])), (Ok(1), Ok(())));
        assert_eq!(read::<u8>("[]", &[]), Err(wrong("invalid type: null, expected u8")));
    }

    fn wrong(said: &str) -> String {
        format!("the argument is not what it should be: {said}")
    }

    #[test]
    fn elsewhere_bytes_do_not_cross() {
        serde_json::to_string(&Bytes(vec![1])).expect_err("no payload");
        serde_json::from_str::<Bytes>(r#"{"$buffer":0}"#).expect_err("no payload");
    }
}
