//! What the host tells, by its number, and what the numbers and the bytes with it say.

use bytes::Bytes;
use everwire_core::{
    AttemptId, Closed, HttpResponse, Publish, PublishError, Reason, RequestId, SubscribeError,
    SubscribeOptions, SubscriptionId,
    protocol::{Code, From, HistoryRange, Kind, Payload, Topic},
};
use std::{str::from_utf8, time::Duration};

use crate::{
    machine::{Machine, transports},
    records,
    writer::Writer,
};

/// An input. Numbers that an input has no use for are anything.
pub(crate) struct Input {
    pub what: u8,
    pub a: f64,
    pub b: f64,
    pub c: f64,
    pub bytes: Vec<u8>,
}

/// The bits of a publish: the kind, and this.
const EPHEMERAL: u8 = 4;

impl Machine {
    /// Does what an input says. In its order: connect · the timer has fired · the network is away, is there, the page has slept or is seen, is put
    /// aside · of an attempt: it is open, a message, a chunk, an event of a native
    /// `EventSource` (its name, a line's end, its data), an answer with its status and what `Retry-After` says, its end by a close code or a status, or 0 · the answer to a
    /// request, 0 for none · a token: 0 failed, 1 none, 2 in the bytes · subscribe: whether with presence; `from`, a line's
    /// end, the topic · of a subscription: the end, pause, resume, so many messages and bytes taken · publish: kind and bits, the lengths
    /// of the topic and of the key (−1: none); topic, key and payload · history: before, after, limit; the topic · presence:
    /// the topic · these transports · cut · close · the counters.
    pub(crate) fn handle(&mut self, input: Input, out: &mut Writer) {
        let Input { what, a, b, c, bytes } = input;
        let now = self.now();
        let session = &mut self.session;
        match what {
            0 => session.connect(now),
            1 => self.fired(),
            2 => session.handle_offline(now),
            3 => session.handle_online(now),
            4 => session.handle_wakeup(now),
            5 => session.handle_suspend(now),
            6..=11 => {
                let attempt = AttemptId::new(a as u32);
                match what {
                    6 => session.handle_opened(now, attempt),
                    7 => session.handle_message(now, attempt, bytes.into()),
                    8 => session.handle_chunk(now, attempt, bytes.into()),
                    9 => {
                        let (name, data) = split(&bytes);
                        session.handle_event(now, attempt, name, data);
                    }
                    10 => session.handle_response(now, attempt, response(b, c, bytes)),
                    _ => session.handle_closed(now, attempt, closed(b)),
                }
            }
            12 => {
                let answer = (b > 0.0).then(|| response(b, c, bytes));
                session.handle_reply(now, RequestId::new(a as u32), answer);
            }
            13 => {
                let token = match a {
                    0.0 => Err(()),
                    1.0 => Ok(None),
                    _ => String::from_utf8(bytes).map(Some).map_err(|_| ()),
                };
                session.handle_token(now, token);
            }
            14 => {
                let (from, topic) = split(&bytes);
                let Ok(from) = from.parse::<From>() else {
                    return out.refused("bad_option", "the option `from` can't be read", false);
                };
                let Ok(topic) = Topic::new(topic) else { return out.bad_topic() };
                match session.subscribe(now, topic, SubscribeOptions { from, presence: a > 0.0 }) {
                    Ok(id) => out.head(records::TAKEN, id.as_u32()),
                    Err(SubscribeError::TooMany) => {
                        out.refused(Code::TOO_MANY_TOPICS.name(), "too many subscriptions", false)
                    }
                    Err(SubscribeError::Closed) => out.closed(),
                }
            }
            15..=18 => {
                let id = SubscriptionId::new(a as u32);
                match what {
                    15 => session.unsubscribe(now, id),
                    16 => session.pause(now, id),
                    17 => session.resume(now, id),
                    _ => session.consumed(now, id, b as usize, c as usize),
                }
            }
            19 => self.publish(a as u8, b as usize, c, bytes.into(), out),
            20 | 21 => {
                let Ok(topic) = Topic::new(from_utf8(&bytes).unwrap_or_default()) else {
                    return out.bad_topic();
                };
                let id = if what == 21 {
                    session.presence(now, topic)
                } else {
                    let range = match (a >= 0.0, b >= 0.0) {
                        (true, _) => HistoryRange::Before(a as u64),
                        (_, true) => HistoryRange::After(b as u64),
                        _ => HistoryRange::Before(u64::MAX),
                    };
                    session.history(now, topic, range, c as u32)
                };
                out.head(records::TAKEN, id.as_u32());
            }
            22 => session.set_transports(now, transports(&bytes)),
            23 => session.reconnect(now, Reason::Asked),
            24 => session.close(now),
            _ => self.stats(out),
        }
    }

    fn publish(&mut self, bits: u8, topic: usize, key: f64, bytes: Bytes, out: &mut Writer) {
        let topic_end = topic.min(bytes.len());
        let key_end = topic_end.saturating_add(key.max(0.0) as usize).min(bytes.len());
        let text = |bytes| from_utf8(bytes).unwrap_or_default();
        let Ok(topic) = Topic::new(text(&bytes[..topic_end])) else { return out.bad_topic() };
        let key = (key >= 0.0).then(|| text(&bytes[topic_end..key_end]).into());
        let kind = match bits & 3 {
            0 => Kind::Json,
            1 => Kind::Text,
            _ => Kind::Bytes,
        };
        let publish = Publish {
            topic,
            payload: Payload { kind, data: bytes.slice(key_end..) },
            key,
            ephemeral: bits & EPHEMERAL != 0,
        };
        match self.session.publish(self.now(), publish) {
            Ok(id) => {
                out.whole(records::TAKEN_AS);
                out.text(Some(id.as_str()));
            }
            Err(PublishError::OutboxFull) => {
                out.refused("outbox_full", "too many messages wait for their ack", true)
            }
            Err(PublishError::TooLarge) => {
                out.refused(Code::TOO_LARGE.name(), "the message is too large", false)
            }
            Err(PublishError::NotUtf8) => out.refused("encode", "the payload is not UTF-8", false),
            Err(PublishError::Closed) => out.closed(),
        }
    }
}

impl Writer {
    /// What was asked is not done.
    fn refused(&mut self, code: &str, message: &str, retryable: bool) {
        self.whole(records::REFUSED);
        self.error(code, message, retryable);
    }

    fn bad_topic(&mut self) {
        self.refused(Code::BAD_TOPIC.name(), "not a topic's name", false);
    }

    fn closed(&mut self) {
        self.refused("closed", "the client is closed", false);
    }
}

/// At the first line's end. What is no UTF-8, or has none, is nothing.
fn split(bytes: &[u8]) -> (&str, &str) {
    let text = |bytes| from_utf8(bytes).unwrap_or_default();
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(place) => (text(&bytes[..place]), text(&bytes[place + 1..])),
        None => ("", ""),
    }
}

fn response(status: f64, retry_after: f64, body: Vec<u8>) -> HttpResponse {
    let retry_after = (retry_after >= 0.0).then(|| Duration::from_millis(retry_after as u64));
    HttpResponse { status: status as u16, retry_after, body: body.into() }
}

/// Close codes begin at 1000, where statuses have long ended.
fn closed(code: f64) -> Closed {
    match code as u16 {
        0 => Closed::Network,
        status @ 1..1000 => Closed::Status { status, retry_after: None },
        code => Closed::Code(code),
    }
}
