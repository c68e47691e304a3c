//! A response's body, as far as it may go.

use isolet_core_traits::HostFailure;
use reqwest::Response;

use super::failure::{self, Code};

/// Reads a body, which is decompressed as it comes: never more than `bytes_max` of it lies in memory, but for one piece.
pub(super) async fn read(
    mut response: Response,
    bytes_max: usize,
    failed: impl Fn(&reqwest::Error) -> HostFailure,
) -> Result<Vec<u8>, HostFailure> {
    let too_large = || failure::failed(Code::TooLarge, format!("the response has more than {bytes_max} bytes"));
    if response.content_length().is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + piece.len() > bytes_max {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What `http` makes of a body, by its type.
pub(super) fn kind(content_type: &str) -> &'static str {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" | "text/json" => "json",
        essence if essence.ends_with("+json") => "json",
        "application/xml" | "application/javascript" | "application/x-www-form-urlencoded" => "text",
        essence if essence.starts_with("text/") || essence.ends_with("+xml") => "text",
        _ => "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_bodies() {
        for (content_type, expected) in [
            ("application/json", "json"),
            ("Application/Problem+JSON; charset=utf-8", "json"),
            ("text/html; charset=utf-8", "text"),
            ("image/svg+xml", "text"),
            ("application/x-ndjson", "bytes"),
            ("image/png", "bytes"),
            ("", "bytes"),
        ] {
            assert_eq!(kind(content_type), expected, "{content_type}");
        }
    }
}
