//! A WebSocket that speaks the binary codec: hands messages in as they come, one copy each, and sends.
//! Knows nothing of what is in them.

use std::rc::Weak;

use bytes::Bytes;
use everwire_core::{AttemptId, Closed};
use everwire_protocol::{http, limits};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent};

use crate::{driver::Driver, platform::Callback};

/// The close code of one that did as it should.
const NORMAL: u16 = 1000;

/// An open WebSocket with its callbacks.
pub(super) struct WebSocket {
    socket: web_sys::WebSocket,
    _callbacks: [Callback; 3],
}

impl WebSocket {
    /// Connects; `None` when the browser refuses to (a bad URL, mixed content).
    pub(super) fn open(url: &str, attempt: AttemptId, driver: &Weak<Driver>) -> Option<Self> {
        let socket = web_sys::WebSocket::new_with_str(url, http::WS_BINARY).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);

        let me = driver.clone();
        let opened = Callback::new(move |_| {
            if let Some(driver) = me.upgrade() {
                driver.input(|inner, now| inner.session.handle_opened(now, attempt));
            }
        });
        let me = driver.clone();
        let message = Callback::new(move |event: JsValue| {
            let Some(driver) = me.upgrade() else { return };
            match read(&event) {
                Some(data) => {
                    driver.input(|inner, now| inner.session.handle_message(now, attempt, data));
                }
                None => driver.ended(attempt, Closed::Network),
            }
        });
        let me = driver.clone();
        // An `error` says nothing, and a `close` always follows it.
        let closed = Callback::new(move |event: JsValue| {
            if let Some(driver) = me.upgrade() {
                let code = event.unchecked_into::<CloseEvent>().code();
                driver.ended(attempt, Closed::Code(code));
            }
        });
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Some(Self { socket, _callbacks: [opened, message, closed] })
    }

    /// Sends a message. When the socket is closing already, its `close` event will tell.
    pub(super) fn send(&self, data: &[u8]) {
        let _ = self.socket.send_with_u8_array(data);
    }

    /// Closes with a code, and falls silent.
    pub(super) fn close(self, code: u16) {
        let _ = self.socket.close_with_code(code);
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // No effect on one that is closing or closed.
        let _ = self.socket.close_with_code(NORMAL);
    }
}

/// The message's bytes. `None` for what the server never sends: it is not even copied.
fn read(event: &JsValue) -> Option<Bytes> {
    let buffer = event.unchecked_ref::<MessageEvent>().data().dyn_into::<ArrayBuffer>().ok()?;
    if buffer.byte_length() as usize > limits::FRAME_BYTES {
        return None;
    }
    Some(Uint8Array::new(&buffer).to_vec().into())
}
