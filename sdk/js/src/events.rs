//! Turns events into JavaScript values: messages into columns, everything else into plain objects.

use everwire::{Error, Event, Gap, GapReason, Kind, Message, Payload, Position};
#[cfg(feature = "indexeddb")]
use everwire::{OutboxEvent, StoreError};
use js_sys::{Array, Float64Array, Uint8Array};
use wasm_bindgen::prelude::*;

#[cfg(feature = "indexeddb")]
use crate::value::from_publish_error;
use crate::value::{Record, from_error, member, members, set};

/// The events of a batch; each run of messages becomes one event of type `messages`.
pub(crate) fn events(batch: Vec<Event<Payload, JsValue>>) -> Array {
    let (events, mut run) = (Array::new(), Columns::default());
    for event in batch {
        match event {
            Event::Message(message) => {
                if !run.goes_on_with(&message) {
                    run.flush(&events);
                }
                run.push(message);
            }
            event => {
                run.flush(&events);
                events.push(&other(event));
            }
        }
    }
    run.flush(&events);
    events
}

/// The messages of a history page.
pub(crate) fn messages(messages: Vec<Message<Payload>>) -> JsValue {
    let mut run = Columns::default();
    for message in messages {
        run.push(message);
    }
    run.take()
}

/// A run of messages of one epoch with contiguous offsets, column by column; `Run` in `pkg/src/delivery.ts` says how. The payloads are one text
/// as a JSON array would have them, so that where all are JSON one call of the browser's parser does for all: the server has seen that each
/// is one.
#[derive(Default)]
struct Columns {
    first: Option<(u64, everwire::Epoch)>,
    times: Vec<f64>,
    kinds: Vec<u8>,
    /// The payloads, apart from those that are bytes.
    payloads: Text,
    /// For each message its key, subject and id, end to end. What is absent is empty.
    about: Text,
    /// Payloads that are bytes, at their message's index.
    bytes: Option<Array>,
}

/// A text, and where its pieces end in the units of JavaScript's strings.
#[derive(Default)]
struct Text {
    text: String,
    end: usize,
    ends: Vec<f64>,
}

impl Text {
    fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
        self.end += if piece.is_ascii() { piece.len() } else { piece.encode_utf16().count() };
        self.ends.push(self.end as f64);
    }

    /// What belongs to no piece.
    fn between(&mut self, between: char) {
        self.text.push(between);
        self.end += 1;
    }
}

impl Columns {
    fn goes_on_with(&self, message: &Message<Payload>) -> bool {
        let next = self.times.len() as u64;
        self.first.is_none_or(|(first, epoch)| first + next == message.offset && epoch == message.epoch)
    }

    fn push(&mut self, message: Message<Payload>) {
        let index = self.times.len();
        self.first.get_or_insert((message.offset, message.epoch));
        self.times.push(message.time as f64);
        let mut payload = "";
        if let Ok(Payload { kind, data }) = &message.data {
            self.kinds.push(kind_number(*kind));
            if *kind == Kind::Bytes {
                let bytes = self.bytes.get_or_insert_with(Array::new);
                bytes.set(index as u32, Uint8Array::from(&data[..]).into());
            } else {
                // A server that passes on what is not UTF-8 gets an empty text, which is no JSON.
                payload = std::str::from_utf8(data).unwrap_or_default();
            }
        }
        self.payloads.between(if index == 0 { '[' } else { ',' });
        self.payloads.push(payload);
        self.about.push(message.key.as_deref().unwrap_or_default());
        self.about.push(message.from.as_deref().unwrap_or_default());
        self.about.push(message.id.as_ref().map_or("", |id| id.as_str()));
    }

    fn flush(&mut self, events: &Array) {
        if self.first.is_some() {
            events.push(&self.take());
        }
    }

