//! What a subscription yields.

use std::{fmt, sync::Arc};

use everwire_protocol::{Epoch, GapReason, Member, Payload, Position, PublishId, Record};

use crate::{
    Error, SnapshotError,
    snapshot::{NoSnapshot, Told},
};

/// One event of a subscription, in its place among the messages. `S` is what its
/// [`snapshot`](crate::Subscribe::snapshot) hook loads; without a hook there is none, and nothing to match.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<T, S = NoSnapshot> {
    /// The next message. Offsets are contiguous: what is missing between two messages was told of by a
    /// [`Gap`](Event::Gap).
    Message(Message<T>),
    /// Messages that can no longer be had.
    Gap(Gap),
    /// A message that is not logged.
    Ephemeral(Ephemeral<T>),
    /// Who is on the topic now; replaces what was known. Only with
    /// [`presence`](crate::Subscribe::presence).
    Members(Vec<Member>),
    /// Somebody came, or has something new to tell of themselves.
    Join(Member),
    /// Somebody went.
    Leave(Member),
    /// The subscription stands, for the first time or again after a reconnect; the next message is the
    /// one after `position`.
    Subscribed {
        /// Where the messages go on.
        position: Position,
        /// It went on from where it had been, and nothing was lost.
        recovered: bool,
    },
    /// What the [`snapshot`](crate::Subscribe::snapshot) hook loaded; what follows is newer.
    Snapshot(S),
    /// The hook failed. Messages wait, and it is asked again.
    SnapshotFailed(SnapshotError),
    /// The subscription has ended for good: nothing follows.
    Failed(Error),
}

/// A message as its subscriber sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<T> {
    /// Its content, or why it is not what was expected. A message that can't be decoded is still told
    /// of: leaving it out would be a silent hole.
    pub data: Result<T, DecodeError>,
    /// Its place in the topic's log.
    pub offset: u64,
    /// The life of the log that the offset belongs to.
    pub epoch: Epoch,
    /// When the server took it in, in milliseconds since the Unix epoch.
    pub time: u64,
    /// What it is about, as its publisher said.
    pub key: Option<Arc<str>>,
    /// The publisher's subject, as the server authenticated it; none for an anonymous one.
    pub from: Option<Arc<str>>,
    /// The id that it was published with: equal to [`Publishing::id`](crate::Publishing::id) at the
    /// client that published it.
    pub id: Option<PublishId>,
}

/// Offsets that were lost, in their place among the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first offset lost.
    pub from: u64,
    /// The last one, where it is known. It isn't when the log's life has ended.
    pub to: Option<u64>,
    /// Why.
    pub reason: GapReason,
    /// Where the messages go on.
    pub position: Position,
}

/// A message that is not logged, e.g. that somebody is typing.
#[derive(Clone, Debug, PartialEq)]
pub struct Ephemeral<T> {
    /// Its content, or why it is not what was expected.
    pub data: Result<T, DecodeError>,
    /// When the server took it in, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The publisher's subject, as the server authenticated it.
    pub from: Option<Arc<str>>,
}

/// A page of history.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The messages, oldest first, with contiguous offsets; may be empty.
    pub messages: Vec<Message<T>>,
    /// Whether the log keeps more on that side.
    pub more: bool,
}

/// A payload is not of the type that the app expects; the text says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(pub(crate) String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

/// How a payload becomes the app's type. A plain function: the subscription's type parameter is all that
/// decides, and without the feature `serde` no decoder is compiled.
pub(crate) type Decode<T> = fn(Payload) -> Result<T, DecodeError>;

/// Leaves the payload as it is.
pub(crate) fn raw(payload: Payload) -> Result<Payload, DecodeError> {
    Ok(payload)
}

impl<T> Message<T> {
    pub(crate) fn new(record: Record, epoch: Epoch, decode: Decode<T>) -> Self {
        let Record { offset, time, payload, key, from, id } = record;
        Self { data: decode(payload), offset, epoch, time, key, from, id }
    }
}

impl Event<Payload> {
    /// The same with its payload in the app's type.
    pub(crate) fn decode<T, S>(self, decode: Decode<T>) -> Event<T, S> {
        match self {
            Event::Message(m) => Event::Message(Message {
                data: m.data.and_then(decode),
                offset: m.offset,
                epoch: m.epoch,
                time: m.time,
                key: m.key,
                from: m.from,
                id: m.id,
            }),
            Event::Ephemeral(m) => {
                Event::Ephemeral(Ephemeral { data: m.data.and_then(decode), time: m.time, from: m.from })
            }
            Event::Gap(gap) => Event::Gap(gap),
            Event::Members(members) => Event::Members(members),
            Event::Join(member) => Event::Join(member),
            Event::Leave(member) => Event::Leave(member),
            Event::Subscribed { position, recovered } => Event::Subscribed { position, recovered },
            Event::SnapshotFailed(error) => Event::SnapshotFailed(error),
            Event::Failed(error) => Event::Failed(error),
        }
    }
}

impl<T, S> From<Told<S>> for Event<T, S> {
    fn from(told: Told<S>) -> Self {
        match told {
            Told::Snapshot(state) => Self::Snapshot(state),
            Told::Failed(error) => Self::SnapshotFailed(error),
        }
    }
}
