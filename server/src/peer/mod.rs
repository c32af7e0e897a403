//! One consumer: the state of the protocol on one connection, or in one request, over a store. Frames go
//! in, encoded batches come out. It knows no socket, no HTTP, no timer and no task: time is passed in, in
//! milliseconds since the Unix epoch, and whoever drives it does the waiting.
//!
//! How to drive one:
//! 1. [`Peer::new`] for a connection that says `connect` itself, [`Peer::connected`] for a request.
//! 2. [`Peer::handle`] for each frame that comes in; flush in between when [`Peer::is_full`].
//! 3. [`Peer::pull`] until it gives nothing, sending each result as one message, whenever a frame was
//!    handled, [`Wakeup::marked`] returned, or [`Peer::deadline`] has come.
//! 4. When it gives nothing and [`Peer::closing`] says why, close.
//! 5. [`Peer::leave`] at the end, whatever the end was.
//!
//! There is no queue of records here: a peer pulls from the logs when its sink has room, so a slow one
//! falls behind and costs nothing (invariant 5).

mod budget;
mod handle;
mod outgoing;
mod pull;
mod subscription;
mod token;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use everwire_protocol::{About, Code, RetryWindow, ServerFrame, Topic, limits};

use crate::{
    auth::Subject,
    hub::{Hub, Refusal, cut},
    order::Order,
    presence::Visitor,
    store::{Store, Wakeup},
};

pub use outgoing::{Outgoing, encode_binary};

use budget::Budget;
use subscription::{Subscription, Subscriptions};

/// How much may wait in a peer for its sink before it wants to be flushed, in bytes.
const QUEUE_BYTES: usize = 256 * 1024;

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The close code.
    pub code: Code,
    /// For people.
    pub reason: Arc<str>,
}

/// The protocol's state of one consumer.
pub struct Peer<S> {
    hub: Arc<Hub<S>>,
    session: Arc<str>,
    subject: Subject,
    /// Who it is; none before `connect`, and in requests that name no client.
    visitor: Option<Visitor>,
    welcomed: bool,
    queue: VecDeque<ServerFrame>,
    queued_bytes: usize,
    /// What lists of members may still take.
    members: Budget,
    subscriptions: Subscriptions,
    /// What it published and has to send again.
    order: Order,
    wakeup: Arc<Wakeup>,
    missed_members: bool,
    /// Topics that it has unsubscribed from since it was last pulled, where it was present.
    departing: Vec<Subscription>,
    born: u64,
    last_sent: u64,
    /// When every topic was looked at last.
    verified: u64,
    ends_at: u64,
    closing: Option<Closing>,
    left: bool,
}

impl<S: Store> Peer<S> {
    /// A peer that waits for its `connect` frame. `session` is the server's name for the connection.
    #[must_use]
    pub fn new(hub: Arc<Hub<S>>, now: u64, session: impl Into<Arc<str>>) -> Self {
        Self {
            hub,
            session: session.into(),
            subject: Subject::default(),
            visitor: None,
            welcomed: false,
            queue: VecDeque::new(),
            queued_bytes: 0,
            members: Budget::default(),
            subscriptions: Subscriptions::default(),
            order: Order::default(),
            wakeup: Wakeup::new(),
            missed_members: false,
            departing: Vec::new(),
            born: now,
            last_sent: now,
            verified: now,
            ends_at: u64::MAX,
            closing: None,
            left: false,
        }
    }

    /// A peer of a request that has said who it is: its welcome is ready. Without a `visitor` it can
    /// neither be present nor publish.
    #[must_use]
    pub fn connected(
        hub: Arc<Hub<S>>,
        now: u64,
        session: impl Into<Arc<str>>,
        subject: Subject,
        visitor: Option<Visitor>,
    ) -> Self {
        let mut peer = Self::new(hub, now, session);
        peer.subject = subject;
        peer.visitor = visitor;
        peer.welcome(now);
        peer
    }

    /// All that is sent is one answer, and so many topics come with presence: their members share what the
    /// members of one topic may take.
    pub fn share_members(&mut self, topics: usize) {
        self.members = Budget::shared_by(topics);
    }