    fn take(&mut self) -> JsValue {
        let Self { first, times, kinds, mut payloads, about, bytes } = std::mem::take(self);
        payloads.between(']');
        let event = Record::event("messages");
        event.set("count", times.len() as u32);
        if let Some((first, epoch)) = first {
            event.number("first", first);
            event.set("epoch", epoch.as_str());
        }
        if kinds.iter().any(|kind| *kind != kind_number(Kind::Json)) {
            event.set("kinds", Uint8Array::from(&kinds[..]));
        }
        let mut numbers = times;
        numbers.extend(payloads.ends);
        if about.end > 0 {
            for piece in 0..3 {
                let ends = about.ends.iter().skip(piece).step_by(3);
                numbers.extend(ends.map(|end| payloads.end as f64 + end));
            }
            payloads.text.push_str(&about.text);
        }
        event.set("numbers", Float64Array::from(&numbers[..]));
        event.set("text", payloads.text.as_str());
        event.set("about", about.end > 0);
        event.maybe("bytes", bytes);
        event.into()
    }
}

/// As in the column `kinds`.
fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Json => 0,
        Kind::Text => 1,
        Kind::Bytes => 2,
    }
}

fn other(event: Event<Payload, JsValue>) -> JsValue {
    match event {
        Event::Message(message) => messages(vec![message]),
        Event::Gap(gap) => self::gap(&gap),
        Event::Ephemeral(ephemeral) => {
            let event = Record::event("ephemeral");
            event.number("time", ephemeral.time);
            event.maybe("from", ephemeral.from.as_deref());
            if let Ok(payload) = ephemeral.data {
                event.set("kind", u32::from(kind_number(payload.kind)));
                match std::str::from_utf8(&payload.data) {
                    Ok(text) if payload.kind != Kind::Bytes => event.set("text", text),
                    _ => event.set("bytes", Uint8Array::from(&payload.data[..])),
                }
            }
            event.into()
        }
        Event::Members(all) => {
            let event = Record::event("members");
            event.set("members", members(&all));
            event.into()
        }
        Event::Join(who) => presence("join", &member(&who)),
        Event::Leave(who) => presence("leave", &member(&who)),
        Event::Subscribed { position, recovered } => {
            let event = Record::event("subscribed");
            event.set("position", text(&position));
            event.set("recovered", recovered);
            event.into()
        }
        Event::Snapshot(state) => {
            let event = Record::event("snapshot");
            event.set("state", state);
            event.into()
        }
        Event::SnapshotFailed(error) => {
            let event = Record::event("snapshotfailed");
            event.set("message", error.message.as_str());
            event.set("attempt", error.attempt);
            event.set("retryIn", error.retry_in.as_millis() as u32);
            event.into()
        }
        Event::Failed(error) => failed(&error),
    }
}

fn gap(gap: &Gap) -> JsValue {
    let event = Record::event("gap");
    event.number("from", gap.from);
    event.maybe("to", gap.to.map(|to| to as f64));
    event.set(
        "reason",
        match gap.reason {
            GapReason::Evicted => "evicted",
            GapReason::Epoch => "epoch",
        },
    );
    event.set("position", text(&gap.position));
    event.into()
}

fn presence(name: &str, member: &JsValue) -> JsValue {
    let event = Record::event(name);
    event.set("member", member);
    event.into()
}

fn failed(error: &Error) -> JsValue {
    let event: JsValue = Record::event("failed").into();
    set(&event, "error", &from_error(error));
    event
}

/// What becomes of what an earlier page left.
#[cfg(feature = "indexeddb")]
pub(crate) fn outbox(event: OutboxEvent) -> JsValue {
    match event {
        OutboxEvent::Restored { id, result } => {
            let event = Record::event("restored");
            event.set("id", id.as_str());
            match result {
                Ok(position) => event.maybe("position", position.map(|position| text(&position))),
                Err(error) => event.set("error", from_publish_error(&error)),
            }
            event.into()
        }
        OutboxEvent::Unpersisted(error) => {
            let event = Record::event("unpersisted");
            event.set("message", store_error(error));
            event.into()
        }
    }
}

#[cfg(feature = "indexeddb")]
fn store_error(error: StoreError) -> &'static str {
    match error {
        StoreError::Unavailable => "unavailable",
        StoreError::TimedOut => "timed_out",
        _ => "refused",
    }
}

/// `EPOCH-OFFSET`.
pub(crate) fn text(position: &Position) -> String {
    position.to_string()
}
