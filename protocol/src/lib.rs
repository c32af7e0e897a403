//! Everwire's wire protocol, version 1: the words that the client and the server share.
//!
//! This crate is pure. It knows the types that travel ([`ClientFrame`], [`ServerFrame`], [`Record`],
//! [`Position`]), three codecs for the same types ([`binary`], [`event`] for `text/event-stream`, and
//! `json` behind the feature of that name), the [`Code`]s that decide what a client does next, and the
//! [`limits`] that both sides check. It knows no socket, no clock and no browser.
//!
//! The specification for people who write a client in another language is `docs/protocol.md`; the golden
//! vectors in `vectors/` bind the two together.

pub mod binary;
mod code;
mod digits;
pub mod event;
mod frame;
pub mod http;
#[cfg(feature = "json")]
pub mod json;
pub mod limits;
mod name;
mod position;
mod record;
mod token;

pub use code::{Action, Code};
pub use digits::put_number;
pub use frame::{
    About, ClientFrame, GapReason, HistoryRange, Limits, Member, Mode, RetryWindow, ServerFrame,
};
pub use name::{ClientId, Epoch, NameError, PublishId, Topic};
pub use position::{Cursor, From, ParsePositionError, Position};
pub use record::{Kind, Payload, Record};
pub use token::Token;

/// The protocol's version, as it stands in WebSocket subprotocols and URL prefixes.
pub const VERSION: u8 = 1;
