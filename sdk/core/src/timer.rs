//! Every deadline of the session, by name, in one small table. It knows when, never what to do then.

use crate::Time;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerName {
    /// The token provider has to answer.
    Token,
    /// A new token is asked for, ahead of the end of the present one.
    Refresh,
    /// An attempt has to come to its welcome.
    Connect,
    /// The next transport is started beside the ones that hang.
    HeadStart,
    /// The next try after a failure.
    Retry,
    /// The server drains: this is the moment to leave it.
    Drain,
    /// The server has to have been heard of.
    Heartbeat,
    /// The answer to a probe is due.
    Probe,
    /// The round-trip time is measured.
    Ping,
    /// The link is old enough to be called healthy.
    Healthy,
    /// The preferred transport is tried in the background.
    Upgrade,
    /// The next poll.
    Poll,
    /// The server has to have answered a subscribe.
    Subscribe,
    /// A topic that was refused for now is asked for again.
    Resubscribe,
    /// The oldest publish expires.
    OutboxAge,
    /// Publishes that were refused for now are sent again.
    OutboxRetry,
    /// A publish request has to be answered.
    PublishAnswer,
    /// A history or presence question has to be answered.
    Question,
    /// The other side has to answer the app's close. Only a [drop-in](crate::dropin) waits for that.
    Close,
}

impl TimerName {
    /// Every name, in the order in which deadlines of the same moment are acted on.
    pub const ALL: [Self; 19] = [
        Self::Token,
        Self::Refresh,
        Self::Connect,
        Self::HeadStart,
        Self::Retry,
        Self::Drain,
        Self::Heartbeat,
        Self::Probe,
        Self::Ping,
        Self::Healthy,
        Self::Upgrade,
        Self::Poll,
        Self::Subscribe,
        Self::Resubscribe,
        Self::OutboxAge,
        Self::OutboxRetry,
        Self::PublishAnswer,
        Self::Question,
        Self::Close,
    ];

    /// Those that watch the link, and end with it.
    pub(crate) const OF_LINK: [Self; 8] = [
        Self::Refresh,
        Self::Heartbeat,
        Self::Probe,
        Self::Ping,
        Self::Healthy,
        Self::Upgrade,
        Self::Poll,
        Self::Subscribe,
    ];

    /// The name, for logs: `heartbeat`, `head-start` …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::Connect => "connect",
            Self::HeadStart => "head-start",
            Self::Retry => "retry",
            Self::Drain => "drain",
            Self::Heartbeat => "heartbeat",
            Self::Probe => "probe",
            Self::Ping => "ping",
            Self::Healthy => "healthy",
            Self::Upgrade => "upgrade",
            Self::Poll => "poll",
            Self::Subscribe => "subscribe",
            Self::Resubscribe => "resubscribe",
            Self::OutboxAge => "outbox-age",
            Self::OutboxRetry => "outbox-retry",
            Self::PublishAnswer => "publish-answer",
            Self::Question => "question",
            Self::Close => "close",
        }
    }
}

/// When each timer fires; never, for those that are not set.
#[derive(Debug)]
pub(crate) struct Timers([Time; TimerName::ALL.len()]);

const NEVER: Time = Time::from_millis(u64::MAX);

impl Default for Timers {
    fn default() -> Self {
        Self([NEVER; TimerName::ALL.len()])
    }
}

impl Timers {
    /// Sets a timer, in place of what it was set to.
    pub fn set(&mut self, name: TimerName, at: Time) {
        self.0[name as usize] = at;
    }

    /// Sets a timer, or stops it.
    pub fn put(&mut self, name: TimerName, at: Option<Time>) {
        self.set(name, at.unwrap_or(NEVER));
    }

    pub fn stop(&mut self, name: TimerName) {
        self.set(name, NEVER);
    }

    pub fn get(&self, name: TimerName) -> Option<Time> {
        Some(self.0[name as usize]).filter(|at| *at != NEVER)
    }

    /// The earliest one.
    pub fn next(&self) -> Option<(Time, TimerName)> {
        let mut next = (NEVER, TimerName::Token);
        for (at, name) in self.0.iter().zip(TimerName::ALL) {
            if *at < next.0 {
                next = (*at, name);
            }
        }
        Some(next).filter(|(at, _)| *at != NEVER)
    }

    /// Takes one that is due.
    pub fn take_due(&mut self, now: Time) -> Option<(Time, TimerName)> {
        let (at, name) = self.next().filter(|(at, _)| *at <= now)?;
        self.stop(name);
        Some((at, name))
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_then_by_name() {
        let mut timers = Timers::default();
        timers.set(TimerName::Ping, Time::from_millis(5));
        timers.set(TimerName::Token, Time::from_millis(5));
        timers.set(TimerName::Retry, Time::from_millis(9));
        assert_eq!(timers.next(), Some((Time::from_millis(5), TimerName::Token)));
        assert_eq!(timers.take_due(Time::from_millis(4)), None);
        let now = Time::from_millis(8);
        assert_eq!(timers.take_due(now).map(|due| due.1), Some(TimerName::Token));
        assert_eq!(timers.take_due(now).map(|due| due.1), Some(TimerName::Ping));
        assert_eq!(timers.take_due(now), None);
        assert_eq!(timers.next(), Some((Time::from_millis(9), TimerName::Retry)));
    }

    #[test]
    fn every_name_has_its_own_place_and_its_own_text() {
        for (index, name) in TimerName::ALL.into_iter().enumerate() {
            assert_eq!(name as usize, index);
            assert_eq!(TimerName::ALL.iter().filter(|other| other.as_str() == name.as_str()).count(), 1);
        }
    }
}
