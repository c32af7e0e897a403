//! Refusals over HTTP: `application/problem+json` for people, an `error` frame for clients that asked for
//! the binary codec. Same code, same status.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use everwire_protocol::{About, Code, RetryWindow, ServerFrame, binary, http::MEDIA_BINARY, json};

use crate::{counters::Counters, hub::Refusal};

/// A refusal, on its way to an answer. [`layer`] gives it its form.
#[derive(Clone, Debug)]
pub struct Problem {
    about: About,
    refusal: Refusal,
}

impl Problem {
    /// A refusal of the request as a whole.
    #[must_use]
    pub fn new(code: Code, message: impl Into<Arc<str>>) -> Self {
        Self::about(About::Connection, Refusal::new(code, message))
    }

    /// A refusal of something in the request.
    #[must_use]
    pub fn about(about: About, refusal: Refusal) -> Self {
        Self { about, refusal }
    }

    /// Why.
    #[must_use]
    pub fn code(&self) -> Code {
        self.refusal.code
    }

    fn into_frame(self) -> ServerFrame {
        let Refusal { code, message, retry_after } = self.refusal;
        ServerFrame::Error { about: self.about, code, message, retry_after }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::about(About::Connection, refusal)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.refusal.code.status());
        let mut response = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Whether the client wants frames in the binary codec for an answer.
#[must_use]
pub fn wants_binary(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.flat_map(|value| value.split(',')).any(|media| media_is(media, MEDIA_BINARY))
}

/// Whether a media type, parameters aside, is this one.
#[must_use]
pub fn media_is(value: &str, media: &str) -> bool {
    value.split(';').next().is_some_and(|value| value.trim().eq_ignore_ascii_case(media))
}

/// Turns refusals into documents or frames, and so what the router itself refused; and counts them.
pub async fn layer(State(counters): State<Arc<Counters>>, request: Request, next: Next) -> Response {
    let binary = wants_binary(request.headers());
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None => match by_status(response.status(), &path) {
            Some(problem) => problem,
            None => return response,
        },
    };
    counters.refusals.count(problem.code());
    give_form(problem, binary, response)
}

fn by_status(status: StatusCode, path: &str) -> Option<Problem> {
    match status {
        StatusCode::NOT_FOUND => Some(Problem::new(Code::NOT_FOUND, format!("there is nothing at {path}"))),
        StatusCode::METHOD_NOT_ALLOWED => {
            Some(Problem::new(Code::METHOD_NOT_ALLOWED, format!("{path} does not take this method")))
        }
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::new(Code::TOO_LARGE, "the body is too large")),
        _ => None,
    }
}

/// Keeps the headers that other layers have set, such as `allow` and those of CORS.
fn give_form(problem: Problem, binary: bool, old: Response) -> Response {
    let (code, retry_after) = (problem.refusal.code, problem.refusal.retry_after);
    let (mut parts, _) = old.into_parts();
    let (media, body) = if binary {
        let mut out = Vec::new();
        binary::encode_server(&problem.into_frame(), &mut out);
        (MEDIA_BINARY, out)
    } else {
        let Refusal { code, message, .. } = &problem.refusal;
        ("application/problem+json", json::body::problem(*code, message, retry_after).into_bytes())
    };
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if parts.status == StatusCode::UNAUTHORIZED {
        // RFC 6750 section 3.1: why is told to who has sent something.
        let challenge =
            if code == Code::TOKEN_REQUIRED { "Bearer" } else { "Bearer error=\"invalid_token\"" };
        parts.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(seconds) = retry_after.map(retry_seconds) {
        parts.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Response::from_parts(parts, body.into())
}

/// `Retry-After` counts whole seconds: the first that lies in the window, or after its beginning.
pub(super) fn retry_seconds(window: RetryWindow) -> u32 {
    window.min.div_ceil(1000).max(1)
}
