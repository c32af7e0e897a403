//! The connection's state as the app sees it: the value now, and the stream of its changes.

use std::{
    cell::RefCell,
    collections::VecDeque,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use everwire_core::{Reason, State, StateChange, Transport};
use futures::Stream;

use crate::platform;

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
}

impl Status {
    pub(crate) fn new(change: StateChange) -> Self {
        let StateChange { state, transport, reason, attempt, retry_in } = change;
        let retry_at = retry_in.map(|retry_in| platform::milliseconds() + retry_in.as_millis() as u32 as f64);
        Self { state, transport, reason, attempt, retry_at }
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
pub struct StatusStream(Rc<RefCell<Changes>>);

#[derive(Default)]
struct Changes {
    waiting: VecDeque<Status>,
    waker: Option<Waker>,
    ended: bool,
}

impl Stream for StatusStream {
    type Item = Status;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Status>> {
        let mut changes = self.0.borrow_mut();
        if let Some(status) = changes.waiting.pop_front() {
            return Poll::Ready(Some(status));
        }
        if changes.ended {
            return Poll::Ready(None);
        }
        let replaced = changes.waker.replace(context.waker().clone());
        drop(changes);
        drop(replaced);
        Poll::Pending
    }
}

/// The driver's side: the present, and who reads the changes.
pub(crate) struct StatusBoard {
    now: Status,
    readers: Vec<Weak<RefCell<Changes>>>,
}

impl StatusBoard {
    pub(crate) fn new(now: Status) -> Self {
        Self { now, readers: Vec::new() }
    }

    pub(crate) fn now(&self) -> Status {
        self.now
    }

    pub(crate) fn read(&mut self) -> StatusStream {
        let ended = self.now.state == State::Closed;
        let changes = Changes { waiting: [self.now].into(), waker: None, ended };
        let changes = Rc::new(RefCell::new(changes));
        self.readers.retain(|reader| reader.strong_count() > 0);
        self.readers.push(Rc::downgrade(&changes));
        StatusStream(changes)
    }

    /// Tells everybody. The wakers are for the caller to wake once it holds nothing borrowed.
    pub(crate) fn tell(&mut self, status: Status, wakers: &mut Vec<Waker>) {
        self.now = status;
        for reader in self.readers.iter().filter_map(Weak::upgrade) {
            let mut changes = reader.borrow_mut();
            if changes.waiting.len() == CHANGES {
                changes.waiting.pop_front();
            }
            changes.waiting.push_back(status);
            changes.ended = status.state == State::Closed;
            wakers.extend(changes.waker.take());
        }
    }
}
