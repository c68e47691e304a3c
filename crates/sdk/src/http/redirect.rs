//! What a redirect makes of a request: https://fetch.spec.whatwg.org/#http-redirect-fetch

use isolet_core_traits::HostFailure;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};

use super::failure::{Code, failed};
use super::headers;
use super::request::Request;
use super::target::cleaned;

/// Where a response sends, as its header says.
pub(super) fn location(status: StatusCode, headers: &HeaderMap) -> Option<&[u8]> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    headers.get(LOCATION).filter(|_| is_redirect).map(|location| location.as_bytes())
}

/// Makes the request that follows. To another origin go no credentials: no secrets, and of the headers only what holds
/// none.
pub(super) fn follow(request: &mut Request, status: StatusCode, location: &[u8]) -> Result<(), HostFailure> {
    let refused = |what: &str| failed(Code::Redirect, format!("a redirect was not followed: {what}"));
    let location = str::from_utf8(location).map_err(|_| refused("its location is no text"))?;
    let url = request.url.join(location).map_err(|_| refused("its location is no URL"))?;
    let url = cleaned(url).map_err(refused)?;
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return Err(refused("it leads from https to http"));
    }
    let becomes_get = match status.as_u16() {
        301 | 302 => request.method == Method::POST,
        303 => !matches!(request.method, Method::GET | Method::HEAD),
        _ => false,
    };
    if becomes_get {
        request.method = Method::GET;
        request.body = None;
        for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE] {
            request.headers.remove(name);
        }
    }
    if request.url.origin() != url.origin() {
        headers::keep_across_origins(&mut request.headers);
        request.secrets.clear();
    }
    request.url = url;
    Ok(())
}

#[cfg(test)]
mod tests {
    use isolet_core_traits::Payload;

    use super::*;
    use crate::http::service::HttpLimits;

    /// What follows a redirect of a request with a body, credentials and a secret.
    fn check(method: &str, from: &str, rows: &[(u16, &str, &str)]) {
        for &(status, location, expected) in rows {
            let body = if method == "GET" { "null" } else { "\"x\"" };
            let headers = r"accept:a\nauthorization:b\nx-api-key:c\ncookie:d\ncontent-type:e\n";
            let json = format!(r#"["{method}","{from}","{headers}",{body},"follow",null,"stripe"]"#);
            let arguments = Payload { json, buffers: Vec::new() };
            let mut request = Request::read(arguments, &HttpLimits::default()).expect("a request");
            let status = StatusCode::from_u16(status).expect("a status");
            let told = match follow(&mut request, status, location.as_bytes()) {
                Err(failure) => failure.message.rsplit_once(": ").map_or(String::new(), |(_, why)| why.to_owned()),
                Ok(()) => {
                    let names: Vec<_> = request.headers.keys().map(|name| name.as_str()).collect();
                    let (body, secrets) = (request.body.map_or(0, |body| body.len()), request.secrets.len());
                    format!("{} {} {} {body} {secrets}", request.method, request.url, names.join(","))
                }
            };
            assert_eq!(told, expected, "{status} {location}");
        }
    }

    #[test]
    fn requests_change_as_redirects_say() {
        let all = "accept,authorization,x-api-key,cookie,content-type";
        check(
            "POST",
            "https://a.test/b/c",
            &[
                (301, "d", "GET https://a.test/b/d accept,authorization,x-api-key,cookie 0 1"),
                (302, "/d#e", "GET https://a.test/d accept,authorization,x-api-key,cookie 0 1"),
                (303, "?d", "GET https://a.test/b/c?d accept,authorization,x-api-key,cookie 0 1"),
                (307, "/d", &format!("POST https://a.test/d {all} 1 1")),
                (308, "https://a.test:443/", &format!("POST https://a.test/ {all} 1 1")),
                (307, "//b.test/", "POST https://b.test/ accept,content-type 1 0"),
                (303, "https://b.test/", "GET https://b.test/ accept 0 0"),
                (308, "https://a.test:8443/", "POST https://a.test:8443/ accept,content-type 1 0"),
                (308, "https://www.a.test/", "POST https://www.a.test/ accept,content-type 1 0"),
            ],
        );
        check(
            "PUT",
            "http://a.test/",
            &[
                (302, "/d", &format!("PUT http://a.test/d {all} 1 1")),
                (303, "/d", "GET http://a.test/d accept,authorization,x-api-key,cookie 0 1"),
                (307, "https://a.test/", "PUT https://a.test/ accept,content-type 1 0"),
            ],
        );
        check("GET", "http://a.test/", &[(301, "/d", &format!("GET http://a.test/d {all} 0 1"))]);
    }

    #[test]
    fn what_is_not_followed() {
        check(
            "GET",
            "https://a.test/",
            &[
                (302, "http://a.test/", "it leads from https to http"),
                (302, "ftp://a.test/", "the URL's scheme is neither http nor https"),
                (302, "file:///etc/passwd", "the URL's scheme is neither http nor https"),
                (302, "data:text/plain,x", "the URL's scheme is neither http nor https"),
                (302, "https://user:password@a.test/", "send them as a header"),
                (302, "https://[", "its location is no URL"),
            ],
        );
    }
}
