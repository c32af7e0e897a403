//! The one clock of the server: milliseconds since the Unix epoch that never go back. All below it get the
//! time passed in.

use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::time::Sleep;

/// How far the system's clock may run ahead before this one follows, in milliseconds: a sleeping machine,
/// or a corrected clock.
const AHEAD: u64 = 1_000;

/// A clock. It runs on by itself when the system's clock is set back, so that timers fire in any case, and
/// it follows when that is set forward.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    /// What stands between the time since the start and the Unix epoch.
    offset: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { started: Instant::now(), offset: AtomicU64::new(system()) }
    }
}

impl Clock {
    /// Now.
    #[must_use]
    pub fn now(&self) -> u64 {
        let running = self.started.elapsed().as_millis() as u64;
        let here = running + self.offset.load(Ordering::Relaxed);
        let system = system();
        if system > here + AHEAD {
            self.offset.fetch_max(system - running, Ordering::Relaxed);
            return system;
        }
        here
    }

    /// Waits until a time.
    pub async fn sleep_until(&self, time: u64) {
        tokio::time::sleep(self.time_until(time)).await;
    }

    /// An alarm that goes off at `time` and is to be set anew then.
    #[must_use]
    pub fn alarm(&self, time: u64) -> Alarm {
        Alarm { timer: Box::pin(tokio::time::sleep(self.time_until(time))), set_to: time }
    }

    /// A timer that lies further ahead than a day may as well be looked at again then.
    fn time_until(&self, time: u64) -> Duration {
        Duration::from_millis(time.saturating_sub(self.now()).min(24 * 60 * 60 * 1000))
    }
}

/// A deadline that moves, mostly away: a heartbeat's moves with everything that is sent. The timer stays
/// where it is then, and is moved when it has fired, so that what is sent costs none.
#[derive(Debug)]
pub struct Alarm {
    timer: Pin<Box<Sleep>>,
    set_to: u64,
}

impl Alarm {
    /// Waits until a time. Cancel-safe: the next call may name another one.
    pub async fn until(&mut self, clock: &Clock, time: u64) {
        if time < self.set_to {
            self.set(clock, time);
        }
        loop {
            self.timer.as_mut().await;
            if clock.now() >= time {
                return;
            }
            self.set(clock, time);
        }
    }

    fn set(&mut self, clock: &Clock, time: u64) {
        self.timer.as_mut().reset(tokio::time::Instant::now() + clock.time_until(time));
        self.set_to = time;
    }
}

fn system() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_alarm_goes_off_at_the_time_that_was_named_last() {
        let clock = Clock::default();
        let begun = clock.now();
        let mut alarm = clock.alarm(begun);
        alarm.until(&clock, begun + 30).await;
        assert!(clock.now() >= begun + 30, "it went off at the time before");
        let mut alarm = clock.alarm(begun + 3_600_000);
        let sooner = clock.now() + 10;
        let waited = tokio::time::timeout(Duration::from_secs(60), alarm.until(&clock, sooner)).await;
        assert!(waited.is_ok() && clock.now() >= sooner, "it stayed at the time before");
    }

    #[test]
    fn time_never_goes_back_and_follows_the_system_ahead() {
        let clock = Clock::default();
        clock.offset.store(system() - 10_000, Ordering::Relaxed);
        let first = clock.now();
        assert!(first + AHEAD >= system());
        clock.offset.store(system() + 60_000, Ordering::Relaxed);
        assert!(clock.now() >= system() + 59_000, "a system clock set back is not followed");
    }
}
