//! The connection's state as the app sees it: the value now, and the stream of its changes.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use everwire_core::{Reason, State, StateChange, Transport};
use futures::Stream;

use crate::{
    platform,
    readers::{Reader, Readers},
};

/// Most changes that wait for one reader; beyond that it misses the oldest. What it reads last is always
/// the present.
const CHANGES: usize = 64;

/// What the connection is doing, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// The transport in use, or being tried.
    pub transport: Option<Transport>,
    /// What led to it.
    pub reason: Reason,
    /// How many attempts in a row have failed.
    pub attempt: u32,
    /// When the next attempt starts, in milliseconds as `performance.now()` counts them; only while
    /// waiting. For a countdown, which [`retry_in`](Self::retry_in) works out.
    pub retry_at: Option<f64>,
    /// The transport of the tab that has the connection; only while [`transport`](Self::transport) is
    /// [`Transport::Tab`].
    #[cfg(feature = "tabs")]
    pub via: Option<Transport>,
}

impl Status {
    pub(crate) fn new(change: StateChange) -> Self {
        let StateChange { state, transport, reason, attempt, retry_in } = change;
        let retry_at = retry_in.map(|retry_in| platform::milliseconds() + retry_in.as_millis() as u32 as f64);
        Self {
            state,
            transport,
            reason,
            attempt,
            retry_at,
            #[cfg(feature = "tabs")]
            via: None,
        }
    }

    /// How long it is from this moment to the next attempt; zero when it is due.
    #[must_use]
    pub fn retry_in(&self) -> Option<Duration> {
        let left = self.retry_at? - platform::milliseconds();
        Some(Duration::from_millis(if left > 0.0 { left as u64 } else { 0 }))
    }
}

/// The connection's changes: the present status first, then each change. Ends after
/// [`State::Closed`]. A reader that falls more than 64 changes behind misses the oldest ones.
pub struct StatusStream(Reader<Status>);

impl Stream for StatusStream {
    type Item = Status;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Status>> {
        self.0.poll(context)
    }
}

/// The driver's side: the present, and who reads the changes.
pub(crate) struct StatusBoard {
    now: Status,
    readers: Readers<Status>,
    /// What the next change is to say of the tab that has the connection.
    #[cfg(feature = "tabs")]
    via: Option<Transport>,
}

impl StatusBoard {
    pub(crate) fn new(now: Status) -> Self {
        Self {
            now,
            readers: Readers::new(CHANGES),
            #[cfg(feature = "tabs")]
            via: None,
        }
    }

    pub(crate) fn now(&self) -> Status {
        self.now
    }

    pub(crate) fn read(&mut self) -> StatusStream {
        StatusStream(self.readers.add(Some(self.now), self.now.state == State::Closed))
    }

    /// The tab that has the connection has it by this.
    #[cfg(feature = "tabs")]
    pub(crate) fn goes_via(&mut self, via: Option<Transport>) {
        self.via = via;
    }

    /// Tells everybody. The wakers are for the caller to wake once it holds nothing borrowed.
    pub(crate) fn tell(&mut self, status: Status, wakers: &mut Vec<Waker>) {
        #[cfg(feature = "tabs")]
        let status = Status { via: self.via, ..status };
        self.now = status;
        self.readers.tell(&status, wakers);
        if status.state == State::Closed {
            self.readers.end(wakers);
        }
    }
}
