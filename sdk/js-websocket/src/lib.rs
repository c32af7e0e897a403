//! The `ReconnectingWebSocket` alone, as small as can be: what `everwire/websocket` of the npm package loads.
//!
//! Here is all that decides: attempts, backoff, heartbeat, the outbox, the page's life. The TypeScript face is an
//! `EventTarget` with the standard's members and constants; it reads options into the constructor's arguments, turns
//! what it is told into events, keeps the app's functions, and measures what is sent (a string's bytes in UTF-8, a
//! buffer's, a blob's). Times are milliseconds. A number that is `undefined` in JavaScript is `NaN` by the time it is
//! here, and means the default: so an option costs no name in this module.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use everwire::dropin::{Message, ReadyState, ReconnectingWebSocket, Retry, SendError, SocketEvent};
use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::BinaryType;

/// Two kilobytes of brotli smaller than Rust's own.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// What the builder's `outbox` has by default.
const OUTBOX_MESSAGES: usize = 1_000;
const OUTBOX_BYTES: usize = 1024 * 1024;

#[wasm_bindgen]
extern "C" {
    /// The face, which must not throw. It is held until the last event has been told.
    #[derive(Clone)]
    pub type Face;

    /// What happened: 0 an open; 1 a message, its data in `data`; 2 an error; 3 a close, with its reason in `data`, its
    /// `code`, whether it was `clean`, and when the next attempt is: in so many milliseconds, or -1 when the network or
    /// the page is back, or -2 never.
    #[wasm_bindgen(method)]
    fn tell(this: &Face, kind: u8, data: &JsValue, code: u16, clean: bool, retry: f64);

    /// Wants the URL of an attempt, where the constructor got none: the face answers by `provide` with the same number.
    #[wasm_bindgen(method)]
    fn ask(this: &Face, number: u32);

    /// Whether the app wants no more attempts after such a close.
    #[wasm_bindgen(method)]
    fn fatal(this: &Face, code: u16, reason: &str) -> bool;
}

/// The face until the end: after that nothing of JavaScript's is held, and its collector can do its work.
type Held = Rc<RefCell<Option<Face>>>;

/// The newest question for a URL: its number, and what takes the answer.
type Asked = Rc<Cell<(u32, Option<Answer>)>>;

type Answer = Box<dyn FnOnce(Option<String>)>;

/// The WebSocket. Freed, it closes.
#[wasm_bindgen]
pub struct Socket {
    socket: ReconnectingWebSocket,
    asked: Asked,
}

