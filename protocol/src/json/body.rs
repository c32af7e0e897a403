//! The JSON bodies of the HTTP endpoints, made of the same frames that the other transports send: so a
//! server answers each request once, and only the last step knows its form.

use crate::{
    About, Code, Cursor, Epoch, Member, NameError, Payload, PublishId, Record, RetryWindow, ServerFrame,
    Topic, limits,
};

use super::{
    read::{self, Fields, Result},
    record, server,
    write::{Object, list},
};

/// A record as a client asks for it by `POST /v1/publish`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishRecord {
    /// The log.
    pub topic: Topic,
    /// The content.
    pub payload: Payload,
    /// What it is about, for conflation.
    pub key: Option<std::sync::Arc<str>>,
    /// The idempotency key; where there is none, a repeat is another record.
    pub id: Option<PublishId>,
    /// Deliver to who is there now, and log nothing.
    pub ephemeral: bool,
}

/// The body of a `POST /v1/publish`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishBody {
    /// The records, in their order.
    pub records: Vec<PublishRecord>,
    /// The body is an array, and so must the answer be.
    pub many: bool,
}

impl PublishBody {
    /// Gives an id to the records that have none, out of an `Idempotency-Key` header (in quotes or not): a
    /// single record gets the key itself, the n-th of an array, from 0, gets `KEY.n`.
    ///
    /// # Errors
    /// [`NameError`] when the key, or what is made of it, is not a [`PublishId`].
    pub fn with_idempotency_key(mut self, key: &str) -> std::result::Result<Self, NameError> {
        let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        for (n, record) in self.records.iter_mut().enumerate().filter(|(_, record)| record.id.is_none()) {
            record.id = Some(if self.many { format!("{key}.{n}").parse()? } else { PublishId::new(key)? });
        }
        Ok(self)
    }
}

/// Reads the body of a `POST /v1/publish`: one object `{topic, data, kind?, key?, id?, ephemeral?}` or an
/// array of them.
///
/// ```
/// let body = everwire_protocol::json::body::publish(r#"{"topic":"room:general","data":{"text":"hi"}}"#)?;
/// assert_eq!(&body.records[0].payload.data[..], br#"{"text":"hi"}"#);
/// # Ok::<(), everwire_protocol::json::JsonError>(())
/// ```
///
/// # Errors
/// [`JsonError`](super::JsonError) says what is wrong; nothing of the body counts then.
pub fn publish(body: &str) -> Result<PublishBody> {
    let (objects, many) = read::objects(body)?;
    let records = objects.into_iter().map(|object| publish_record(&Fields::of(object)?));
    Ok(PublishBody { records: records.collect::<Result<_>>()?, many })
}

fn publish_record(fields: &Fields<'_>) -> Result<PublishRecord> {
    Ok(PublishRecord {
        topic: fields.parsed("topic")?,
        payload: record::published(fields)?,
        key: fields.maybe_text("key", limits::KEY_BYTES)?.map(Into::into),
        id: fields.maybe_parsed("id")?,
        ephemeral: fields.flag("ephemeral")?,
    })
}

/// The answer to a `POST /v1/publish`, out of one `Ack` or `Error` frame per record: `{position}`, null
/// for an ephemeral message, or a problem; or an array of `{position}` and `{error}`.
#[must_use]
pub fn publish_answer(answers: &[ServerFrame], many: bool) -> String {
    let mut out = String::new();
    match answers {
        [ServerFrame::Error { code, message, retry_after, .. }] if !many => {
            return problem(*code, message, *retry_after);
        }
        [one] if !many => put_answer(&mut out, one),
        all => list(&mut out, all, put_answer),
    }
    out
}

fn put_answer(out: &mut String, answer: &ServerFrame) {
    let mut object = Object::begin(out);
    match answer {
        ServerFrame::Ack { position: Some(position), .. } => object.text("position", &position.to_string()),
        ServerFrame::Error { code, message, retry_after, .. } => {
            put_problem(object.field("error"), *code, message, *retry_after);
        }
        _ => object.field("position").push_str("null"),
    }
    object.end();
}

/// The answer to a poll, `{messages, gaps, cursor}`, out of the frames that the binary codec would send;
/// moves the cursor past them. `ephemeral`, `members`, `joins`, `leaves`, `errors`, `drain` and
/// `expires` stand in it only where there are some.
///
/// Frames find their topic's name by the `Subscribed` frames before them; one whose alias was not
/// introduced is left out.
#[must_use]
pub fn poll(frames: &[ServerFrame], cursor: &mut Cursor) -> String {
    let mut poll = Poll::default();
    for frame in frames {
        cursor.follow(frame);
        poll.take(frame);
    }
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
    object.list("messages", &poll.messages, |out, (topic, record)| put_message(out, Some(topic), record));
    object.list("gaps", &poll.gaps, put_topic_and);
    for (name, frames) in [
        ("ephemeral", &poll.ephemeral),
        ("members", &poll.members),
        ("joins", &poll.joins),
        ("leaves", &poll.leaves),
    ] {
        if !frames.is_empty() {
            object.list(name, frames, put_topic_and);
        }
    }
    if !poll.errors.is_empty() {
        object.list("errors", &poll.errors, |out, frame| put_error(out, frame));
    }
    if let Some(window) = poll.drain {
        let mut inner = Object::begin(object.field("drain"));
        record::put_window(&mut inner, window);
        inner.end();
    }
    if let Some(after) = poll.expires {
        object.number("expires", after);
    }
    object.text("cursor", &cursor.to_string());
    object.end();
    out
}

