//! Everwire in Leptos: a topic, who is on it, and the connection itself as signals.
//!
//! ```no_run
//! use everwire_leptos::{Client, Entry, From, TopicOptions, provide_client, use_connection, use_topic};
//! use leptos::prelude::*;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Chat {
//!     user: String,
//!     text: String,
//! }
//!
//! #[component]
//! fn App() -> impl IntoView {
//!     provide_client(Client::builder("https://example.com").connect());
//!     view! { <Badge /> <Room /> }
//! }
//!
//! #[component]
//! fn Badge() -> impl IntoView {
//!     let connection = use_connection();
//!     view! { <p>{move || connection.status().state.as_str()}</p> }
//! }
//!
//! #[component]
//! fn Room() -> impl IntoView {
//!     let room = use_topic::<Chat>("room:general", TopicOptions { from: From::Last(50), ..Default::default() });
//!     view! {
//!         <ul>
//!             <For each=move || room.entries() key=|entry| entry.key() let:entry>
//!                 <li>{match &*entry {
//!                     Entry::Message { message, .. } => match &message.data {
//!                         Ok(chat) => format!("{}: {}", chat.user, chat.text),
//!                         Err(error) => format!("unreadable: {error}"),
//!                     },
//!                     Entry::Gap { gap, .. } => format!("messages from {} on are lost", gap.from),
//!                 }}</li>
//!             </For>
//!         </ul>
//!     }
//! }
//! ```
//!
//! What comes is applied batch by batch: a burst of a thousand messages changes a signal once, and not one of them is
//! skipped. What is kept is bounded ([`TopicOptions::keep`]). Everything ends with the reactive owner that asked for
//! it: a component that goes away unsubscribes. Several components on one topic share one subscription at the
//! server.
//!
//! The building block is [`use_batches`]: it hands each batch of a subscription to a closure, for apps whose state is
//! not a list.

mod batches;
mod client;
mod connection;
mod entries;
mod presence;
mod topic;

pub use batches::use_batches;
pub use client::{ClientHandle, provide_client, use_client};
pub use connection::{Connection, use_connection};
pub use entries::Entry;
pub use presence::use_presence;
pub use topic::{Phase, TopicHandle, TopicOptions, use_topic};

pub use everwire::{Client, Event, From, Gap, Member, Message, Status};
