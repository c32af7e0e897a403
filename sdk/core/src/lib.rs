//! The Everwire client as a pure state machine.
//!
//! A [`Session`] keeps an app connected to its server: it chooses a transport, reconnects, resumes each
//! subscription from what the app has been given, keeps publishes until they are acked, and finds dead links
//! by their silence. It does no I/O. What happened goes in through `handle_*` and the app's calls, each with
//! the time; what has to be done comes out of [`Session::poll_output`]; when to call again says
//! [`Session::poll_timeout`]. There is no clock, no global randomness and no browser in here, so all of it
//! runs natively, in simulated time, by the million.
//!
//! [`sse::Parser`] reads any `text/event-stream`, and is of use on its own. [`dropin`] has a WebSocket and an event source
//! that come back by themselves, for servers that know nothing of Everwire.

mod backoff;
mod clock;
mod config;
pub mod dropin;
mod event;
mod feed;
mod input;
mod link;
mod map;
mod outbox;
mod output;
mod places;
mod publisher;
mod question;
mod reader;
#[cfg(feature = "relay")]
pub mod relay;
mod request;
mod selection;
mod session;
pub mod sse;
mod stats;
mod stream;
mod time;
mod timer;
mod token;
mod transport;

pub use clock::{Alarm, Arm, Clock};
pub use config::{BackoffConfig, Config, FlowConfig, HIDDEN_FAILURES, OutboxConfig, Overflow};
pub use event::{Event, Failure, HistoryPage, Outcome, Reason, State, StateChange};
pub use input::{
    Closed, HttpResponse, Publish, PublishError, StoredPublish, SubscribeError, SubscribeOptions,
};
pub use output::{AttemptId, Method, Output, Request, RequestId, SubscriptionId};
pub use places::Places;
pub use session::Session;
pub use stats::{Reconnects, Stats};
pub use time::Time;
pub use timer::TimerName;
pub use transport::{Transport, Transports, UnknownTransport};

pub use everwire_protocol as protocol;
pub use everwire_protocol::Token;
