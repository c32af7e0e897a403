//! A WebSocket that speaks the binary codec: hands messages in as they come, one copy each, and sends.
//! Knows nothing of what is in them.

use std::rc::Weak;

use bytes::Bytes;
use everwire_core::{AttemptId, Closed};
use everwire_protocol::{http, limits};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::BinaryType;

use super::socket::{Heard, Socket};
use crate::{driver::Driver, log::note};

/// An open WebSocket.
pub(super) struct WebSocket(Socket);

impl WebSocket {
    /// Connects; `None` when the browser refuses to (a bad URL, mixed content).
    pub(super) fn open(url: &str, attempt: AttemptId, driver: &Weak<Driver>) -> Option<Self> {
        let socket = web_sys::WebSocket::new_with_str(url, http::WS_BINARY).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let driver = driver.clone();
        Some(Self(Socket::listen(socket, move |heard| {
            let Some(driver) = driver.upgrade() else { return };
            match heard {
                Heard::Opened => driver.opened(attempt),
                Heard::Message(data) => match read(data) {
                    Some(data) => driver.input(|inner, now| {
                        note!(now, "message", attempt = attempt.as_u32(), bytes = data.len());
                        inner.session.handle_message(now, attempt, data);
                    }),
                    None => driver.ended(attempt, Closed::Network),
                },
                Heard::Closed(event) => driver.ended(attempt, Closed::Code(event.code())),
            }
        })))
    }

    /// Sends a message.
    pub(super) fn send(&self, data: &[u8]) {
        self.0.send(data);
    }

    /// Closes with a code, and falls silent.
    pub(super) fn close(self, code: u16) {
        let _ = self.0.as_web().close_with_code(code);
    }
}

/// The message's bytes. `None` for what the server never sends: it is not even copied.
fn read(data: JsValue) -> Option<Bytes> {
    let buffer = data.dyn_into::<ArrayBuffer>().ok()?;
    if buffer.byte_length() as usize > limits::FRAME_BYTES {
        return None;
    }
    Some(Uint8Array::new(&buffer).to_vec().into())
}
