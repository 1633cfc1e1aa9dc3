//! The web app from inside the binary: its files as Vite built them, and its start page for every address of its own.
//!
//! Files are compressed when the app is built (`web/compress.mjs`), as no answer should wait for that. A debug build reads them
//! from `web/dist` when they are asked for.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Names of files here have a hash of what is in them.
const HASHED: &str = "assets/";
const START: &str = "index.html";
/// What stands there when Node was not at hand.
const ABSENT: &str = include_str!("absent.html");

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// The answer of the app, if it has one: files by their name, and its start page for people who open any other address.
pub fn app(method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    let name = path.trim_start_matches('/');
    if let Some(file) = Files::get(name) {
        let kept = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
        return Some(told(name, file, kept, headers));
    }
    // Programs that ask for what is not there should hear so.
    let accepts_pages =
        headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
    if !(name.is_empty() || accepts_pages) || name.starts_with(HASHED) {
        return None;
    }
    Some(match Files::get(START) {
        Some(page) => told(START, page, "no-cache", headers),
        None => ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-cache")], ABSENT).into_response(),
    })
}

/// A file, compressed if that is understood, or word that it is still the same.
fn told(name: &str, file: EmbeddedFile, kept: &'static str, headers: &HeaderMap) -> Response {
    let compressed = [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(encoding, end)| {
        let file = lists(headers, ACCEPT_ENCODING, encoding).then(|| Files::get(&format!("{name}.{end}"))).flatten();
        file.map(|file| (encoding, file))
    });
    let media = file.metadata.mimetype().to_owned();
    let media = if media.starts_with("text/") { format!("{media}; charset=utf-8") } else { media };
    let (encoding, file) = compressed.map_or((None, file), |(encoding, file)| (Some(encoding), file));
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
    let common = [(ETAG, tag.clone()), (CACHE_CONTROL, kept.to_owned()), (VARY, "accept-encoding".to_owned())];
    if lists(headers, IF_NONE_MATCH, &tag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let mut response = (common, [(CONTENT_TYPE, media)], Body::from(bytes)).into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(CONTENT_ENCODING, encoding.parse().expect("a name of letters"));
    }
    response
}

/// Whether the header has this in its list, and does not refuse it with a weight of 0. A tag that a proxy made weak is the same.
fn lists(headers: &HeaderMap, header: HeaderName, text: &str) -> bool {
    let lists = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        name.trim().trim_start_matches("W/") == text && weight.is_none_or(|weight| weight > 0.0)
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_list_has_what_it_names_and_does_not_refuse() {
        let check = |header: HeaderName, list: &'static str, text: &str, expected: bool| {
            let headers = HeaderMap::from_iter([(header.clone(), HeaderValue::from_static(list))]);
            assert_eq!(lists(&headers, header, text), expected, "{list}");
        };

        check(ACCEPT_ENCODING, "gzip, deflate, br", "br", true);
        check(ACCEPT_ENCODING, "gzip;q=0.5, br; q=0", "gzip", true);
        check(ACCEPT_ENCODING, "gzip;q=0.5, br; q=0", "br", false);
        check(ACCEPT_ENCODING, "brotli", "br", false);
        check(IF_NONE_MATCH, "\"a\", W/\"b\"", "\"b\"", true);
        check(IF_NONE_MATCH, "\"a\"", "\"b\"", false);
    }

    #[test]
    fn programs_that_ask_for_what_is_not_there_hear_so() {
        let asked = |method: Method, path: &str, accept: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            app(&method, path, &headers).map(|response| response.status())
        };

        assert_eq!(asked(Method::GET, "/traces", "text/html,*/*;q=0.8"), Some(StatusCode::OK));
        assert_eq!(asked(Method::HEAD, "/traces", "text/html"), Some(StatusCode::OK));
        assert_eq!(asked(Method::GET, "/traces", "*/*"), None);
        assert_eq!(asked(Method::POST, "/traces", "text/html"), None);
        assert_eq!(asked(Method::GET, "/assets/nothing.js", "text/html"), None);
        assert_eq!(asked(Method::GET, "/assets/../../../Cargo.toml", "text/html"), None);
    }
}
