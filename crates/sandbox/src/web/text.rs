//! Natives of `TextEncoder` and `TextDecoder`.

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding};
use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use super::{refused, string};

pub(super) const NATIVES: [Native; 5] = [
    // `native.encode(text)`: its bytes in UTF-8.
    Native { name: "encode", arguments: 1, call: encode },
    // `native.fits(text, bytes)`: how many of its UTF-16 units fit into so many bytes of UTF-8, whole characters only.
    Native { name: "fits", arguments: 2, call: fits },
    // `native.encoding(label)`: the encoding's name in lower case, or `null`.
    Native { name: "encoding", arguments: 1, call: encoding },
    // `native.decoder(name, keepsMark)`: a decoder for as long as the run lasts, by its number.
    Native { name: "decoder", arguments: 2, call: decoder },
    // `native.decode(decoder, bytes, isFatal, isLast)`: the text, or `null` for what is not valid. The decoder goes with
    // the last bytes, and with those that are not valid.
    Native { name: "decode", arguments: 4, call: decode },
];

fn encode(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(text)] = arguments else { return Err(refused()) };
    Ok(NativeValue::Bytes(text.as_bytes().to_vec()))
}

fn fits(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(text), NativeValue::Number(bytes)] = arguments else { return Err(refused()) };
    let text = &text[..text.floor_char_boundary(*bytes as usize)];
    Ok(NativeValue::Number(text.encode_utf16().count() as f64))
}

fn encoding(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(label)] = arguments else { return Err(refused()) };
    let encoding = Encoding::for_label_no_replacement(label.as_bytes());
    Ok(string(encoding.map(|encoding| encoding.name().to_ascii_lowercase())))
}

fn decoder(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(name), NativeValue::Bool(keeps_mark)] = arguments else { return Err(refused()) };
    let encoding = Encoding::for_label(name.as_bytes()).ok_or_else(refused)?;
    context.keep(match keeps_mark {
        true => encoding.new_decoder_without_bom_handling(),
        false => encoding.new_decoder_with_bom_removal(),
    })
}

fn decode(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [number, bytes, NativeValue::Bool(is_fatal), NativeValue::Bool(is_last)] = arguments else {
        return Err(refused());
    };
    let bytes = match bytes {
        NativeValue::Bytes(bytes) => bytes.as_slice(),
        // No bytes were given, or their buffer is detached.
        NativeValue::Undefined => &[],
        _ => return Err(refused()),
    };
    let decoder = context.resource::<Decoder>(number)?;
    let text = decoded(decoder, bytes, *is_fatal, *is_last);
    if *is_last || text.is_none() {
        context.release::<Decoder>(number)?;
    }
    Ok(string(text))
}

/// `None` if the bytes are not valid, or if their text has no place in memory.
fn decoded(decoder: &mut Decoder, bytes: &[u8], is_fatal: bool, is_last: bool) -> Option<String> {
    let room = match is_fatal {
        true => decoder.max_utf8_buffer_length_without_replacement(bytes.len()),
        false => decoder.max_utf8_buffer_length(bytes.len()),
    };
    let mut text = String::with_capacity(room?);
    let is_done = match is_fatal {
        true => decoder.decode_to_string_without_replacement(bytes, &mut text, is_last).0 == DecoderResult::InputEmpty,
        false => decoder.decode_to_string(bytes, &mut text, is_last).0 == CoderResult::InputEmpty,
    };
    is_done.then_some(text)
}
