//! What tabs say to each other: the messages of the channels between them. Everything here is hostile until
//! parsed, since any page of the origin, and a tab with another build of this crate, can write to a channel.
//! It knows no browser and no session.
//!
//! A message is a byte of version, a byte of kind, and the kind's fields; numbers are little-endian. There are
//! two kinds of channel. On the one that all tabs hear, tabs look for the one that has the connection. Each link
//! between a tab and that one has a channel of its own.

use std::time::Duration;

use bytes::{Buf, Bytes};
use everwire_protocol::{ClientId, PublishId, limits};

use crate::{Reason, State, StateChange};

/// The version of these messages. A tab that speaks another one is not understood, and works alone.
pub const VERSION: u8 = 1;

/// Longest message, in bytes.
pub const MESSAGE_BYTES: usize = limits::FRAME_BYTES + HEAD;

/// Version and kind.
const HEAD: usize = 2;

const LEADER: u8 = 1;
const HELLO: u8 = 2;
const OPENED: u8 = 16;
const TO_TAB: u8 = 17;
const STATE: u8 = 18;
const EXPIRED: u8 = 19;
const CLOSED_BY_LEADER: u8 = 20;
const TO_LEADER: u8 = 32;
const TAKEN: u8 = 33;
const WAKE: u8 = 34;
const CLOSED_BY_TAB: u8 = 35;

/// A message of another version or kind, or one that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// The random name of a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TabName(pub [u8; 16]);

impl TabName {
    /// In hex, as it stands in the names of channels and locks.
    #[must_use]
    pub fn to_hex(self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits =
            self.0.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        digits.map(char::from).collect()
    }
}

/// What is said on the channel that all tabs hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// "I have the connection." Said when that came to be, and from time to time.
    Leader {
        /// Who.
        leader: TabName,
    },
    /// "Whoever has the connection: I have opened a channel for a link."
    Hello {
        /// Who.
        tab: TabName,
        /// The link's number, unique in the tab.
        link: u32,
    },
}

/// What the tab that has the connection says on a link's channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToTab {
    /// The link stands.
    Opened {
        /// Who leads.
        leader: TabName,
        /// The name under which the server knows the connection: the next tab that has it goes on under the
        /// same one, so that a handover is no leave in presence.
        client_id: ClientId,
    },
    /// Server frames in the binary codec.
    Frames(Bytes),
    /// How the connection is.
    State(StateChange),
    /// A publish has expired.
    Expired(PublishId),
    /// The link is no more.
    Closed,
}

/// What a tab says on its link's channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromTab {
    /// Client frames in the binary codec.
    Frames(Bytes),
    /// So many bytes of messages were taken in since this was last said.
    Taken(u32),
    /// The tab was shown, or slept: whatever seems alive wants a probe.
    Wake,
    /// The link is no more.
    Closed,
}

impl Announcement {
    /// The message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Leader { leader } => message(LEADER, &[&leader.0]),
            Self::Hello { tab, link } => message(HELLO, &[&tab.0, &link.to_le_bytes()]),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn decode(data: Bytes) -> Result<Self, Unreadable> {
        let (kind, mut body) = open(data)?;
        let announcement = match kind {
            LEADER => Self::Leader { leader: name(&mut body)? },
            HELLO => Self::Hello { tab: name(&mut body)?, link: number(&mut body)? },
            _ => return Err(Unreadable),
        };
        whole(announcement, &body)
    }
}

impl ToTab {
    /// The message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Opened { leader, client_id } => {
                message(OPENED, &[&leader.0, client_id.as_str().as_bytes()])
            }
            Self::Frames(frames) => message(TO_TAB, &[frames]),
            Self::State(change) => state_message(change),
            Self::Expired(id) => message(EXPIRED, &[id.as_str().as_bytes()]),
            Self::Closed => message(CLOSED_BY_LEADER, &[]),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn decode(data: Bytes) -> Result<Self, Unreadable> {
        let (kind, mut body) = open(data)?;
        let read = match kind {
            OPENED => Self::Opened {
                leader: name(&mut body)?,
                client_id: ClientId::new(text(&body)?).map_err(|_| Unreadable)?,
            },
            TO_TAB => return Ok(Self::Frames(body)),
            STATE => {
                let change = state(&mut body)?;
                return whole(Self::State(change), &body);
            }
            EXPIRED => Self::Expired(PublishId::new(text(&body)?).map_err(|_| Unreadable)?),
            CLOSED_BY_LEADER => return whole(Self::Closed, &body),
            _ => return Err(Unreadable),
        };
        Ok(read)
    }
}

