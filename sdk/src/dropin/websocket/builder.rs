//! What may be chosen before a `ReconnectingWebSocket` starts.

use std::{rc::Rc, time::Duration};

use everwire_core::dropin::{Heartbeat, ReconnectConfig, WebSocket, WebSocketConfig};
use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::BinaryType;

use super::{
    Message, ReconnectingWebSocket, SocketEvent, SocketEvents,
    events::feed,
    part::{Answer, IsFatal, Part, Provider},
};
use crate::{
    dropin::{host::Host, queue::queue},
    platform,
};

/// A [`ReconnectingWebSocket`] about to start.
#[must_use = "nothing starts before `open` or `listen`"]
pub struct WebSocketBuilder {
    url: String,
    provider: Option<Provider>,
    protocols: Array,
    binary_type: BinaryType,
    is_fatal: Option<IsFatal>,
    config: WebSocketConfig<JsValue>,
}

impl WebSocketBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            provider: None,
            protocols: Array::new(),
            binary_type: BinaryType::Arraybuffer,
            is_fatal: None,
            config: WebSocketConfig::default(),
        }
    }

    /// Who knows the URL, in place of the one that was given: asked before each attempt, such as for a ticket that is good
    /// for one of them. An error is a failed attempt, and so is no answer in the time that an attempt has.
    pub fn url_provider<F, R, E>(self, provider: F) -> Self
    where
        F: Fn() -> R + 'static,
        R: Future<Output = Result<String, E>> + 'static,
    {
        self.url_callback(move |answer| {
            let url = provider();
            spawn_local(async move { answer(url.await.ok()) });
        })
    }

    /// The same with a callback in place of a future: it calls what it is given, at once or later, with the URL or `None`.
    pub fn url_callback(mut self, provider: impl Fn(Box<dyn FnOnce(Option<String>)>) + 'static) -> Self {
        self.provider = Some(Rc::new(move |answer: Answer| provider(answer)));
        self
    }

    /// A subprotocol to offer, after those that were given before.
    pub fn protocol(self, protocol: &str) -> Self {
        self.protocols.push(&protocol.into());
        self
    }

    /// What binary messages come as. Default: `ArrayBuffer`s.
    pub fn binary_type(mut self, binary_type: BinaryType) -> Self {
        self.binary_type = binary_type;
        self
    }

    /// How a dead link is found: after `interval` of silence the message is sent, and when there is still nothing after
    /// `timeout`, the link is dead. Any message from the server breaks the silence. Without a message to send, the server has to
    /// be one that is never silent for longer than the interval by itself.
    ///
    /// Default: none. A browser lets no page send a WebSocket's own pings, so what a server answers depends on the server.
    pub fn heartbeat(mut self, message: Option<Message>, interval: Duration, timeout: Duration) -> Self {
        let message = message.map(Message::into_js);
        self.config.heartbeat = Some(Heartbeat { message, interval, timeout });
        self
    }

    /// How much waits for a link. Default: 1,000 messages of 1 MiB together; with 0 messages, what can't be sent at once is refused.
    pub fn outbox(mut self, messages: usize, bytes: usize) -> Self {
        self.config.outbox_messages = messages;
        self.config.outbox_bytes = bytes;
        self
    }

    /// After which closes nothing is tried again, by code and reason. Default: none. The standard has no codes that say
    /// so, and what 1008 or 4001 mean is known to the server.
    pub fn fatal(mut self, is_fatal: impl Fn(u16, &str) -> bool + 'static) -> Self {
        self.is_fatal = Some(Rc::new(is_fatal));
        self
    }

    /// So many failures in a row are borne. Default: any number.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.config.reconnect.max_retries = Some(retries);
        self
    }

    /// Every other choice: backoff and deadlines.
    pub fn reconnect(mut self, change: impl FnOnce(&mut ReconnectConfig)) -> Self {
        change(&mut self.config.reconnect);
        self
    }

    /// Starts, and gives what happens as a stream.
    pub fn open(self) -> (ReconnectingWebSocket, SocketEvents) {
        let (to, queue) = queue();
        let socket = self.listen(move |event| feed(&to, event));
        (socket.clone(), SocketEvents { queue, _socket: socket })
    }

    /// Starts, and calls `tell` with what happens, messages as the platform hands them over. It is never called from within
    /// this, and it may call anything.
    #[must_use = "the WebSocket closes when the last handle to it is dropped"]
    pub fn listen(self, tell: impl Fn(SocketEvent<JsValue>) + 'static) -> ReconnectingWebSocket {
        let Self { url, provider, protocols, binary_type, is_fatal, config } = self;
        let part = Part {
            machine: WebSocket::new(config, u64::from_le_bytes(platform::random())),
            url: String::new(),
            given_url: url,
            provider,
            protocols,
            binary_type,
            is_fatal,
            open: None,
        };
        let host = Host::new(part, Box::new(tell));
        host.input(|part, now| part.machine.connect(now));
        ReconnectingWebSocket(host)
    }
}
