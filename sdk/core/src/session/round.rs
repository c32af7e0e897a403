//! Rounds of tries: from "there should be a link" to a welcome, or to the wait before the next round.

use std::time::Duration;

use everwire_protocol::{Action, Code, Limits};

use crate::{
    AttemptId, Event, Output, Reason, Session, State, StateChange, Time, TimerName, Transport,
    backoff::pick_in,
    feed::Feed,
    link::{Link, Phase},
    session::end::{DONE, End, MOVED},
};

/// So many rounds may fail before questions and publishes do without a link.
const PATIENCE: u32 = 2;

impl Session {
    /// Whether anything may be tried now.
    fn may_connect(&self) -> bool {
        self.started && !self.offline && !self.suspended && !self.is_closed()
    }

    pub(super) fn transition(
        &mut self,
        state: State,
        reason: Reason,
        transport: Option<Transport>,
        retry_in: Option<Duration>,
    ) {
        let change = StateChange { state, transport, reason, attempt: self.backoff.failures(), retry_in };
        #[cfg(feature = "relay")]
        let change = self.shown(change);
        // The first is told although nothing has changed: it says that it has begun.
        if change != self.status || state == State::Connecting && self.next_attempt == 1 {
            self.status = change;
            self.event(Event::State(change));
        }
    }

    /// Connects at once, unless the server said not to, or it is no time to.
    pub(super) fn come_back(&mut self, now: Time, reason: Reason) {
        if !self.started || self.is_closed() {
            return;
        }
        if !self.may_connect() {
            let reason = if self.suspended { Reason::Suspended } else { Reason::Offline };
            self.transition(State::Offline, reason, None, None);
        } else if let Some(at) = self.not_before.filter(|at| *at > now) {
            self.timers.set(TimerName::Retry, at);
            self.transition(State::Waiting, reason, self.status.transport, Some(at.since(now)));
        } else {
            self.begin_round(now, reason);
        }
    }

    /// Begins to try the transports in their order; beside a link that works, only the better ones.
    pub(super) fn begin_round(&mut self, now: Time, reason: Reason) {
        if !self.may_connect() {
            return;
        }
        self.timers.stop(TimerName::Retry);
        self.timers.stop(TimerName::Upgrade);
        self.not_before = None;
        self.refused = None;
        match self.live_transport() {
            Some(transport) => self.selection.begin_better(now, self.config.remember, transport),
            None => {
                self.selection.begin(now, self.config.remember, self.backoff.failures());
                self.transition(State::Connecting, reason, None, None);
            }
        }
        if !self.selection.has_more() {
            if let Some(transport) = self.live_transport() {
                self.set_upgrade(now, transport);
            }
            return;
        }
        if self.config.has_token {
            self.token.for_round = true;
            self.fetch_token(now);
        } else {
            self.start_next(now);
        }
    }

    /// A link that is not of the first choice gives way to it later, also where that has been demoted for now.
    fn set_upgrade(&mut self, now: Time, current: Transport) {
        let at = self.selection.next_upgrade(now, self.config.remember, current);
        self.timers.put(TimerName::Upgrade, at);
    }

    pub(super) fn start_next(&mut self, now: Time) {
        if let Some(transport) = self.selection.next() {
            self.start(now, transport);
        }
    }

    /// Starts the next transport beside those that hang.
    pub(super) fn head_start_over(&mut self, now: Time) {
        if self.selection.peek().is_some_and(|next| self.is_pointless(next)) {
            self.timers.set(TimerName::HeadStart, now + self.config.head_start);
        } else {
            self.start_next(now);
        }
    }

    /// Starts the next transport after one that failed. Returns whether there was one.
    fn start_after_failure(&mut self, now: Time) -> bool {
        let next = self.selection.next_after_failure().filter(|next| !self.is_pointless(*next));
        if let Some(transport) = next {
            self.start(now, transport);
        }
        next.is_some()
    }

    /// Whether a stateless transport would have nothing to ask for, while one that needs nothing to ask for may be
    /// tried instead.
    fn is_pointless(&self, next: Transport) -> bool {
        next.is_stateless() && self.asks_for_nothing() && self.selection.allows_frames()
    }

    /// Whether questions and publishes may be requests although no link has come to be: where there is no topic
    /// to ask for, only a WebSocket is tried, and that may never get through.
    pub(super) fn does_without_link(&self) -> bool {
        let told_to_wait = self.not_before.is_some_and(|at| at > self.now);
        let lacks_token = self.token.fetching || self.status.reason == Reason::Token;
        self.live.is_none()
            && self.backoff.failures() > PATIENCE
            && self.asks_for_nothing()
            && self.selection.allows_requests()
            && self.may_connect()
            && !told_to_wait
            && !lacks_token
    }

