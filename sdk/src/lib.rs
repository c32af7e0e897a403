//! A browser client that stays connected to an Everwire server: over WebSocket, Server-Sent Events or long
//! polling, whichever works. It reconnects, resumes where it was, notices dead links, and never loses or
//! repeats a message in silence.
//!
//! ```no_run
//! use everwire::{Client, Event, From};
//! use futures::StreamExt;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Chat {
//!     user: String,
//!     text: String,
//! }
//!
//! async fn chat() -> Result<(), everwire::PublishError> {
//!     let client = Client::builder("https://example.com").connect();
//!     let mut room = client.subscribe::<Chat>("room:general").from(From::Last(50)).open();
//!
//!     let hello = Chat { user: "ada".into(), text: "hello".into() };
//!     client.publish("room:general", &hello).await?; // done when the server has it, across reconnects
//!
//!     while let Some(event) = room.next().await {
//!         match event {
//!             Event::Message(message) => match message.data {
//!                 Ok(chat) => println!("{} {}: {}", message.offset, chat.user, chat.text),
//!                 Err(error) => println!("{} is something else: {error}", message.offset),
//!             },
//!             Event::Gap(gap) => println!("lost from {} on: {:?}", gap.from, gap.reason),
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! All of it is `'static`, cancel-safe, single-threaded, and stops when dropped. It runs in windows and in
//! workers.
//!
//! For servers that know nothing of Everwire there are [`dropin::ReconnectingWebSocket`] and
//! [`dropin::ResumableEventSource`].
//!
//! What the client decides is decided by the state machine in `everwire-core`, which knows no browser; this
//! crate gives it one. Without the default feature `serde`, payloads are bytes ([`Payload`]), and no JSON
//! is parsed or written here.
//!
//! Optional, and not in the module unless they are asked for: `indexeddb` keeps publishes over a reload or a crash
//! ([`Builder::persist_outbox`]), `tabs` shares one connection between the tabs of an origin, `log` writes every
//! input, output and deadline to the crate `log`.

mod address;
mod builder;
mod client;
mod delivery;
mod driver;
pub mod dropin;
mod environment;
mod error;
mod event;
mod history;
#[cfg(feature = "serde")]
mod json;
#[cfg(feature = "indexeddb")]
mod lock;
mod log;
mod memory;
mod name;
mod outbox;
mod platform;
mod publish;
mod queue;
mod readers;
mod slot;
mod snapshot;
mod status;
mod subscription;
#[cfg(feature = "tabs")]
mod tabs;
mod transport;

#[cfg(all(test, target_arch = "wasm32"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

pub use builder::Builder;
pub use client::Client;
pub use error::{Error, PublishError};
pub use event::{DecodeError, Ephemeral, Event, Gap, Message, Page};
pub use history::History;
#[cfg(feature = "serde")]
pub use json::decode;
#[cfg(feature = "indexeddb")]
pub use outbox::IndexedDb;
pub use outbox::{OutboxEvent, OutboxStore, OutboxStream, StoreError};
pub use publish::Publishing;
pub use snapshot::{NoSnapshot, Snapshot, SnapshotError};
pub use status::{Status, StatusStream};
pub use subscription::{Subscribe, Subscription};

pub use everwire_core::{
    BackoffConfig, Config, FlowConfig, OutboxConfig, Overflow, Publish, Reason, Reconnects, State, Stats,
    StoredPublish, Transport, UnknownTransport,
};
pub use everwire_protocol::{
    ClientId, Code, Epoch, From, GapReason, HistoryRange, Kind, Member, NameError, Payload, Position,
    PublishId, Topic, limits,
};
