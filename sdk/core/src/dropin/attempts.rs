//! One attempt after the other: when to try again, and when not to. It knows no transport, and decides nothing about links
//! that work.

use std::time::Duration;

use crate::{AttemptId, BackoffConfig, Time, TimerName, backoff::Backoff, timer::Timers};

/// When a drop-in connects again, and how it finds that it has to.
#[derive(Clone, Copy, Debug)]
pub struct ReconnectConfig {
    /// How long after a failure to try again.
    pub backoff: BackoffConfig,
    /// So many failures in a row are borne; the next one is the end. `None`, the default: any number.
    pub max_retries: Option<u32>,
    /// How long an attempt may take until it is open. What the app is asked before each one counts too.
    pub connect_timeout: Duration,
    /// A link this old is healthy: failures before it are forgotten. Default 5 s.
    pub healthy_after: Duration,
    /// How long a link that is in doubt (after a wake-up, or a change of the network) may be silent. Default 3 s.
    pub probe_timeout: Duration,
    /// A timer that fires this late means that the page slept: the link gets a chance before it is judged. Default 2 s.
    pub late_timer: Duration,
}

impl ReconnectConfig {
    pub(super) fn with_connect_timeout(connect_timeout: Duration) -> Self {
        Self {
            backoff: BackoffConfig::default(),
            max_retries: None,
            connect_timeout,
            healthy_after: Duration::from_secs(5),
            probe_timeout: Duration::from_secs(3),
            late_timer: Duration::from_secs(2),
        }
    }
}

/// What follows a lost link or a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// A new attempt, after this long.
    In(Duration),
    /// A new attempt, when the network or the page is back.
    WhenBack,
    /// Nothing: it is closed.
    Never,
}

/// The rhythm of the attempts, and the deadlines of all that goes on.
#[derive(Debug)]
pub(super) struct Attempts {
    pub config: ReconnectConfig,
    pub timers: Timers,
    backoff: Backoff,
    rng: fastrand::Rng,
    last: u32,
    offline: bool,
    suspended: bool,
    /// The other side wants no attempt before this.
    not_before: Option<Time>,
}

impl Attempts {
    pub fn new(config: ReconnectConfig, seed: u64) -> Self {
        Self {
            config,
            timers: Timers::default(),
            backoff: Backoff::default(),
            rng: fastrand::Rng::with_seed(seed),
            last: 0,
            offline: false,
            suspended: false,
            not_before: None,
        }
    }

    pub fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    /// A new attempt beside whatever there is.
    pub fn new_attempt(&mut self) -> AttemptId {
        self.last += 1;
        AttemptId(self.last)
    }

    /// Begins an attempt, or none while there is no network or no page.
    pub fn begin(&mut self, now: Time) -> Option<AttemptId> {
        self.timers.stop(TimerName::Retry);
        if self.is_held() {
            return None;
        }
        self.not_before = None;
        self.timers.set(TimerName::Connect, now + self.config.connect_timeout);
        Some(self.new_attempt())
    }

    /// The network or the page is back: begins an attempt, unless the other side wants to be left alone for now.
    pub fn come_back(&mut self, now: Time) -> Option<AttemptId> {
        match self.not_before.filter(|at| *at > now) {
            Some(_) if self.is_held() => None,
            Some(at) => {
                self.timers.set(TimerName::Retry, at);
                None
            }
            None => self.begin(now),
        }
    }

    /// The attempt has become a link.
    pub fn opened(&mut self, now: Time) {
        self.timers.stop(TimerName::Connect);
        self.timers.set(TimerName::Healthy, now + self.config.healthy_after);
    }

    /// The link is old enough.
    pub fn healthy(&mut self) {
        self.backoff.reset();
    }

    /// An attempt failed, or a link was lost: what follows. The other side may have asked for a wait, which comes before
    /// the wait of the backoff.
    pub fn failed(&mut self, now: Time, asked: Option<Duration>) -> Retry {
        self.timers.clear();
        let wait =
            self.backoff.fail(&self.config.backoff, &mut self.rng).saturating_add(asked.unwrap_or_default());
        if self.config.max_retries.is_some_and(|most| self.failures() > most) {
            return Retry::Never;
        }
        self.not_before = asked.map(|asked| now + asked);
        self.retry(now, wait)
    }

    /// A link is given up that had not failed: another takes its place at once.
    pub fn replaced(&mut self, now: Time) -> Retry {
        self.timers.clear();
        self.retry(now, Duration::ZERO)
    }

    fn retry(&mut self, now: Time, wait: Duration) -> Retry {
        if self.is_held() {
            return Retry::WhenBack;
        }
        self.timers.set(TimerName::Retry, now + wait);
        Retry::In(wait)
    }

    fn is_held(&self) -> bool {
        self.offline || self.suspended
    }

    /// The network has gone: no timer runs for the next attempt.
    pub fn go_offline(&mut self) {
        self.offline = true;
        self.timers.stop(TimerName::Retry);
    }

    /// The network is there. Returns whether it had been gone.
    pub fn go_online(&mut self) -> bool {
        std::mem::take(&mut self.offline)
    }

    /// The page is put aside.
    pub fn suspend(&mut self) {
        self.suspended = true;
        self.timers.stop(TimerName::Retry);
    }

    /// The page is there.
    pub fn wake_up(&mut self) {
        self.suspended = false;
    }

    /// Whether this moment is so long after a deadline that the page must have slept.
    pub fn is_late(&self, at: Time, now: Time) -> bool {
        now.since(at) > self.config.late_timer
    }
}
