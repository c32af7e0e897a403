//! Whether the link is alive: heartbeats, probes, pings, and the pace of polls. A timer that fired late
//! proves nothing of the link, only of this side, so the link gets one chance more.

use std::time::Duration;

use everwire_protocol::ClientFrame;

use crate::{
    AttemptId, Reason, Session, Time, TimerName, Transport,
    link::Phase,
    session::end::{DEAD, End},
};

/// A held poll that is answered in less than this with nothing in it was not held: the next one waits.
const HASTY: Duration = Duration::from_secs(1);

/// The answer to a subscribe may be behind much else on a slow link, but not for longer than this.
const BEHIND: Duration = Duration::from_secs(60);

impl Session {
    /// The welcome came: from now on silence counts.
    pub(super) fn begin_watch(&mut self, now: Time) {
        self.timers.stop(TimerName::Probe);
        let Some(live) = self.live else { return };
        let Some(index) = self.links.iter().position(|link| link.id == live) else { return };
        self.links[index].heard_at(now);
        if self.links[index].transport.is_poll() {
            return;
        }
        self.watch_subscribes(index);
        self.watch_heartbeat(live);
        if self.links[index].transport.has_frames() {
            self.ping(now);
        }
    }

    /// The link was heard of: silence is measured from there.
    pub(super) fn watch_heartbeat(&mut self, attempt: AttemptId) {
        if self.live != Some(attempt) {
            return;
        }
        let grace = self.config.heartbeat_grace;
        if let Some(link) = self.live_link().filter(|link| link.phase == Phase::Welcomed) {
            let due = link.heard + link.heartbeat + grace;
            self.timers.set(TimerName::Heartbeat, due);
        }
    }

    /// The heartbeat, or the answer of a poll, is overdue.
    pub(super) fn heartbeat_missed(&mut self, now: Time, late: bool) {
        let Some(link) = self.live_link() else { return };
        if late && !std::mem::replace(&mut link.graced, true) {
            self.timers.set(TimerName::Heartbeat, now + self.config.probe_timeout);
            self.probe(now);
        } else {
            self.found_dead(now, Reason::Silent);
        }
    }

    fn found_dead(&mut self, now: Time, reason: Reason) {
        if let Some(link) = self.live_link() {
            let (id, silent) = (link.id, now.since(link.heard));
            self.stats.time_to_detect = Some(silent);
            self.end_link(now, id, End::found(reason, DEAD));
        }
    }

    /// The link is in doubt: finds out soon. A WebSocket is pinged; where there is nothing to ping on, a new
    /// request is made in place of the old.
    pub(super) fn probe(&mut self, now: Time) {
        let Some(live) = self.live else { return };
        let Some(index) = self.links.iter().position(|link| link.id == live) else { return };
        if self.links[index].phase < Phase::Welcomed || self.timers.get(TimerName::Probe).is_some() {
            return;
        }
        if self.links[index].transport.has_frames() {
            self.ping(now);
            self.timers.set(TimerName::Probe, now + self.config.probe_timeout);
        } else {
            let (heard, graced) = (self.links[index].heard, self.links[index].graced);
            self.renew(index, self.config.probe_timeout);
            self.links[index].heard = heard;
            self.links[index].graced = graced;
        }
    }

    /// The answer to a probe is overdue. While something comes, the answer may be on its way behind it.
    pub(super) fn probe_missed(&mut self, now: Time, late: bool) {
        let timeout = self.config.probe_timeout;
        let Some(link) = self.live_link() else { return };
        let comes = now.since(link.heard) < timeout && link.ping.is_some_and(|(_, sent)| link.heard > sent);
        if comes || late && !std::mem::replace(&mut link.graced, true) {
            self.timers.set(TimerName::Probe, now + timeout);
        } else {
            self.found_dead(now, Reason::Unanswered);
        }
    }

