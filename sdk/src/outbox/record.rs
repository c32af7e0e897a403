//! A stored publish as an object in the database, written and read. What is read is hostile until parsed:
//! other code of the page, an older Everwire and a newer one write there too.

use std::{sync::Arc, time::Duration};

use everwire_core::{Publish, StoredPublish};
use everwire_protocol::{Kind, Payload, PublishId, Topic, limits};
use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::platform::{get, wall_clock};

/// The version of this form. One that changes its meaning gets the next number.
const VERSION: u32 = 1;

/// What may stand at a key.
pub(super) enum Found {
    /// A publish of the owner named.
    Publish { owner: String },
    /// Written by a newer Everwire, and that one's business.
    Newer,
    /// Of no use to anybody.
    Rubbish,
}

/// The object for a publish.
pub(super) fn write(publish: &StoredPublish, owner: &str) -> JsValue {
    let StoredPublish { id, publish, expires_in } = publish;
    let object = Object::new();
    let set = |name: &str, value: JsValue| {
        // Fails only on what is frozen or a proxy.
        let _ = Reflect::set(&object, &name.into(), &value);
    };
    set("v", VERSION.into());
    set("owner", owner.into());
    set("id", id.as_str().into());
    set("topic", publish.topic.as_str().into());
    let kind = match publish.payload.kind {
        Kind::Json => "json",
        Kind::Text => "text",
        Kind::Bytes => "bytes",
    };
    set("kind", kind.into());
    set("data", Uint8Array::from(&publish.payload.data[..]).into());
    if let Some(key) = &publish.key {
        set("key", (&**key).into());
    }
    set("expires", (wall_clock() + expires_in.as_millis() as u32 as f64).into());
    object.into()
}

/// What an object is, and whose.
pub(super) fn look(object: &JsValue) -> Found {
    match get(object, "v").and_then(|version| version.as_f64()) {
        Some(version) if version > f64::from(VERSION) => Found::Newer,
        Some(version) if version == f64::from(VERSION) => match text(object, "owner") {
            Some(owner) => Found::Publish { owner },
            None => Found::Rubbish,
        },
        _ => Found::Rubbish,
    }
}

/// Gives an object to another owner.
pub(super) fn set_owner(object: &JsValue, owner: &str) {
    let _ = Reflect::set(object, &"owner".into(), &owner.into());
}

/// The publish in an object. `most` is the longest that any may wait, whatever the wall clock did meanwhile.
pub(super) fn read(object: &JsValue, most: Duration) -> Option<StoredPublish> {
    let data: Uint8Array = get(object, "data")?.dyn_into().ok()?;
    if data.length() as usize > limits::FRAME_BYTES {
        return None;
    }
    let data = data.to_vec();
    let is_text = std::str::from_utf8(&data).is_ok();
    let kind = match text(object, "kind")?.as_str() {
        "json" if is_text => Kind::Json,
        "text" if is_text => Kind::Text,
        "bytes" => Kind::Bytes,
        _ => return None,
    };
    let key: Option<Arc<str>> = text(object, "key").map(Arc::from);
    if key.as_ref().is_some_and(|key| key.len() > limits::KEY_BYTES) {
        return None;
    }
    let left = get(object, "expires")?.as_f64()? - wall_clock();
    // Below zero, and what is no number, becomes zero.
    let expires_in = Duration::from_millis(left as u64).min(most);
    let topic = Topic::new(&text(object, "topic")?).ok()?;
    let publish = Publish { topic, payload: Payload { kind, data: data.into() }, key, ephemeral: false };
    Some(StoredPublish { id: PublishId::new(&text(object, "id")?).ok()?, publish, expires_in })
}

fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name)?.as_string()
}
