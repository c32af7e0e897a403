//! The request for a stream, and what it is in the browser's words.

use std::fmt;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{Headers, RequestCache, RequestCredentials, RequestInit};

/// What goes with a request.
pub type Body = JsValue;

/// Whether the request carries cookies, and takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// To the page's own origin.
    #[default]
    SameOrigin,
    /// To any origin: what the platform calls `withCredentials`.
    Include,
    /// To none.
    Omit,
}

/// A request for a stream.
#[derive(Clone)]
pub struct StreamRequest {
    /// Absolute, or relative to the page.
    pub url: String,
    /// `GET`, or what the server wants.
    pub method: String,
    /// Names and values. `Accept` and `Last-Event-ID` are added where they are not given.
    pub headers: Vec<(String, String)>,
    /// What `fetch` takes for a body: a string, a buffer, a `FormData` …
    pub body: Option<Body>,
    /// The id of the last event that had one; empty before that.
    pub last_event_id: String,
}

/// Without what may be a secret: the values of headers, and the body.
impl fmt::Debug for StreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("StreamRequest")
            .field("url", &self.url)
            .field("method", &self.method)
            .field("headers", &names)
            .field("last_event_id", &self.last_event_id)
            .finish_non_exhaustive()
    }
}

impl StreamRequest {
    pub(super) fn init(&self, credentials: Credentials) -> Result<RequestInit, JsValue> {
        let headers = Headers::new()?;
        headers.set("accept", "text/event-stream")?;
        if !self.last_event_id.is_empty() {
            headers.set("last-event-id", &bytes_as_characters(&self.last_event_id))?;
        }
        for (name, value) in &self.headers {
            headers.set(name, value)?;
        }
        let init = RequestInit::new();
        init.set_method(&self.method);
        init.set_headers(&headers);
        init.set_cache(RequestCache::NoStore);
        init.set_credentials(match credentials {
            Credentials::SameOrigin => RequestCredentials::SameOrigin,
            Credentials::Include => RequestCredentials::Include,
            Credentials::Omit => RequestCredentials::Omit,
        });
        if let Some(body) = &self.body {
            init.set_body(body);
        }
        Ok(init)
    }
}

/// Bytes for a body.
pub(super) fn body_of_bytes(bytes: &[u8]) -> Body {
    Uint8Array::from(bytes).into()
}

/// A header's value is a string of bytes, each of them one character of the string that `fetch` takes: so goes an id in UTF-8, as
/// the standard wants it.
fn bytes_as_characters(text: &str) -> String {
    text.bytes().map(char::from).collect()
}
