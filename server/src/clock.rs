//! The one clock of the server: milliseconds since the Unix epoch that never go back. All below it get the
//! time passed in.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::time::Sleep;

/// How far the system's clock may run ahead before this one follows, in milliseconds: a sleeping machine,
/// or a corrected clock.
const AHEAD: u64 = 1_000;
const DAY: u64 = 24 * 60 * 60 * 1000;
/// How much a timer may be off by rounding, in milliseconds.
const MARGIN: u64 = 2;

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
        tokio::time::sleep(self.wait_for(time).0).await;
    }

    /// An alarm that goes off at `time` and is to be set anew then.
    #[must_use]
    pub fn alarm(&self, time: u64) -> Alarm {
        let (wait, set_to) = self.wait_for(time);
        Alarm { timer: Box::pin(tokio::time::sleep(wait)), set_to, asked_by: None }
    }

    /// How long to wait for a time, and until when that is: what lies further ahead than a day may as well be looked at again
    /// then.
    fn wait_for(&self, time: u64) -> (Duration, u64) {
        let now = self.now();
        let wait = time.saturating_sub(now).min(DAY);
        (Duration::from_millis(wait), now + wait)
    }
}

/// A deadline that moves, mostly away: a heartbeat's moves with everything that is sent. The timer stays
/// where it is then, and is moved when it has fired, so that what is sent costs none.
#[derive(Debug)]
pub struct Alarm {
    timer: Pin<Box<Sleep>>,
    set_to: u64,
    /// Who will be woken by the timer.
    asked_by: Option<Waker>,
}

impl Alarm {
    /// Waits until a time. Cancel-safe: the next call may name another one.
    pub async fn until(&mut self, clock: &Clock, time: u64) {
        poll_fn(|context| self.poll(context, clock, time)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>, clock: &Clock, time: u64) -> Poll<()> {
        if time < self.set_to {
            self.set(clock, time);
        }
        loop {
            let now = clock.now();
            if now >= time {
                return Poll::Ready(());
            }
            // Whoever waits is woken for other things, too, and then need not look at a timer that can't have fired.
            let is_asked = self.asked_by.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
            if is_asked && now + MARGIN < self.set_to {
                return Poll::Pending;
            }
            if self.timer.as_mut().poll(context).is_pending() {
                self.asked_by = Some(context.waker().clone());
                return Poll::Pending;
            }
            self.set(clock, time);
        }
    }

    fn set(&mut self, clock: &Clock, time: u64) {
        let (wait, set_to) = clock.wait_for(time);
        self.timer.as_mut().reset(tokio::time::Instant::now() + wait);
        self.set_to = set_to;
        self.asked_by = None;
    }
}

fn system() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_alarm_goes_off_at_the_time_that_was_named_last() {
        let clock = Clock::default();
        let begun = clock.now();
        let mut alarm = clock.alarm(begun);
        alarm.until(&clock, begun + 30).await;
        assert!(clock.now() >= begun + 30, "it went off at the time before");
        let mut alarm = clock.alarm(u64::MAX);
        assert!(alarm.set_to <= clock.now() + DAY, "it is looked at again");
        let sooner = clock.now() + 10;
        let waited = tokio::time::timeout(Duration::from_secs(60), alarm.until(&clock, sooner)).await;
        assert!(waited.is_ok() && clock.now() >= sooner, "it stayed at the time before");
    }

    #[tokio::test]
    async fn an_alarm_wakes_the_task_that_asked_last() {
        let clock = Clock::default();
        let time = clock.now() + 30;
        let mut alarm = clock.alarm(time);
        assert!(alarm.until(&clock, time).now_or_never().is_none(), "asked by one that is gone");
        assert!(alarm.until(&clock, time).now_or_never().is_none(), "and again");
        let waited = tokio::spawn(async move {
            alarm.until(&clock, time).await;
            clock.now() >= time
        });
        assert!(tokio::time::timeout(Duration::from_secs(60), waited).await.expect("in time").expect("runs"));
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
