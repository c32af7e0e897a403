//! A name for each request, in the log's lines about it and in its answer: what a client reports can be found. It
//! knows requests and answers, and nothing of what they are about.

use std::time::Instant;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

/// The header that carries it, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer name is none.
const MOST_BYTES: usize = 64;

/// Runs the request in a span of its own. The path alone is in it: a query string may hold what is in no log.
pub async fn layer(request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(made);
    let name = id.to_str().unwrap_or_default();
    let span =
        tracing::info_span!("request", id = name, method = %request.method(), path = request.uri().path());
    let answer = async {
        let started = Instant::now();
        let response = next.run(request).await;
        let (status, millis) = (response.status().as_u16(), started.elapsed().as_millis() as u64);
        tracing::debug!(status, millis, "answered");
        response
    };
    let mut response = answer.instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// What the client, or a proxy in front, calls it: in letters that change nothing in a log.
fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let bytes = id.as_bytes();
    ((1..=MOST_BYTES).contains(&bytes.len()) && bytes.iter().all(plain)).then(|| id.clone())
}

fn made() -> HeaderValue {
    HeaderValue::try_from(format!("{:016x}", fastrand::u64(..)))
        .unwrap_or_else(|_| HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_and_short_names_are_taken() {
        let longest = "x".repeat(MOST_BYTES);
        let too_long = "x".repeat(MOST_BYTES + 1);
        for (id, taken) in [
            ("01HZX-7.a_b", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            ("a b", false),
            ("a=b", false),
        ] {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(id).expect("a value"))]);
            assert_eq!(given(&headers).is_some(), taken, "{id:?}");
        }
        assert_ne!(made(), made());
    }
}