    pub(super) fn start(&mut self, now: Time, transport: Transport) {
        let id = self.new_attempt();
        self.links.push(Link::new(id, transport, now, self.config.connect_timeout));
        self.set_connect_due();
        let waits = transport.is_stateless() && self.asks_for_nothing();
        let head_start = (self.selection.has_more() && !waits).then(|| now + self.config.head_start);
        self.timers.put(TimerName::HeadStart, head_start);
        if self.live.is_none() {
            self.transition(State::Connecting, self.status.reason, Some(transport), None);
        }
    }

    /// The welcome came through an attempt: it is the link now, and the others are closed.
    pub(super) fn welcome(&mut self, now: Time, id: AttemptId, heartbeat: u32, limits: Limits) {
        let Some(link) = self.link(id) else { return };
        let transport = link.transport;
        link.phase = Phase::Welcomed;
        link.heartbeat = Duration::from_millis(heartbeat.into());
        self.limits = limits;
        if self.live != Some(id) {
            if let Some(old) = self.live {
                let renewed = self.live_transport() == Some(transport);
                self.shut(now, old, if renewed { Reason::Token } else { Reason::Transport }, MOVED);
            }
            for earlier in self.links.iter().filter(|link| link.id < id && !link.parked) {
                self.selection.passed_nothing(earlier.transport, false);
            }
            self.close_attempts(Some(id));
            self.live = Some(id);
            if let Some(link) = self.link(id) {
                link.live_since = now;
            }
            self.selection.works(now, transport);
            self.not_before = None;
            self.timers.stop(TimerName::HeadStart);
            self.timers.stop(TimerName::Drain);
            self.timers.set(TimerName::Healthy, now + self.config.healthy_after);
            self.set_upgrade(now, transport);
            self.transition(State::Connected, Reason::Welcomed, Some(transport), None);
        }
        self.set_connect_due();
        self.begin_watch(now);
        self.unsynced = true;
    }

    /// A link or an attempt has ended: what follows from it.
    pub(super) fn end_link(&mut self, now: Time, id: AttemptId, end: End) {
        let Some(index) = self.links.iter().position(|link| link.id == id) else { return };
        let link = self.links.remove(index);
        self.set_connect_due();
        if let Some(code) = end.close.filter(|_| link.phase > Phase::Planned) {
            self.outputs.push_back(Output::Close { attempt: id, code });
        }
        let drains = self.timers.get(TimerName::Drain).is_some() && end.action != Action::Stop;
        let reason = if drains { Reason::Drain } else { end.reason };
        let end = End { reason, window: end.window.or(link.window), ..end };
        if self.live == Some(id) {
            self.live_ended(now, &link, end.reason);
            // What was tried beside it becomes the round.
            if self.links.is_empty() || end.spoken {
                self.schedule(now, end);
            } else {
                let transport = self.links.first().map(|link| link.transport);
                self.transition(State::Connecting, end.reason, transport, None);
            }
            return;
        }
        self.stats.failed_attempts += 1;
        let current = self.live_transport();
        if current == Some(link.transport) {
            // The same again with a new token. The link lives on.
            self.refresh_failed(now);
            return;
        }
        if !end.spoken {
            self.selection.passed_nothing(link.transport, current.is_some());
        }
        if let Some(transport) = current {
            self.attempt_beside_link_ended(now, transport, end);
        } else if end.spoken {
            self.schedule(now, end);
        } else {
            if end.action == Action::Stop {
                self.refused = Some(end.reason);
            }
            if !self.start_after_failure(now) && self.links.iter().all(|link| link.parked) {
                let stop = self.refused.map(|reason| End { reason, action: Action::Stop, ..end });
                self.schedule(now, stop.unwrap_or(end));
            }
        }
    }

    fn attempt_beside_link_ended(&mut self, now: Time, current: Transport, end: End) {
        if !self.start_after_failure(now) && self.links.len() == 1 {
            if self.selection.allows(current) {
                self.timers.set(TimerName::Upgrade, now + self.config.remember);
            } else if let Some(live) = self.live {
                // The link's transport is not wanted any more, and none of the others works.
                self.shut(now, live, Reason::Transport, MOVED);
                self.schedule(now, end);
            }
        }
    }

