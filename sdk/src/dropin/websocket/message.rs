//! What a WebSocket carries, and what it is in JavaScript.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A `Blob`: only where the app has chosen them.
    Blob(JsValue),
}

impl Message {
    /// What the platform hands over as a message's data.
    #[must_use]
    pub fn from_js(data: JsValue) -> Self {
        match data.dyn_into::<ArrayBuffer>() {
            Ok(buffer) => Self::Bytes(Uint8Array::new(&buffer).to_vec()),
            Err(data) => match data.as_string() {
                Some(text) => Self::Text(text),
                None => Self::Blob(data),
            },
        }
    }

    pub(super) fn into_js(self) -> JsValue {
        match self {
            Self::Text(text) => text.into(),
            Self::Bytes(bytes) => Uint8Array::from(&bytes[..]).into(),
            Self::Blob(blob) => blob,
        }
    }

    /// Its size in bytes. A `Blob`, whose bytes are not here, has none.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Blob(_) => 0,
        }
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}