impl FromTab {
    /// The message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Frames(frames) => message(TO_LEADER, &[frames]),
            Self::Taken(bytes) => message(TAKEN, &[&bytes.to_le_bytes()]),
            Self::Wake => message(WAKE, &[]),
            Self::Closed => message(CLOSED_BY_TAB, &[]),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn decode(data: Bytes) -> Result<Self, Unreadable> {
        let (kind, mut body) = open(data)?;
        let read = match kind {
            TO_LEADER => return Ok(Self::Frames(body)),
            TAKEN => Self::Taken(number(&mut body)?),
            WAKE => Self::Wake,
            CLOSED_BY_TAB => Self::Closed,
            _ => return Err(Unreadable),
        };
        whole(read, &body)
    }
}

fn message(kind: u8, fields: &[&[u8]]) -> Bytes {
    let head: &[u8] = &[VERSION, kind];
    [&[head], fields].concat().concat().into()
}

fn open(mut data: Bytes) -> Result<(u8, Bytes), Unreadable> {
    if data.len() < HEAD || data.len() > MESSAGE_BYTES || data.get_u8() != VERSION {
        return Err(Unreadable);
    }
    let kind = data.get_u8();
    Ok((kind, data))
}

fn whole<T>(read: T, rest: &Bytes) -> Result<T, Unreadable> {
    if rest.is_empty() { Ok(read) } else { Err(Unreadable) }
}

fn name(body: &mut Bytes) -> Result<TabName, Unreadable> {
    let mut name = [0; 16];
    body.try_copy_to_slice(&mut name).map_err(|_| Unreadable)?;
    Ok(TabName(name))
}

fn number(body: &mut Bytes) -> Result<u32, Unreadable> {
    body.try_get_u32_le().map_err(|_| Unreadable)
}

fn text(body: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(body).map_err(|_| Unreadable)
}

/// What a connection may be called here, by names: their numbers may differ between builds.
const STATES: [State; 4] = [State::Connecting, State::Connected, State::Waiting, State::Offline];

/// Every reason; those with a code stand for all codes.
const REASONS: [Reason; 15] = [
    Reason::Asked,
    Reason::Welcomed,
    Reason::Network,
    Reason::Silent,
    Reason::Unanswered,
    Reason::ConnectTimeout,
    Reason::Closed(0),
    Reason::Status(0),
    Reason::Drain,
    Reason::Malformed,
    Reason::Token,
    Reason::Offline,
    Reason::Back,
    Reason::Suspended,
    Reason::Transport,
];

/// Stands for no transport, and no retry.
const NONE: u32 = u32::MAX;

fn state_message(change: &StateChange) -> Bytes {
    let StateChange { state, transport, reason, attempt, retry_in } = change;
    let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(NONE - 1);
    let numbers = [reason.code().unwrap_or(0).into(), *attempt, retry_in.map_or(NONE, millis)];
    let mut fields = numbers.map(u32::to_le_bytes).concat();
    for word in [state.as_str(), transport.map_or("", |transport| transport.as_str()), reason.as_str()] {
        // All of them are short.
        fields.push(word.len() as u8);
        fields.extend_from_slice(word.as_bytes());
    }
    message(STATE, &[&fields])
}

fn state(body: &mut Bytes) -> Result<StateChange, Unreadable> {
    let (code, attempt, retry_in) = (number(body)?, number(body)?, number(body)?);
    let code = u16::try_from(code).map_err(|_| Unreadable)?;
    let (state, transport, reason) = (word(body)?, word(body)?, word(body)?);
    let transport = text(&transport)?;
    let reason = REASONS.into_iter().find(|known| known.as_str().as_bytes() == reason).ok_or(Unreadable)?;
    Ok(StateChange {
        state: STATES.into_iter().find(|known| known.as_str().as_bytes() == state).ok_or(Unreadable)?,
        transport: if transport.is_empty() { None } else { Some(transport.parse().map_err(|_| Unreadable)?) },
        reason: match reason {
            Reason::Closed(_) => Reason::Closed(code),
            Reason::Status(_) => Reason::Status(code),
            reason => reason,
        },
        attempt,
        retry_in: (retry_in != NONE).then(|| Duration::from_millis(retry_in.into())),
    })
}

fn word(body: &mut Bytes) -> Result<Bytes, Unreadable> {
    let len = usize::from(body.try_get_u8().map_err(|_| Unreadable)?);
    if body.len() < len { Err(Unreadable) } else { Ok(body.split_to(len)) }
}

#[cfg(test)]
#[path = "message/tests.rs"]
mod tests;