    /// The welcome is overdue, of an attempt or of a new request on the link.
    pub(super) fn connect_missed(&mut self, now: Time, late: bool) {
        let (live, timeout) = (self.live, self.config.probe_timeout);
        let due = |link: &&mut crate::link::Link| {
            link.phase < Phase::Welcomed && !link.parked && link.deadline <= now
        };
        while let Some(link) = self.links.iter_mut().find(due) {
            let id = link.id;
            if live != Some(id) {
                self.end_link(now, id, End::found(Reason::ConnectTimeout, DEAD));
            } else if late && !std::mem::replace(&mut link.graced, true) {
                link.deadline = now + timeout;
            } else {
                self.found_dead(now, Reason::Unanswered);
            }
        }
        self.set_connect_due();
    }

    /// A subscribe has had no answer. While something comes, it may be on its way behind it.
    pub(super) fn subscribe_missed(&mut self, now: Time) {
        let timeout = self.config.probe_timeout;
        let Some(link) = self.live_link().filter(|link| link.awaits_any()) else { return };
        let waits = now.since(link.heard) < timeout && now.since(link.awaits_since) < BEHIND;
        #[cfg(feature = "relay")]
        let waits = self.probes_leader(now) || waits;
        let Some(link) = self.live_link() else { return };
        if waits {
            link.subscribe_due = Some(now + timeout);
            self.timers.set(TimerName::Subscribe, now + timeout);
        } else {
            self.found_dead(now, Reason::Unanswered);
        }
    }

    /// It is time for a ping. The answer to the last one may be behind much else on a slow link, but not for
    /// ever: a link whose way to the server is dead can go on bringing heartbeats.
    pub(super) fn ping_due(&mut self, now: Time, late: bool) {
        let interval = self.config.ping_interval;
        match self.live_link().and_then(|link| link.ping).filter(|_| !late) {
            Some((_, sent)) if now.since(sent) >= interval * 2 => self.found_dead(now, Reason::Unanswered),
            // Its answer still counts.
            Some(_) => self.set_ping(now),
            None => self.ping(now),
        }
    }

    /// Sends a ping, whose answer measures the round trip.
    pub(super) fn ping(&mut self, now: Time) {
        let nonce = self.next_nonce;
        self.next_nonce = nonce.wrapping_add(1);
        self.set_ping(now);
        if let Some(link) = self.live_link().filter(|link| link.takes_frames()) {
            link.ping = Some((nonce, now));
            link.send(ClientFrame::Ping { nonce });
        }
    }

    fn set_ping(&mut self, now: Time) {
        let interval = self.config.ping_interval;
        #[cfg(feature = "relay")]
        let interval =
            if self.waits_for_upstream() { interval.min(super::tab::URGES_EVERY) } else { interval };
        self.timers.set(TimerName::Ping, now + interval);
    }

    /// A ping was answered.
    pub(super) fn pong(&mut self, now: Time, nonce: u32) {
        let Some(link) = self.live_link() else { return };
        if let Some((_, sent)) = link.ping.take_if(|(expected, _)| *expected == nonce) {
            self.stats.round_trip = Some(now.since(sent));
            self.timers.stop(TimerName::Probe);
        }
    }

    /// A poll was answered: its silence is not awaited any more.
    pub(super) fn end_watch_of_poll(&mut self) {
        self.timers.stop(TimerName::Heartbeat);
    }

    /// A poll was answered and read: sets the pace of the next one.
    pub(super) fn polled(&mut self, now: Time, attempt: AttemptId, asked: Time, held: bool) {
        let Some(link) = self.link(attempt) else { return };
        if link.phase < Phase::Welcomed {
            // An answer without a welcome is from something else, such as a portal.
            self.malformed(now, attempt);
            return;
        }
        let took = now.since(asked);
        let interval = link.transport == Transport::Poll;
        let hasty = held && !link.fruitful && took < HASTY;
        if !held {
            self.stats.round_trip = Some(took);
        }
        if interval || hasty {
            self.timers.set(TimerName::Poll, now + self.config.poll_interval);
        }
    }
}
