//! The native `url`: parses URLs, and reads and changes their parts.

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};
use url::{Url, quirks};

use super::{check_texts, refused, string};

/// `native.url(part, href, value)`: see [`Part`].
pub(super) const NATIVE: Native = Native { name: "url", arguments: 3, call: url };

/// What is asked of a URL, by its number in url.js: one of its parts, or `SET` more to change it.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// Parses a text, on a base if there is one; `null` if it is no URL.
    Parse,
    Origin,
    Protocol,
    Username,
    Password,
    Host,
    Hostname,
    Port,
    Pathname,
    Search,
    Hash,
    /// The query without its question mark, as parameters are serialized; set, it stays even if it is empty.
    Query,
}

const SET: u8 = 16;

impl Part {
    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Parse,
            1 => Self::Origin,
            2 => Self::Protocol,
            3 => Self::Username,
            4 => Self::Password,
            5 => Self::Host,
            6 => Self::Hostname,
            7 => Self::Port,
            8 => Self::Pathname,
            9 => Self::Search,
            10 => Self::Hash,
            12 => Self::Query,
            _ => return None,
        })
    }
}

fn url(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    check_texts(arguments)?;
    let [NativeValue::Number(number), NativeValue::String(href), value] = arguments else { return Err(refused()) };
    let number = *number as u8;
    let part = Part::from_number(number % SET).ok_or_else(refused)?;
    if let Part::Parse = part {
        return Ok(string(parse(href, value)?.map(String::from)));
    }
    let mut url = Url::parse(href).map_err(|_| refused())?;
    if number < SET {
        return Ok(NativeValue::String(read(&url, part)));
    }
    let NativeValue::String(value) = value else { return Err(refused()) };
    write(&mut url, part, value);
    Ok(NativeValue::String(url.into()))
}

fn parse(text: &str, base: &NativeValue) -> Result<Option<Url>, NativeFailure> {
    let base = match base {
        NativeValue::Undefined => return Ok(Url::parse(text).ok()),
        NativeValue::String(base) => base,
        _ => return Err(refused()),
    };
    Ok(Url::parse(base).ok().and_then(|base| base.join(text).ok()))
}

fn read(url: &Url, part: Part) -> String {
    match part {
        Part::Origin => return quirks::origin(url),
        Part::Query => return super::query::normalized(url.query().unwrap_or_default()),
        Part::Parse => quirks::href(url),
        Part::Protocol => quirks::protocol(url),
        Part::Username => quirks::username(url),
        Part::Password => quirks::password(url),
        Part::Host => quirks::host(url),
        Part::Hostname => quirks::hostname(url),
        Part::Port => quirks::port(url),
        Part::Pathname => quirks::pathname(url),
        Part::Search => quirks::search(url),
        Part::Hash => quirks::hash(url),
    }
    .to_owned()
}

/// What cannot be set stays as it is: the standard has it so.
fn write(url: &mut Url, part: Part, value: &str) {
    let _ = match part {
        Part::Parse | Part::Origin => Ok(()),
        Part::Protocol => quirks::set_protocol(url, value),
        Part::Username => quirks::set_username(url, value),
        Part::Password => quirks::set_password(url, value),
        Part::Host => quirks::set_host(url, value),
        Part::Hostname => quirks::set_hostname(url, value),
        Part::Port => quirks::set_port(url, value),
        Part::Pathname => {
            quirks::set_pathname(url, value);
            Ok(())
        }
        Part::Search => {
            quirks::set_search(url, value);
            Ok(())
        }
        Part::Hash => {
            quirks::set_hash(url, value);
            Ok(())
        }
        Part::Query => {
            url.set_query((!value.is_empty()).then_some(value));
            Ok(())
        }
    };
}
