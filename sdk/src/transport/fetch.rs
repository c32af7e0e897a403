//! HTTP by `fetch`: an SSE stream, an exchange of a poll, a request beside the transport. They differ only in
//! what is done with the answer's body. Knows nothing of what is in it.

use std::{
    cell::{Cell, RefCell},
    rc::Weak,
    time::Duration,
};

use bytes::Bytes;
use everwire_core::{AttemptId, Closed, HttpResponse, Request, RequestId};
use everwire_protocol::limits;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{Headers, RequestCache, RequestInit, Response};

use super::body::{Fetch, Got};
use crate::{driver::Driver, log::note};

/// Whom the answer is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// An SSE stream, handed in chunk by chunk.
    Stream(AttemptId),
    /// An exchange of a poll, handed in whole.
    Poll(AttemptId),
    /// A request beside the transport, handed in whole.
    Reply(RequestId),
    /// A ticket for an event source, handed in whole.
    Ticket(AttemptId),
}

/// A request under way. Dropped, it is aborted, and nothing of it is heard any more.
pub(super) struct Exchange {
    _aborts: Fetch,
}

impl Exchange {
    /// Sends the request. What comes of it is reported to the driver, always later.
    pub(super) fn start(url: &str, request: &Request, purpose: Purpose, driver: &Weak<Driver>) -> Self {
        let answer = Answer {
            driver: driver.clone(),
            purpose,
            streams: Cell::new(false),
            whole: RefCell::new(HttpResponse { status: 0, retry_after: None, body: Bytes::new() }),
            data: RefCell::default(),
        };
        Self { _aborts: Fetch::start(url, init(request), move |got| answer.take(got)) }
    }
}

fn init(request: &Request) -> Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    if let Some(accept) = request.accept {
        headers.set("accept", accept)?;
    }
    if let Some(content_type) = request.content_type {
        headers.set("content-type", content_type)?;
    }
    if let Some(token) = &request.token {
        headers.set("authorization", &["Bearer ", token.as_str()].concat())?;
    }
    let init = RequestInit::new();
    init.set_method(request.method.as_str());
    init.set_headers(&headers);
    init.set_cache(RequestCache::NoStore);
    if let Some(body) = &request.body {
        init.set_body(&Uint8Array::from(&body[..]));
    }
    Ok(init)
}

/// Takes an answer in and reports it.
struct Answer {
    driver: Weak<Driver>,
    purpose: Purpose,
    /// The body is handed in chunk by chunk.
    streams: Cell<bool>,
    /// Or whole, at its end: its head, and what has come of its body.
    whole: RefCell<HttpResponse>,
    data: RefCell<Vec<u8>>,
}

impl Answer {
    /// Returns whether to read on.
    fn take(&self, got: Got<'_>) -> bool {
        let Some(driver) = self.driver.upgrade() else { return false };
        match got {
            Got::Head(response) => return self.take_head(&driver, response),
            Got::Chunk(chunk) => return self.take_chunk(&driver, chunk),
            Got::End if !self.streams.get() => self.answered(&driver),
            // A body that broke off is no answer: the frames in it could not tell.
            Got::End | Got::Failed => self.fail(&driver),
        }
        false
    }

    fn take_head(&self, driver: &Driver, response: &Response) -> bool {
        let status = response.status();
        let header = |name| response.headers().get(name).ok().flatten();
        let retry_after = header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        if let (Purpose::Stream(attempt), 200) = (self.purpose, status) {
            let is_stream = header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
            self.streams.set(is_stream);
            if is_stream {
                driver.opened(attempt);
            } else {
                driver.ended(attempt, Closed::Status { status, retry_after });
            }
            return is_stream;
        }
        *self.whole.borrow_mut() = HttpResponse { status, retry_after, body: Bytes::new() };
        true
    }

    fn take_chunk(&self, driver: &Driver, chunk: Vec<u8>) -> bool {
        if let (Purpose::Stream(attempt), true) = (self.purpose, self.streams.get()) {
            driver.input(|inner, now| {
                note!(now, "chunk", attempt = attempt.as_u32(), bytes = chunk.len());
                inner.session.handle_chunk(now, attempt, chunk.into());
            });
            return true;
        }
        let fits = self.data.borrow().len() + chunk.len() <= limits::FRAME_BYTES;
        if fits {
            self.data.borrow_mut().extend_from_slice(&chunk);
        } else {
            self.fail(driver);
        }
        fits
    }

    fn answered(&self, driver: &Driver) {
        let response = HttpResponse { body: self.data.take().into(), ..self.whole.borrow().clone() };
        match self.purpose {
            // Of a stream it is the refusal, and its body says of what.
            Purpose::Stream(attempt) | Purpose::Poll(attempt) => driver.answered(attempt, response),
            Purpose::Reply(id) => driver.replied(id, Some(response)),
            Purpose::Ticket(attempt) => driver.ticketed(attempt, response, &self.driver),
        }
    }

    fn fail(&self, driver: &Driver) {
        match self.purpose {
            Purpose::Stream(attempt) | Purpose::Poll(attempt) | Purpose::Ticket(attempt) => {
                driver.ended(attempt, Closed::Network)
            }
            Purpose::Reply(id) => driver.replied(id, None),
        }
    }
}
