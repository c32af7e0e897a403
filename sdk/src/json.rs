//! Typed payloads: serde over the browser's own JSON parser. Only with the feature `serde`; npm users, whose
//! payloads are parsed by JavaScript anyway, are spared it.

use everwire_protocol::{HistoryRange, Kind, Payload};
use js_sys::{JSON, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use serde_wasm_bindgen::{Serializer, from_value};
use wasm_bindgen::JsValue;

use crate::{Client, DecodeError, Error, History, Page, PublishError, Publishing, Subscribe};

impl Client {
    /// A subscription to a topic, to be [opened](Subscribe::open), whose payloads are read as `T`: a `json` one
    /// as its JSON, a `text` one as a string, a `bytes` one as bytes.
    ///
    /// JSON's numbers are JavaScript's: an integer beyond 2^53 has lost its last digits before `T` sees it.
    pub fn subscribe<T: DeserializeOwned>(&self, topic: &str) -> Subscribe<T> {
        self.subscribe_with(topic, decode)
    }

    /// Publishes a value as JSON. See [`Publishing`].
    #[must_use = "dropping it sends it: nobody learns what became of it"]
    pub fn publish<T: Serialize + ?Sized>(&self, topic: &str, value: &T) -> Publishing {
        Publishing::new(self.driver(), topic, encode(value).map(Payload::json))
    }

    /// A page of a topic's records, without subscribing, read as [`subscribe`](Self::subscribe) does.
    ///
    /// # Errors
    /// As [`history_raw`](Self::history_raw).
    pub fn history<T: DeserializeOwned>(
        &self,
        topic: &str,
        range: HistoryRange,
        limit: u32,
    ) -> impl Future<Output = Result<Page<T>, Error>> + use<T> {
        self.history_with(topic, range, limit, decode)
    }

    /// A topic's history page by page, read as [`subscribe`](Self::subscribe) does. See
    /// [`history_pages_raw`](Self::history_pages_raw).
    pub fn history_pages<T: DeserializeOwned>(
        &self,
        topic: &str,
        range: HistoryRange,
        limit: u32,
    ) -> History<T> {
        History::new(self, topic, range, limit, decode)
    }
}

/// Reads a payload as a type of the app; for payloads that were taken raw.
///
/// # Errors
/// [`DecodeError`] when it is not JSON, or not of that type.
pub fn decode<T: DeserializeOwned>(payload: Payload) -> Result<T, DecodeError> {
    let value = match payload.kind {
        Kind::Json => JSON::parse(text(&payload)?).map_err(|error| DecodeError(describe(&error)))?,
        Kind::Text => JsValue::from_str(text(&payload)?),
        Kind::Bytes => Uint8Array::from(&payload.data[..]).into(),
    };
    from_value(value).map_err(|error| DecodeError(describe(&error.into())))
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Result<String, PublishError> {
    // Maps as objects, none as null, integers beyond 2^53 as the nearest number: as JSON has them.
    let value = value
        .serialize(&Serializer::json_compatible())
        .map_err(|error| PublishError::Encode(describe(&error.into())))?;
    let text = JSON::stringify(&value).map_err(|error| PublishError::Encode(describe(&error)))?;
    // `undefined` has no JSON text.
    text.as_string().ok_or_else(|| PublishError::Encode("not a JSON value".to_owned()))
}

fn text(payload: &Payload) -> Result<&str, DecodeError> {
    std::str::from_utf8(&payload.data).map_err(|_| DecodeError("not UTF-8".to_owned()))
}

fn describe(error: &JsValue) -> String {
    js_sys::Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string())
        .unwrap_or_else(|| "not the expected type".to_owned())
}
