//! The one clock of the server: milliseconds since the Unix epoch that never go back. All below it get the
//! time passed in.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

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
        // A timer that lies further ahead than a day may as well be looked at again then.
        let wait = time.saturating_sub(self.now()).min(24 * 60 * 60 * 1000);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

fn system() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

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
