//! Every deadline, and what is done when it is due.

use crate::{Reason, Session, Time, TimerName, session::end::MOVED};

impl Session {
    /// Time has passed: acts on every deadline that is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        let is_late = |at: Time| now.since(at) > self.config.late_timer;
        if self.timers.next().is_some_and(|(at, _)| is_late(at)) {
            // The page slept: whether the link outlived that is in doubt.
            self.probe(now);
        }
        // Each handler sets its timer anew for later, if at all; the bound is for a configuration of zeroes.
        for _ in 0..TimerName::ALL.len() * 4 {
            let Some((at, name)) = self.timers.take_due(now) else { break };
            let late = now.since(at) > self.config.late_timer;
            self.act(now, name, late);
        }
    }

    fn act(&mut self, now: Time, name: TimerName, late: bool) {
        match name {
            TimerName::Token => self.token_missed(now),
            TimerName::Refresh => self.fetch_token(now),
            TimerName::Connect => self.connect_missed(now, late),
            TimerName::HeadStart => self.head_start_over(now),
            TimerName::Retry => self.begin_round(now, self.status.reason),
            TimerName::Drain => {
                self.shut_all(now, Reason::Drain, MOVED);
                self.begin_round(now, Reason::Drain);
            }
            TimerName::Heartbeat => self.heartbeat_missed(now, late),
            TimerName::Probe => self.probe_missed(now, late),
            TimerName::Ping => self.ping_due(now, late),
            TimerName::Healthy => {
                self.backoff.reset();
                self.selection.healthy();
                self.token.retried = false;
            }
            TimerName::Upgrade => self.begin_round(now, Reason::Transport),
            // The poll itself is made when the outputs are drained.
            TimerName::Poll => {}
            TimerName::Subscribe => self.subscribe_missed(now),
            TimerName::Resubscribe => self.resubscribe(now),
            TimerName::OutboxAge => self.expire_publishes(now),
            TimerName::OutboxRetry => self.release_publishes(),
            TimerName::PublishAnswer => self.post_missed(now),
            TimerName::Question => self.questions_missed(now),
            // A session that closes waits for nobody.
            TimerName::Close => {}
        }
    }
}
