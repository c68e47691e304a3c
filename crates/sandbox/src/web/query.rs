//! The native `query`: lists of parameters, as the texts that they are serialized as.

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};
use url::form_urlencoded::{Serializer, parse};

use super::{check_texts, packed, refused, string};

/// `native.query(change, query, name, value)`: see [`Change`].
pub(super) const NATIVE: Native = Native { name: "query", arguments: 4, call: query };

/// What is done with a list, by its number in url.js.
enum Change<'a> {
    Normalize,
    /// A list of one pair.
    One(&'a str, &'a str),
    Set(&'a str, &'a str),
    Delete(&'a str, Option<&'a str>),
    Get(&'a str),
    Has(&'a str, Option<&'a str>),
    Sort,
    /// Names and values in turn.
    All,
    /// The values of a name.
    Values(&'a str),
}

impl<'a> Change<'a> {
    fn new(number: f64, name: &'a NativeValue, value: &'a NativeValue) -> Option<Self> {
        let text = |value: &'a NativeValue| match value {
            NativeValue::String(text) => Some(text.as_str()),
            _ => None,
        };
        let maybe = |value: &'a NativeValue| match value {
            NativeValue::Undefined => Some(None),
            other => text(other).map(Some),
        };
        Some(match number as u8 {
            0 => Self::Normalize,
            1 => Self::One(text(name)?, text(value)?),
            2 => Self::Set(text(name)?, text(value)?),
            3 => Self::Delete(text(name)?, maybe(value)?),
            4 => Self::Get(text(name)?),
            5 => Self::Has(text(name)?, maybe(value)?),
            6 => Self::Sort,
            7 => Self::All,
            8 => Self::Values(text(name)?),
            _ => return None,
        })
    }
}

fn query(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    check_texts(arguments)?;
    let [NativeValue::Number(number), NativeValue::String(query), name, value] = arguments else {
        return Err(refused());
    };
    let change = Change::new(*number, name, value).ok_or_else(refused)?;
    let pairs = || parse(query.as_bytes());
    let is = |name: &str, value: Option<&str>, pair: &(_, _)| is_pair(pair, name, value);
    Ok(NativeValue::String(match change {
        Change::Normalize => normalized(query),
        Change::One(name, value) => serialized(std::iter::once((name, value))),
        Change::Set(name, value) => {
            let mut is_first = true;
            let mut all: Vec<_> = pairs()
                .filter_map(|pair| match is(name, None, &pair) {
                    true => std::mem::take(&mut is_first).then(|| (name.into(), value.into())),
                    false => Some(pair),
                })
                .collect();
            if is_first {
                all.push((name.into(), value.into()));
            }
            serialized(all.into_iter())
        }
        Change::Delete(name, value) => serialized(pairs().filter(|pair| !is(name, value, pair))),
        Change::Sort => {
            let mut all: Vec<_> = pairs().collect();
            all.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            serialized(all.into_iter())
        }
        Change::All => packed(pairs().flat_map(|(name, value)| [name, value])),
        Change::Values(name) => packed(pairs().filter(|pair| is(name, None, pair)).map(|(_, value)| value)),
        Change::Get(name) => {
            let found = pairs().find(|pair| is(name, None, pair));
            return Ok(string(found.map(|(_, value)| value.into_owned())));
        }
        Change::Has(name, value) => return Ok(NativeValue::Bool(pairs().any(|pair| is(name, value, &pair)))),
    }))
}

fn is_pair(pair: &(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>), name: &str, value: Option<&str>) -> bool {
    pair.0 == name && value.is_none_or(|value| pair.1 == value)
}

/// A query as its parameters are serialized.
pub(super) fn normalized(query: &str) -> String {
    serialized(parse(query.as_bytes()))
}

fn serialized<N: AsRef<str>, V: AsRef<str>>(pairs: impl Iterator<Item = (N, V)>) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list with one pair of empty strings is not the empty list.
    #[test]
    fn a_serialized_list_is_the_list() {
        for pairs in [vec![], vec![("", "")], vec![("a", ""), ("", "b"), ("a", "&=+ %é\0")], vec![("", ""), ("", "")]]
        {
            let text = serialized(pairs.iter().copied());
            let back: Vec<_> = parse(text.as_bytes()).into_owned().collect();
            let back: Vec<_> = back.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(back, pairs, "{text}");
        }
    }
}
