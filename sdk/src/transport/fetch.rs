//! HTTP by `fetch`: an SSE stream, an exchange of a poll, a request beside the transport. They differ only in
//! what is done with the answer's body. Knows nothing of what is in it.

use std::{rc::Weak, time::Duration};

use bytes::Bytes;
use everwire_core::{AttemptId, Closed, HttpResponse, Request, RequestId};
use everwire_protocol::limits;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, ReadableStreamReadResult, RequestCache,
    RequestInit, Response,
};

use crate::{driver::Driver, platform};

/// Whom the answer is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// An SSE stream, handed in chunk by chunk.
    Stream(AttemptId),
    /// An exchange of a poll, handed in whole.
    Poll(AttemptId),
    /// A request beside the transport, handed in whole.
    Reply(RequestId),
}

/// A request under way. Dropped, it is aborted, and nothing of it is heard any more.
pub(super) struct Exchange(Option<AbortController>);

impl Exchange {
    /// Sends the request. What comes of it is reported to the driver, always later.
    pub(super) fn start(url: &str, request: &Request, purpose: Purpose, driver: &Weak<Driver>) -> Self {
        let controller = AbortController::new().ok();
        let sent = send(url, request, controller.as_ref());
        let (driver, aborts) = (driver.clone(), controller.clone());
        spawn_local(async move {
            let answer = Answer { driver, aborts, purpose };
            match sent {
                Ok(promise) => answer.read(promise).await,
                Err(_) => answer.fail(),
            }
        });
        Self(controller)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

fn send(url: &str, request: &Request, aborts: Option<&AbortController>) -> Result<Promise, JsValue> {
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
    init.set_signal(aborts.map(AbortController::signal).as_ref());
    if let Some(body) = &request.body {
        init.set_body(&Uint8Array::from(&body[..]));
    }
    platform::fetch(url, &init)
}

/// Reads an answer and reports it.
struct Answer {
    driver: Weak<Driver>,
    aborts: Option<AbortController>,
    purpose: Purpose,
}

impl Answer {
    async fn read(&self, sent: Promise) {
        let Ok(response) = JsFuture::from(sent).await else { return self.fail() };
        let response: Response = response.unchecked_into();
        let status = response.status();
        let header = |name| response.headers().get(name).ok().flatten();
        let retry_after = header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let mut body =
            response.body().map(|body| body.get_reader().unchecked_into::<ReadableStreamDefaultReader>());

        if let (Purpose::Stream(attempt), 200) = (self.purpose, status) {
            let is_stream = header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
            if !is_stream {
                return self.ended(attempt, Closed::Status { status, retry_after });
            }
            self.report(|driver| driver.input(|inner, now| inner.session.handle_opened(now, attempt)));
            while let Some(chunk) = next_chunk(&mut body).await {
                self.report(|driver| {
                    driver.input(|inner, now| inner.session.handle_chunk(now, attempt, &chunk));
                });
            }
            return self.fail();
        }

        let mut data = Vec::new();
        while let Some(chunk) = next_chunk(&mut body).await {
            if data.len() + chunk.len() > limits::FRAME_BYTES {
                return self.fail();
            }
            data.extend_from_slice(&chunk);
        }
        // A body that broke off is no answer. The frames in it could not tell.
        match body {
            Some(_) => self.fail(),
            None => self.answered(HttpResponse { status, retry_after, body: Bytes::from(data) }),
        }
    }

    fn answered(&self, response: HttpResponse) {
        match self.purpose {
            // Of a stream it is the refusal, and its body says of what.
            Purpose::Stream(attempt) | Purpose::Poll(attempt) => {
                self.report(|driver| driver.answered(attempt, response));
            }
            Purpose::Reply(id) => self.report(|driver| driver.replied(id, Some(response))),
        }
    }

    fn fail(&self) {
        match self.purpose {
            Purpose::Stream(attempt) | Purpose::Poll(attempt) => self.ended(attempt, Closed::Network),
            Purpose::Reply(id) => self.report(|driver| driver.replied(id, None)),
        }
    }

    fn ended(&self, attempt: AttemptId, closed: Closed) {
        self.report(|driver| driver.ended(attempt, closed));
    }

    /// Tells the driver, unless there is none any more, or it has aborted this.
    fn report(&self, tell: impl FnOnce(&Driver)) {
        if self.aborts.as_ref().is_some_and(|aborts| aborts.signal().aborted()) {
            return;
        }
        if let Some(driver) = self.driver.upgrade() {
            tell(&driver);
        }
    }
}

/// The next piece of a body. `None` at its end, and then the body is taken away, so that an end can be
/// told from a failure.
async fn next_chunk(body: &mut Option<ReadableStreamDefaultReader>) -> Option<Vec<u8>> {
    let result = JsFuture::from(body.as_ref()?.read()).await.ok()?;
    let result: ReadableStreamReadResult = result.unchecked_into();
    if result.get_done().unwrap_or(false) {
        *body = None;
        return None;
    }
    Some(result.get_value().unchecked_into::<Uint8Array>().to_vec())
}