#[wasm_bindgen]
impl Socket {
    /// Starts connecting; nothing is told before this has returned. Without a `url`, the face is asked for one before each
    /// attempt. After `silence` the message `ping` is sent (without one, the server is trusted to break the silence), and
    /// after `patience` more a link that stays silent is dead; both or neither.
    #[wasm_bindgen(constructor)]
    #[expect(
        clippy::too_many_arguments,
        reason = "a number costs nothing to pass, the name of an option does"
    )]
    pub fn new(
        face: Face,
        url: Option<String>,
        protocols: &Array,
        backoff_base: f64,
        backoff_max: f64,
        max_retries: f64,
        connect_timeout: f64,
        ping: Option<String>,
        silence: f64,
        patience: f64,
        outbox_messages: f64,
        outbox_bytes: f64,
    ) -> Self {
        let held: Held = Rc::new(RefCell::new(Some(face)));
        let asked = Asked::default();
        let mut builder = ReconnectingWebSocket::builder(url.as_deref().unwrap_or_default());
        if url.is_none() {
            let (face, asked) = (held.clone(), asked.clone());
            builder = builder.url_callback(move |answer| {
                let number = asked.take().0.wrapping_add(1);
                asked.set((number, Some(answer)));
                if let Some(face) = look(&face) {
                    face.ask(number);
                }
            });
        }
        for protocol in protocols.iter().filter_map(|protocol| protocol.as_string()) {
            builder = builder.protocol(&protocol);
        }
        if let (Some(silence), Some(patience)) = (time(silence), time(patience)) {
            builder = builder.heartbeat(ping.map(Message::Text), silence, patience);
        }
        let judge = held.clone();
        let socket = builder
            .fatal(move |code, reason| look(&judge).is_some_and(|face| face.fatal(code, reason)))
            .outbox(
                count(outbox_messages).unwrap_or(OUTBOX_MESSAGES),
                count(outbox_bytes).unwrap_or(OUTBOX_BYTES),
            )
            .reconnect(|config| {
                config.max_retries = count(max_retries).map(|retries| retries as u32);
                set(&mut config.backoff.first, backoff_base);
                set(&mut config.backoff.base, backoff_base);
                set(&mut config.backoff.max, backoff_max);
                set(&mut config.connect_timeout, connect_timeout);
            })
            .listen(move |event| tell(&held, event));
        Self { socket, asked }
    }

    /// Answers the question for a URL that had this number, with nothing where the app has none. An older one's is dropped.
    pub fn provide(&self, number: u32, url: Option<String>) {
        let (newest, answer) = self.asked.take();
        if newest != number {
            self.asked.set((newest, answer));
            return;
        }
        self.asked.set((newest, None));
        if let Some(answer) = answer {
            answer(url);
        }
    }

    /// As in the standard: 0 connecting, 1 open, 2 closing, 3 closed.
    #[wasm_bindgen(getter, js_name = readyState)]
    pub fn ready_state(&self) -> u8 {
        match self.socket.ready_state() {
            ReadyState::Connecting => 0,
            ReadyState::Open => 1,
            ReadyState::Closing => 2,
            ReadyState::Closed => 3,
        }
    }

    /// The absolute URL of the last attempt; empty before the first one.
    #[wasm_bindgen(getter)]
    pub fn url(&self) -> String {
        self.socket.url()
    }

    /// The subprotocol that the server has chosen.
    #[wasm_bindgen(getter)]
    pub fn protocol(&self) -> String {
        self.socket.protocol()
    }

    /// The extensions that the server has chosen.
    #[wasm_bindgen(getter)]
    pub fn extensions(&self) -> String {
        self.socket.extensions()
    }

    /// Bytes that wait here and in the browser.
    #[wasm_bindgen(getter, js_name = bufferedAmount)]
    pub fn buffered_amount(&self) -> f64 {
        self.socket.buffered_amount() as f64
    }

    /// Whether binary messages come as blobs, and not as buffers, from now on. At first they come as buffers.
    #[wasm_bindgen(setter)]
    pub fn set_blobs(&self, blobs: bool) {
        self.socket.set_binary_type(if blobs { BinaryType::Blob } else { BinaryType::Arraybuffer });
    }

    /// Sends a string, a buffer, a view of one or a blob of so many bytes, now or when there is a link. Returns 0 when it was
    /// taken, 1 when there is no room, 2 when the WebSocket is closed.
    pub fn send(&self, data: JsValue, bytes: f64) -> u8 {
        match self.socket.send_value(data, bytes as usize) {
            Ok(()) => 0,
            Err(SendError::Full) => 1,
            Err(SendError::Closed) => 2,
        }
    }

    /// Closes for good; the last event follows later. Returns whether the standard allows the code and the reason; otherwise
    /// nothing has changed.
    pub fn close(&self, code: Option<u16>, reason: &str) -> bool {
        self.socket.close(code, reason).is_ok()
    }

    /// Gives up the link, or the wait for one, and connects at once.
    pub fn reconnect(&self) {
        self.socket.reconnect();
    }
}

fn tell(held: &Held, event: SocketEvent<JsValue>) {
    let Some(face) = look(held) else { return };
    match event {
        SocketEvent::Open => face.tell(0, &JsValue::UNDEFINED, 0, true, 0.0),
        SocketEvent::Message(data) => face.tell(1, &data, 0, true, 0.0),
        SocketEvent::Error => face.tell(2, &JsValue::UNDEFINED, 0, false, 0.0),
        SocketEvent::Close(close) => {
            if close.is_final() {
                held.take();
            }
            let retry = match close.retry {
                Retry::In(wait) => wait.as_millis() as u64 as f64,
                Retry::WhenBack => -1.0,
                Retry::Never => -2.0,
            };
            face.tell(3, &close.reason.into(), close.code, close.was_clean, retry);
        }
        // Of streams of events, which this is not.
        SocketEvent::Missed(_) => {}
    }
}

/// The face, for a call into it: nothing is borrowed meanwhile.
fn look(held: &Held) -> Option<Face> {
    held.try_borrow().ok()?.clone()
}

/// A number of the app's; none where there is none.
fn count(value: f64) -> Option<usize> {
    (value >= 0.0).then_some(value as usize)
}

fn time(milliseconds: f64) -> Option<Duration> {
    (milliseconds >= 0.0).then(|| Duration::from_millis(milliseconds as u64))
}

fn set(time_or_default: &mut Duration, milliseconds: f64) {
    if let Some(given) = time(milliseconds) {
        *time_or_default = given;
    }
}
