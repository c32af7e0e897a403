//! What is published and has no outcome yet, kept beyond the page: a reload or a crash then costs a delay and
//! no message. Here is what a store has to be, and what the app hears of it. Knows no browser; one store is
//! [`IndexedDb`], with the feature `indexeddb`.

#[cfg(feature = "indexeddb")]
mod indexed_db;
mod keeper;
#[cfg(feature = "indexeddb")]
mod record;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use everwire_core::StoredPublish;
use everwire_protocol::{Position, PublishId};
use futures::Stream;

use crate::{
    PublishError,
    readers::{Reader, Readers},
};

#[cfg(feature = "indexeddb")]
pub use indexed_db::IndexedDb;
pub(crate) use keeper::{Inbox, Start, start};

/// Where publishes are kept until their outcome. One store serves one client.
///
/// Each wait for it has a deadline of the client's: a store that hangs or fails never holds the client up.
/// What it can't do it says once, as [`OutboxEvent::Unpersisted`].
pub trait OutboxStore: 'static {
    /// Takes over what clients that are no more have left, the oldest first, and never what a living one has
    /// in its store. From now on it is this client's. An age that is over is told as zero: the client then
    /// says that the publish expired. Asked once, before anything else.
    fn load(&self) -> impl Future<Output = Result<Vec<StoredPublish>, StoreError>>;

    /// Keeps publishes, in this order.
    fn save(&self, publishes: Vec<StoredPublish>) -> impl Future<Output = Result<(), StoreError>>;

    /// Forgets publishes that have had their outcome.
    fn forget(&self, ids: Vec<PublishId>) -> impl Future<Output = Result<(), StoreError>>;

    /// The page is put aside and may hold nothing: let go of locks. Another client may then take over what is
    /// stored here; its publishes keep their ids, so they take effect once whoever sends them.
    fn put_aside(&self) {}

    /// The page is back.
    fn back(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}

/// Why publishes are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreError {
    /// The browser has no such store here, or forbids it.
    Unavailable,
    /// It took too long, as when another page blocks the database.
    TimedOut,
    /// It took no more: nearly always it is full.
    Refused,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "there is no store for publishes here",
            Self::TimedOut => "the store for publishes did not answer in time",
            Self::Refused => "the store for publishes took no more",
        })
    }
}

impl std::error::Error for StoreError {}

/// What becomes of publishes that are kept beyond the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxEvent {
    /// A publish that an earlier client left has had its outcome.
    Restored {
        /// The id that it was published with.
        id: PublishId,
        /// What [`Publishing`](crate::Publishing) would have told.
        result: Result<Option<Position>, PublishError>,
    },
    /// The store failed: from now on nothing is kept beyond the page. Told once; the client goes on without.
    Unpersisted(StoreError),
}

/// Most events that wait for one reader; beyond that it misses the oldest. As many as an outbox holds by default.
const EVENTS: usize = 1_000;

/// What becomes of publishes that are kept beyond the page; see
/// [`Client::outbox_events`](crate::Client::outbox_events). Ends when the client is closed.
pub struct OutboxStream(Reader<OutboxEvent>);

impl Stream for OutboxStream {
    type Item = OutboxEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<OutboxEvent>> {
        self.0.poll(context)
    }
}

/// The driver's side: what it has to tell, and to whom.
pub(crate) struct News {
    readers: Readers<OutboxEvent>,
    failed: Option<StoreError>,
}

impl News {
    pub(crate) fn new() -> Self {
        Self { readers: Readers::new(EVENTS), failed: None }
    }

    /// A further reader. That the store failed it is told whenever it comes.
    pub(crate) fn read(&mut self, ended: bool) -> OutboxStream {
        OutboxStream(self.readers.add(self.failed.map(OutboxEvent::Unpersisted), ended))
    }

    /// The wakers are for the caller to wake once it holds nothing borrowed.
    pub(crate) fn restored(
        &self,
        id: PublishId,
        result: Result<Option<Position>, PublishError>,
        wakers: &mut Vec<Waker>,
    ) {
        self.readers.tell(&OutboxEvent::Restored { id, result }, wakers);
    }

    pub(crate) fn failed(&mut self, error: StoreError, wakers: &mut Vec<Waker>) {
        self.failed = Some(error);
        self.readers.tell(&OutboxEvent::Unpersisted(error), wakers);
    }

    pub(crate) fn end(&self, wakers: &mut Vec<Waker>) {
        self.readers.end(wakers);
    }
}
