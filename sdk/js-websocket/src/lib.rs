//! The JavaScript surface of `ReconnectingWebSocket`, alone in its module: nothing of the client is in it. The npm package's
//! `everwire/websocket` stands on this, and does what the platform's class does by itself: events, handlers, what
//! is thrown.
//!
//! `tell` is called with what happens: `(0)` open, `(1, data)` a message, `(2)` an error, and `(3, code, reason, wasClean,
//! retryIn)` a close, where `retryIn` is in milliseconds, `Infinity` for when the network or the page is back, and `undefined`
//! for never.

use std::time::Duration;

use everwire::dropin::{Message, ReadyState, ReconnectingWebSocket, Retry, SendError, SocketEvent};
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::BinaryType;

/// Two kilobytes of brotli smaller than Rust's own.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A WebSocket that comes back. Closes when it is freed, or collected.
#[wasm_bindgen]
pub struct Socket(ReconnectingWebSocket);

#[wasm_bindgen]
impl Socket {
    /// Starts. `options`: `{binaryType, maxRetries, connectTimeout, backoffMax, heartbeatMessage, heartbeatInterval,
    /// heartbeatTimeout, outboxMessages, outboxBytes, fatal, provider}`; `provider` is called with a function that takes the URL.
    #[wasm_bindgen(constructor)]
    pub fn new(url: &str, protocols: Vec<String>, options: &JsValue, tell: Function) -> Self {
        let mut builder = ReconnectingWebSocket::builder(url);
        for protocol in protocols {
            builder = builder.protocol(&protocol);
        }
        if let Some(binary_type) = BinaryType::from_js_value(&get(options, "binaryType")) {
            builder = builder.binary_type(binary_type);
        }
        if let Some(retries) = number(options, "maxRetries").filter(|retries| retries.is_finite()) {
            builder = builder.max_retries(retries as u32);
        }
        if let Some(interval) = time(options, "heartbeatInterval") {
            let message = get(options, "heartbeatMessage");
            let message = (!message.is_undefined()).then(|| Message::from_js(message));
            builder =
                builder.heartbeat(message, interval, time(options, "heartbeatTimeout").unwrap_or(interval));
        }
        if let (Some(messages), Some(bytes)) =
            (number(options, "outboxMessages"), number(options, "outboxBytes"))
        {
            builder = builder.outbox(messages as usize, bytes as usize);
        }
        if let Some(fatal) = function(options, "fatal") {
            builder = builder.fatal(move |code, reason| {
                let answer = fatal.call2(&JsValue::UNDEFINED, &code.into(), &reason.into());
                answer.is_ok_and(|fatal| fatal.is_truthy())
            });
        }
        if let Some(provider) = function(options, "provider") {
            builder = builder.url_callback(move |answer| {
                let answer = Closure::once_into_js(move |url: JsValue| answer(url.as_string()));
                // What it throws, it would have answered: the attempt's deadline ends it.
                let _ = provider.call1(&JsValue::UNDEFINED, &answer);
            });
        }
        builder = builder.reconnect(|config| {
            if let Some(timeout) = time(options, "connectTimeout") {
                config.connect_timeout = timeout;
            }
            if let Some(most) = time(options, "backoffMax") {
                config.backoff.max = most;
            }
        });
        Self(builder.listen(move |event| call(&tell, &event)))
    }

    /// 0 to 3.
    #[wasm_bindgen(getter, js_name = readyState)]
    pub fn ready_state(&self) -> u8 {
        match self.0.ready_state() {
            ReadyState::Connecting => 0,
            ReadyState::Open => 1,
            ReadyState::Closing => 2,
            ReadyState::Closed => 3,
        }
    }

    /// The URL of the last attempt.
    #[wasm_bindgen(getter)]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// What the server has chosen.
    #[wasm_bindgen(getter)]
    pub fn protocol(&self) -> String {
        self.0.protocol()
    }

    /// What the server has chosen.
    #[wasm_bindgen(getter)]
    pub fn extensions(&self) -> String {
        self.0.extensions()
    }

    /// Bytes that the network has not got.
    #[wasm_bindgen(getter, js_name = bufferedAmount)]
    pub fn buffered_amount(&self) -> f64 {
        self.0.buffered_amount() as f64
    }

    /// `blob` or `arraybuffer`; others are ignored.
    #[wasm_bindgen(js_name = setBinaryType)]
    pub fn set_binary_type(&self, binary_type: &JsValue) {
        if let Some(binary_type) = BinaryType::from_js_value(binary_type) {
            self.0.set_binary_type(binary_type);
        }
    }

    /// Sends it, or keeps it until there is a link. 0 when it is taken, 1 when there is no room, 2 when it is over.
    pub fn send(&self, data: JsValue, bytes: u32) -> u8 {
        match self.0.send_value(data, bytes as usize) {
            Ok(()) => 0,
            Err(SendError::Full) => 1,
            Err(SendError::Closed) => 2,
        }
    }

    /// Closes for good. The code and the reason have been looked at.
    pub fn close(&self, code: Option<u16>, reason: &str) {
        let _ = self.0.close(code, reason);
    }

    /// Gives up the link, or the wait for one, and connects at once.
    pub fn reconnect(&self) {
        self.0.reconnect();
    }
}

fn call(tell: &Function, event: &SocketEvent<JsValue>) {
    let arguments = match event {
        SocketEvent::Open => Array::of1(&0.into()),
        SocketEvent::Message(data) => Array::of2(&1.into(), data),
        SocketEvent::Close(close) => {
            let arguments =
                Array::of4(&3.into(), &close.code.into(), &(&*close.reason).into(), &close.was_clean.into());
            arguments.push(&match close.retry {
                Retry::In(wait) => (wait.as_millis() as f64).into(),
                Retry::WhenBack => f64::INFINITY.into(),
                Retry::Never => JsValue::UNDEFINED,
            });
            arguments
        }
        // Missed are events of a queue, and here is none.
        SocketEvent::Error | SocketEvent::Missed(_) => Array::of1(&2.into()),
    };
    // What an app's listener throws stays in JavaScript.
    let _ = tell.apply(&JsValue::UNDEFINED, &arguments);
}

fn get(options: &JsValue, name: &str) -> JsValue {
    Reflect::get(options, &name.into()).unwrap_or_default()
}

fn number(options: &JsValue, name: &str) -> Option<f64> {
    get(options, name).as_f64()
}

fn time(options: &JsValue, name: &str) -> Option<Duration> {
    number(options, name).map(|milliseconds| Duration::from_millis(milliseconds as u64))
}

fn function(options: &JsValue, name: &str) -> Option<Function> {
    get(options, name).dyn_into().ok()
}
