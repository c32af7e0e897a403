//! A `BroadcastChannel` of bytes. Knows nothing of what is in them.

use bytes::Bytes;
use everwire_core::relay::MESSAGE_BYTES;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::platform::Callback;

/// An open channel with its callback. Dropped, it is closed, and nothing of it is heard any more.
pub(crate) struct Channel {
    channel: BroadcastChannel,
    _callback: Callback,
}

impl Channel {
    /// Opens a channel, and calls `heard` for each message that another one of this name sends: always later.
    /// `None` where there are none.
    pub(super) fn open(name: &str, mut heard: impl FnMut(Bytes) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let callback = Callback::new(move |event: JsValue| {
            if let Some(data) = read(&event) {
                heard(data);
            }
        });
        channel.set_onmessage(Some(callback.as_ref().unchecked_ref()));
        Some(Self { channel, _callback: callback })
    }

    pub(crate) fn send(&self, data: &[u8]) {
        let _ = self.channel.post_message(&Uint8Array::from(data));
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}

/// The message's bytes. `None` for what no tab of this kind sends: it is not even copied.
fn read(event: &JsValue) -> Option<Bytes> {
    let data = event.unchecked_ref::<MessageEvent>().data().dyn_into::<Uint8Array>().ok()?;
    if data.length() as usize > MESSAGE_BYTES {
        return None;
    }
    Some(data.to_vec().into())
}