    /// The longest life of this peer: at `at` it ends, and its client comes back from the cursor.
    pub fn ends_at(&mut self, at: u64) {
        self.ends_at = at;
    }

    /// What the store marks when there is something to pull.
    #[must_use]
    pub fn wakeup(&self) -> &Arc<Wakeup> {
        &self.wakeup
    }

    /// Whether somebody came or went since the visitor's connection before this one, so that the first
    /// `members` tell it something new.
    #[must_use]
    pub fn missed_members(&self) -> bool {
        self.missed_members
    }

    /// Whether so much waits to be pulled that no further frame should be handled before it is sent.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queued_bytes > QUEUE_BYTES
    }

    /// Whether a pull now would give nothing, unless something was marked meanwhile or the deadline has come:
    /// so that what was just sent needs no second pull to find that out.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty()
            && self.subscriptions.ready.is_empty()
            && self.departing.is_empty()
            && self.closing.is_none()
    }

    /// When to pull next, if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        let next = if self.welcomed { self.heartbeat_at() } else { self.connect_by() };
        next.min(self.ends_at).min(self.token_ends_at())
    }

    /// Why the connection ends, once it does: close it when nothing is left to pull.
    #[must_use]
    pub fn closing(&self) -> Option<&Closing> {
        self.closing.as_ref()
    }

    /// Refuses what the client sent, as a whole, and ends: for bytes that are no frame.
    pub fn refuse(&mut self, code: Code, message: impl Into<Arc<str>>) {
        let refusal = Refusal::new(code, message);
        let reason = Arc::clone(&refusal.message);
        self.error(About::Connection, refusal);
        self.close(code, reason);
    }

    /// The server goes away: tells the client when to come back, and ends.
    pub fn drain(&mut self, window: RetryWindow) {
        if self.closing.is_none() {
            self.push(ServerFrame::Drain { window });
            self.close(Code::DRAINING, "the server is going away");
        }
    }

    /// The connection is over: `clean` when the client said so itself, so that it leaves its topics at
    /// once and not after the grace time. The first call counts.
    pub fn leave(&mut self, now: u64, clean: bool) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        self.depart_all(now);
        for subscription in self.subscriptions.take_all() {
            self.depart(now, &subscription, clean);
        }
    }

    /// The first topic that was refused and why, when all that were asked for so far were: what is left
    /// is no stream worth opening.
    #[must_use]
    pub fn refused_all(&self) -> Option<(Topic, Refusal)> {
        if self.subscriptions.len() > 0 {
            return None;
        }
        self.queue.iter().find_map(|frame| match frame {
            ServerFrame::Error { about: About::Topic(topic), code, message, retry_after } => {
                let refusal =
                    Refusal { code: *code, message: Arc::clone(message), retry_after: *retry_after };
                Some((topic.clone(), refusal))
            }
            _ => None,
        })
    }

    fn welcome(&mut self, now: u64) {
        self.welcomed = true;
        let rules = &self.hub.rules;
        let welcome = ServerFrame::Welcome {
            session: Arc::clone(&self.session),
            heartbeat: rules.heartbeat,
            limits: rules.limits,
            server: Arc::clone(&rules.server),
        };
        self.push(welcome);
        if self.subject.expires_at.is_some() {
            self.tell_end(now);
        }
    }

    fn push(&mut self, frame: ServerFrame) {
        self.queued_bytes += outgoing::weight(&frame);
        self.queue.push_back(frame);
    }

    fn error(&mut self, about: About, refusal: Refusal) {
        let Refusal { code, message, retry_after } = refusal;
        self.push(ServerFrame::Error { about, code, message, retry_after });
    }

    fn close(&mut self, code: Code, reason: impl Into<Arc<str>>) {
        self.closing.get_or_insert(Closing { code, reason: cut(reason.into(), limits::MESSAGE_BYTES) });
    }

    fn connect_by(&self) -> u64 {
        self.born.saturating_add(self.hub.rules.connect_timeout)
    }

    /// A tenth early: what the welcome announced is the most, and sending takes time.
    fn heartbeat_at(&self) -> u64 {
        let heartbeat = u64::from(self.hub.rules.heartbeat);
        self.last_sent.saturating_add(heartbeat - heartbeat / 10)
    }
}
