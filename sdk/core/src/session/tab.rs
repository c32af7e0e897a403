//! What is special about a link to another tab: there, something comes beside the protocol, and how the
//! connection is, is not how the link is.

use std::time::Duration;

use everwire_protocol::{Limits, PublishId};

use crate::{
    AttemptId, Event, Outcome, Reason, Session, State, StateChange, Time, TimerName, Transport,
    session::end::MOVED,
};

/// How often a tab pings the one that has the connection while that is lost. A hidden page's timers may be a minute
/// late; what it hears makes it look at its deadlines, so that those who are seen don't wait for it.
pub(super) const URGES_EVERY: Duration = Duration::from_secs(1);

/// What the tab that has the connection says of it, and on which link it said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upstream {
    attempt: AttemptId,
    change: StateChange,
}

impl Session {
    /// A tab has come to lead, and it is not the one of the present link: moves to it at once, or, from a link
    /// that works, make before break. Does nothing where tabs are not among the transports.
    pub fn handle_leader(&mut self, now: Time) {
        self.now = now;
        if !self.selection.allows(Transport::Tab) {
            return;
        }
        match self.live_transport() {
            Some(Transport::Tab) => self.reconnect(now, Reason::Drain),
            Some(_) if self.links.len() == 1 => self.begin_round(now, Reason::Transport),
            Some(_) => {}
            None if self.status.state == State::Waiting => self.come_back(now, Reason::Drain),
            // Where others are being tried, beside them.
            None if self.status.state == State::Connecting && !self.links.is_empty() => {
                let head_start = self.timers.get(TimerName::HeadStart);
                // Who waits for the one that led before waits in vain.
                let vain = self.links.iter().find(|link| link.transport == Transport::Tab);
                if let Some(id) = vain.map(|link| link.id) {
                    self.shut(now, id, Reason::Drain, MOVED);
                }
                self.start(now, Transport::Tab);
                if head_start.is_some() {
                    self.timers.put(TimerName::HeadStart, head_start);
                }
            }
            None => {}
        }
    }

    /// The tab at the other end of a link told how the connection is. From then on the state is that one, as long
    /// as the link lives.
    pub fn handle_upstream(&mut self, now: Time, attempt: AttemptId, change: StateChange) {
        if self.current(now, attempt).is_none_or(|link| link.transport != Transport::Tab) {
            return;
        }
        let via = self.via();
        self.upstream = Some(Upstream { attempt, change });
        if self.live == Some(attempt) {
            let before = self.status;
            self.transition(State::Connected, Reason::Welcomed, Some(Transport::Tab), None);
            if self.status == before && self.via() != via {
                self.event(Event::State(before));
            }
            if self.waits_for_upstream() {
                self.ping(now);
            }
        }
    }

    /// The tab at the other end of a link told that a publish has expired there.
    pub fn handle_expired(&mut self, now: Time, attempt: AttemptId, id: &PublishId) {
        if self.current(now, attempt).is_some() {
            self.settle(id, Outcome::Expired);
        }
    }

    /// The transport of the tab that has the connection, while this session's link is one to that tab.
    #[must_use]
    pub fn via(&self) -> Option<Transport> {
        self.upstream_of_link()?.transport
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// How the connection is to be called: what is told of it at the other end of the link, where the link works.
    pub(super) fn shown(&self, change: StateChange) -> StateChange {
        match self.upstream_of_link() {
            Some(upstream) if change.state == State::Connected => {
                StateChange { transport: change.transport, ..upstream }
            }
            _ => change,
        }
    }

    /// Whether answers can't come, since the tab that has the connection has lost it.
    pub(super) fn waits_for_upstream(&self) -> bool {
        self.upstream_of_link().is_some_and(|upstream| upstream.state != State::Connected)
    }

    /// An answer of the server is overdue, on a link to another tab: that one waits for it too, and for how long is
    /// its business. Finds out whether it lives. Returns whether it is such a link.
    pub(super) fn probes_leader(&mut self, now: Time) -> bool {
        let is_tab = self.live_transport() == Some(Transport::Tab);
        if is_tab {
            self.probe(now);
        }
        is_tab
    }

    fn upstream_of_link(&self) -> Option<StateChange> {
        self.upstream.filter(|upstream| Some(upstream.attempt) == self.live).map(|upstream| upstream.change)
    }
}