type OfTopic<'a> = (&'a Topic, &'a ServerFrame);

/// The frames of a poll, by where they stand in its answer.
#[derive(Default)]
struct Poll<'a> {
    topics: Vec<(u32, &'a Topic)>,
    messages: Vec<(&'a Topic, &'a Record)>,
    gaps: Vec<OfTopic<'a>>,
    ephemeral: Vec<OfTopic<'a>>,
    members: Vec<OfTopic<'a>>,
    joins: Vec<OfTopic<'a>>,
    leaves: Vec<OfTopic<'a>>,
    errors: Vec<&'a ServerFrame>,
    drain: Option<RetryWindow>,
    expires: Option<u32>,
}

impl<'a> Poll<'a> {
    fn take(&mut self, frame: &'a ServerFrame) {
        match frame {
            ServerFrame::Subscribed { topic, alias, .. } => self.topics.push((*alias, topic)),
            ServerFrame::Messages { alias, records } => {
                if let Some(topic) = self.topic(*alias) {
                    self.messages.extend(records.iter().map(|record| (topic, record)));
                }
            }
            ServerFrame::Gap { alias, .. } => self.gaps.extend(self.topic(*alias).map(|t| (t, frame))),
            ServerFrame::Ephemeral { alias, .. } => {
                self.ephemeral.extend(self.topic(*alias).map(|t| (t, frame)));
            }
            ServerFrame::Members { alias, .. } => self.members.extend(self.topic(*alias).map(|t| (t, frame))),
            ServerFrame::Join { alias, .. } => self.joins.extend(self.topic(*alias).map(|t| (t, frame))),
            ServerFrame::Leave { alias, .. } => self.leaves.extend(self.topic(*alias).map(|t| (t, frame))),
            ServerFrame::Error { .. } => self.errors.push(frame),
            ServerFrame::Drain { window } => self.drain = Some(*window),
            ServerFrame::Expires { after } => self.expires = Some(*after),
            _ => {}
        }
    }

    fn topic(&self, alias: u32) -> Option<&'a Topic> {
        self.topics.iter().find(|(of, _)| *of == alias).map(|(_, topic)| *topic)
    }
}

/// Writes a frame of a topic with the topic's name in place of its alias.
fn put_topic_and(out: &mut String, (topic, frame): &OfTopic<'_>) {
    let mut object = Object::begin(out);
    object.text("topic", topic.as_str());
    match frame {
        ServerFrame::Gap { from, to, reason, position, .. } => {
            server::put_gap(&mut object, *from, *to, *reason);
            server::put_position(&mut object, position);
        }
        ServerFrame::Ephemeral { time, payload, from, .. } => {
            server::put_ephemeral(&mut object, *time, payload, from.as_deref());
        }
        ServerFrame::Members { members, .. } => object.list("members", members, record::put_member),
        ServerFrame::Join { member, .. } | ServerFrame::Leave { member, .. } => {
            record::put_member(object.field("member"), member);
        }
        _ => {}
    }
    object.end();
}

fn put_error(out: &mut String, frame: &ServerFrame) {
    if let ServerFrame::Error { about, code, message, retry_after } = frame {
        let mut object = Object::begin(out);
        if let About::Topic(topic) = about {
            object.text("topic", topic.as_str());
        }
        put_problem_fields(&mut object, *code, message, *retry_after);
        object.end();
    }
}

/// Appends a record as `{topic?, offset, time, data, …}`.
fn put_message(out: &mut String, topic: Option<&Topic>, record: &Record) {
    let mut object = Object::begin(out);
    object.maybe_text("topic", topic.map(Topic::as_str));
    object.number("offset", record.offset);
    record::put_record(&mut object, record);
    object.end();
}

/// The answer to a history request: `{topic, epoch, records: [{offset, time, data, …}], more}`.
#[must_use]
pub fn history(topic: &Topic, epoch: Epoch, records: &[Record], more: bool) -> String {
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
    object.text("topic", topic.as_str());
    object.text("epoch", epoch.as_str());
    object.list("records", records, |out, record| put_message(out, None, record));
    object.flag("more", more);
    object.end();
    out
}

/// The answer to a presence request: `{topic, members: [{id, subject?, info?}]}`.
#[must_use]
pub fn presence(topic: &Topic, members: &[Member]) -> String {
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
    object.text("topic", topic.as_str());
    object.list("members", members, record::put_member);
    object.end();
    out
}

/// A problem document (RFC 9457): `{title, status, code, number, detail, retry_after?}`.
///
/// ```
/// use everwire_protocol::{Code, json::body::problem};
///
/// assert_eq!(
///     problem(Code::FORBIDDEN, "not your room", None),
///     r#"{"title":"forbidden","status":403,"code":"forbidden","number":4507,"detail":"not your room"}"#
/// );
/// ```
#[must_use]
pub fn problem(code: Code, detail: &str, retry_after: Option<RetryWindow>) -> String {
    let mut out = String::new();
    put_problem(&mut out, code, detail, retry_after);
    out
}

fn put_problem(out: &mut String, code: Code, detail: &str, retry_after: Option<RetryWindow>) {
    let mut object = Object::begin(out);
    put_problem_fields(&mut object, code, detail, retry_after);
    object.end();
}

fn put_problem_fields(object: &mut Object<'_>, code: Code, detail: &str, retry_after: Option<RetryWindow>) {
    object.text("title", &code.name().replace('_', " "));
    object.number("status", code.status());
    server::put_code(object, code);
    object.text("detail", detail);
    record::put_retry_after(object, retry_after);
}
