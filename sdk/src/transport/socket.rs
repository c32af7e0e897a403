//! The browser's WebSocket with its callbacks, for whoever decides what is done with it.

use wasm_bindgen::prelude::*;
use web_sys::{CloseEvent, MessageEvent};

use crate::platform::Callback;

/// The close code of one that did as it should.
const NORMAL: u16 = 1000;

#[wasm_bindgen]
extern "C" {
    /// A WebSocket to which anything is sent that it takes.
    type Sender;

    #[wasm_bindgen(method, catch, js_name = send)]
    fn send_value(this: &Sender, data: &JsValue) -> Result<(), JsValue>;
}

/// What a socket tells.
pub(crate) enum Heard {
    Opened,
    /// A message's `data`.
    Message(JsValue),
    Closed(CloseEvent),
}

/// A WebSocket. Dropped, it is closed, and nothing of it is heard any more.
pub(crate) struct Socket {
    socket: web_sys::WebSocket,
    _callbacks: [Callback; 3],
}

impl Socket {
    pub(crate) fn listen(socket: web_sys::WebSocket, tell: impl Fn(Heard) + Clone + 'static) -> Self {
        let say = tell.clone();
        let opened = Callback::new(move |_| say(Heard::Opened));
        let say = tell.clone();
        let message = Callback::new(move |event: JsValue| {
            say(Heard::Message(event.unchecked_into::<MessageEvent>().data()))
        });
        // An `error` says nothing, and a `close` always follows it.
        let closed = Callback::new(move |event: JsValue| tell(Heard::Closed(event.unchecked_into())));
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Self { socket, _callbacks: [opened, message, closed] }
    }

    /// The browser's own.
    pub(crate) fn as_web(&self) -> &web_sys::WebSocket {
        &self.socket
    }

    /// Sends bytes. When the socket is closing already, its `close` event will tell.
    pub(crate) fn send(&self, data: &[u8]) {
        let _ = self.socket.send_with_u8_array(data);
    }

    /// Sends a string, a buffer, or a blob.
    pub(crate) fn send_value(&self, data: &JsValue) {
        let _ = self.socket.unchecked_ref::<Sender>().send_value(data);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // No effect on one that is closing or closed.
        let _ = self.socket.close_with_code(NORMAL);
    }
}
