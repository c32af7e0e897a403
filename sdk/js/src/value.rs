//! JavaScript values, made and taken apart. The only place that names properties by strings at run time.

use everwire::{Code, Error, Member, PublishError};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::prelude::*;

/// An object under construction.
pub(crate) struct Record(Object);

impl Record {
    pub(crate) fn new() -> Self {
        Self(Object::new())
    }

    /// An event object.
    pub(crate) fn event(name: &str) -> Self {
        let event = Self::new();
        event.set("type", name);
        event
    }

    pub(crate) fn set(&self, name: &str, value: impl Into<JsValue>) {
        set(&self.0, name, &value.into());
    }

    /// A count or an offset: exact up to 2^53.
    pub(crate) fn number(&self, name: &str, value: u64) {
        set(&self.0, name, &JsValue::from_f64(value as f64));
    }

    /// Left out when there is none.
    pub(crate) fn maybe(&self, name: &str, value: Option<impl Into<JsValue>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

impl From<Record> for JsValue {
    fn from(record: Record) -> Self {
        record.0.into()
    }
}

/// A property; `None` when it is missing, `undefined` or `null`.
pub(crate) fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    if !object.is_object() {
        return None;
    }
    Reflect::get(object, &name.into()).ok().filter(|value| !value.is_null() && !value.is_undefined())
}

pub(crate) fn set(object: &JsValue, name: &str, value: &JsValue) {
    // Fails only on what is frozen or a proxy, and all of these are our own.
    let _ = Reflect::set(object, &name.into(), value);
}

pub(crate) fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name)?.as_string()
}

pub(crate) fn member(member: &Member) -> JsValue {
    let record = Record::new();
    record.set("id", &*member.id);
    record.maybe("subject", member.subject.as_deref());
    record.maybe("info", member.info.as_deref());
    record.into()
}

pub(crate) fn members(members: &[Member]) -> JsValue {
    members.iter().map(member).collect::<Array>().into()
}

/// An `Error` with `code`, a name for programs, and `retryable`.
pub(crate) fn error(message: &str, code: &str, retryable: bool) -> JsValue {
    let error = js_sys::Error::new(message);
    set(&error, "code", &code.into());
    set(&error, "retryable", &retryable.into());
    error.into()
}

pub(crate) fn from_error(reason: &Error) -> JsValue {
    let (code, message): (&str, &str) = match reason {
        Error::BadTopic => (Code::BAD_TOPIC.name(), "not a topic's name"),
        Error::TooManyTopics => (Code::TOO_MANY_TOPICS.name(), "too many subscriptions"),
        Error::Refused { code, message } => (code.name(), message),
        _ => ("closed", "the client is closed"),
    };
    error(message, code, reason.is_retryable())
}

pub(crate) fn from_publish_error(reason: &PublishError) -> JsValue {
    let (code, message): (&str, &str) = match reason {
        PublishError::BadTopic => (Code::BAD_TOPIC.name(), "not a topic's name"),
        PublishError::Encode(message) => ("encode", message),
        PublishError::TooLarge => (Code::TOO_LARGE.name(), "the message is too large"),
        PublishError::OutboxFull => ("outbox_full", "too many messages wait for their ack"),
        PublishError::Rejected { code, message } => (code.name(), message),
        PublishError::Expired => ("expired", "no ack came in time"),
        _ => ("closed", "the client is closed"),
    };
    error(message, code, reason.is_retryable())
}
