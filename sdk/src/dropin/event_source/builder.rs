//! What may be chosen before a `ResumableEventSource` starts.

use std::{
    cell::OnceCell,
    rc::{Rc, Weak},
    time::Duration,
};

use everwire_core::dropin::{EventSource, EventSourceConfig, ReconnectConfig, Refusal};
use wasm_bindgen_futures::spawn_local;

use super::{
    Body, Credentials, Events, ResumableEventSource, StreamEvent, StreamRequest,
    part::{IsRetriable, Part, Prepare},
    request::body_of_bytes,
};
use crate::{
    dropin::{host::Host, queue::queue},
    platform,
};

/// A [`ResumableEventSource`] about to start.
#[must_use = "nothing starts before `open` or `listen`"]
pub struct EventSourceBuilder {
    request: StreamRequest,
    credentials: Credentials,
    prepare: Option<Prepare>,
    is_retriable: Option<IsRetriable>,
    config: EventSourceConfig,
}

impl EventSourceBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            request: StreamRequest {
                url: url.to_owned(),
                method: "GET".to_owned(),
                headers: Vec::new(),
                body: None,
                last_event_id: String::new(),
            },
            credentials: Credentials::default(),
            prepare: None,
            is_retriable: None,
            config: EventSourceConfig::default(),
        }
    }

    /// The method. Default: `GET`.
    pub fn method(mut self, method: &str) -> Self {
        self.request.method = method.to_owned();
        self
    }

    /// A header for every attempt.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body for every attempt, as `fetch` takes it. It has to be one that can be sent again: no stream.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.request.body = Some(body.into());
        self
    }

    /// Bytes for a body.
    pub fn body_bytes(self, bytes: &[u8]) -> Self {
        self.body(body_of_bytes(bytes))
    }

    /// Whether requests carry cookies. Default: to the page's own origin.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Changes the request before each attempt: for a token that is fresh, or an id that goes into the URL or the body. An
    /// error is a failed attempt, and so is no answer in the time that an attempt has.
    pub fn prepare<F, R, E>(self, prepare: F) -> Self
    where
        F: Fn(StreamRequest) -> R + 'static,
        R: Future<Output = Result<StreamRequest, E>> + 'static,
    {
        self.prepare_callback(move |request, answer| {
            let request = prepare(request);
            spawn_local(async move { answer(request.await.ok()) });
        })
    }

    /// The same with a callback in place of a future: it calls what it is given, at once or later, with the request or `None`.
    pub fn prepare_callback(
        mut self,
        prepare: impl Fn(StreamRequest, Box<dyn FnOnce(Option<StreamRequest>)>) + 'static,
    ) -> Self {
        self.prepare = Some(Rc::new(prepare));
        self
    }

    /// Where to start: what [`ResumableEventSource::last_event_id`] said on an earlier page. One that holds what no id can hold
    /// (NULL, CR, LF) is ignored.
    pub fn last_event_id(mut self, id: &str) -> Self {
        self.request.last_event_id = id.to_owned();
        self
    }

    /// A stream that brings nothing, not even a comment, for this long is dead, and asked for again. Default: none. Servers
    /// differ in how often they send when there is nothing to tell; twice that is a good choice.
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.config.heartbeat_timeout = Some(timeout);
        self
    }

    /// Tries again after refusals that say of themselves that they pass: 408, 425, 429 and 5xx.
    pub fn retry_transient(self) -> Self {
        self.retry_if(Refusal::is_transient)
    }

    /// Tries again after the refusals for which this says so. Default: none of them, as in the standard.
    pub fn retry_if(mut self, is_retriable: impl Fn(&Refusal) -> bool + 'static) -> Self {
        self.is_retriable = Some(Rc::new(is_retriable));
        self
    }

    /// So many failures in a row are borne. Default: any number.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.config.reconnect.max_retries = Some(retries);
        self
    }

    /// When to connect again: backoff and deadlines.
    pub fn reconnect(mut self, change: impl FnOnce(&mut ReconnectConfig)) -> Self {
        change(&mut self.config.reconnect);
        self
    }

    /// Every other choice.
    pub fn config(mut self, change: impl FnOnce(&mut EventSourceConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Starts, and gives what happens as a stream.
    pub fn open(self) -> (ResumableEventSource, Events) {
        let (feed, queue) = queue();
        // A full queue is told to the one that fills it, which is not there before it starts.
        let me = Rc::new(OnceCell::<Weak<Host<Part>>>::new());
        let starting = me.clone();
        let source = self.listen(move |event: StreamEvent| {
            let is_final = matches!(&event, StreamEvent::Error(failure) if failure.is_fatal());
            let bytes = event.bytes();
            feed.push(event, bytes);
            if is_final {
                feed.end();
            } else if feed.is_full()
                && let Some(host) = starting.get().and_then(Weak::upgrade)
            {
                host.input(|part, _| part.filled());
            }
        });
        let _ = me.set(Rc::downgrade(&source.0));
        (source.clone(), Events { queue, source })
    }

    /// Starts, and calls `tell` with what happens. It is never called from within this, and it may call anything.
    #[must_use = "the event source closes when the last handle to it is dropped"]
    pub fn listen(self, tell: impl Fn(StreamEvent) + 'static) -> ResumableEventSource {
        let Self { request, credentials, prepare, is_retriable, config } = self;
        let seed = u64::from_le_bytes(platform::random());
        let part = Part {
            machine: EventSource::new(config, request.last_event_id.as_bytes(), seed),
            request,
            credentials,
            prepare,
            is_retriable,
            url: String::new(),
            origin: String::new(),
            last_event_id: Rc::default(),
            open: Vec::new(),
            paused: false,
            full: false,
        };
        let host = Host::new(part, Box::new(tell));
        host.input(|part, now| part.machine.connect(now));
        ResumableEventSource(host)
    }
}