    /// Closes the link or an attempt from this side, without a failure.
    pub(super) fn shut(&mut self, now: Time, id: AttemptId, reason: Reason, code: u16) {
        let Some(index) = self.links.iter().position(|link| link.id == id) else { return };
        let link = self.links.remove(index);
        if link.phase > Phase::Planned {
            self.outputs.push_back(Output::Close { attempt: id, code });
        }
        if self.live == Some(id) {
            self.live_ended(now, &link, reason);
        }
    }

    /// Closes the link and every attempt, and stops the round.
    pub(super) fn shut_all(&mut self, now: Time, reason: Reason, code: u16) {
        if let Some(live) = self.live {
            self.shut(now, live, reason, code);
        }
        self.close_attempts(None);
        self.stop_round();
        self.timers.stop(TimerName::Retry);
        self.timers.stop(TimerName::Drain);
    }

    /// Closes every attempt but the link and `except`.
    pub(super) fn close_attempts(&mut self, except: Option<AttemptId>) {
        let live = self.live;
        self.links.retain(|link| {
            let keep = Some(link.id) == live || Some(link.id) == except;
            if !keep && link.phase > Phase::Planned {
                self.outputs.push_back(Output::Close { attempt: link.id, code: MOVED });
            }
            keep
        });
        self.set_connect_due();
    }

    pub(super) fn stop_round(&mut self) {
        self.selection.end_round();
        self.token.for_round = false;
        self.timers.stop(TimerName::HeadStart);
        self.set_connect_due();
    }

    /// The link is gone: what was on its way on it is not any more.
    fn live_ended(&mut self, now: Time, link: &Link, reason: Reason) {
        self.live = None;
        self.stats.reconnects.count(reason);
        for name in TimerName::OF_LINK {
            self.timers.stop(name);
        }
        let died = matches!(
            reason,
            Reason::Network
                | Reason::Silent
                | Reason::Unanswered
                | Reason::Malformed
                | Reason::ConnectTimeout
        );
        if died && now.since(link.live_since) < self.config.healthy_after {
            self.selection.died_young(now, link.transport);
        } else {
            self.selection.worked_until(now);
        }
        self.feeds.values_mut().for_each(Feed::link_lost);
        self.questions.link_lost();
        self.token.backoff.reset();
        let gone = self.outbox.link_lost();
        self.expired(gone);
        self.set_outbox_age();
    }

    /// The round has failed, or the link: waits for the next one, or stops for good.
    pub(super) fn schedule(&mut self, now: Time, end: End) {
        let transport = self.status.transport;
        self.close_attempts(None);
        self.stop_round();
        let with_token = end.action == Action::RetryWithToken;
        if end.action == Action::Stop || with_token && !self.config.has_token {
            self.end_for_good(end.reason);
            return;
        }
        let drain = self.timers.get(TimerName::Drain);
        self.timers.stop(TimerName::Drain);
        let wait = if let Some(window) = end.window {
            self.backoff.fail_without_wait();
            let wait = pick_in(&mut self.rng, window);
            self.not_before = Some(now + wait);
            wait
        } else if let Some(at) = drain {
            self.not_before = Some(at);
            at.since(now)
        } else if with_token && !std::mem::replace(&mut self.token.retried, true) {
            // The new token is likely to do: no wait before it is tried, once.
            self.backoff.fail_without_wait();
            Duration::ZERO
        } else {
            self.backoff.fail(&self.config.backoff, &mut self.rng)
        };
        if self.may_connect() {
            self.timers.set(TimerName::Retry, now + wait);
            self.transition(State::Waiting, end.reason, transport, Some(wait));
        }
    }

    /// Closes the session: whatever waits gets its outcome, and then nothing comes any more.
    pub(super) fn end_for_good(&mut self, reason: Reason) {
        let transport = self.status.transport;
        for link in std::mem::take(&mut self.links) {
            if link.phase > Phase::Planned {
                self.outputs.push_back(Output::Close { attempt: link.id, code: DONE });
            }
        }
        self.live = None;
        self.stop_round();
        let unsent = self.outbox.clear();
        self.expired(unsent);
        while let Some((id, ask)) = self.questions.pop() {
            self.event(ask.failed(id, Code::UNAVAILABLE, "the session is closed"));
        }
        self.transition(State::Closed, reason, transport, None);
        self.timers.clear();
    }

    pub(super) fn set_connect_due(&mut self) {
        let unwelcomed = self.links.iter().filter(|link| link.phase < Phase::Welcomed && !link.parked);
        self.timers.put(TimerName::Connect, unwelcomed.map(|link| link.deadline).min());
    }
}
