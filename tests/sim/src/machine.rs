//! The machine and the page that a client runs on: its clock and its one timer. A machine sleeps, its clock may stand
//! still meanwhile, and a page in the background has its timers throttled. It knows no session.

use everwire_core::Time;

/// One client's machine.
#[derive(Debug)]
pub struct Machine {
    /// Until when it sleeps: nothing reaches the page, and no timer fires.
    pub asleep_until: u64,
    /// Timers fire at multiples of this many milliseconds only.
    granularity: u64,
    /// How far the page's clock is behind: it stood still while the machine slept.
    behind: u64,
    timer: Option<Timer>,
}

#[derive(Debug)]
struct Timer {
    /// On the page's clock.
    due: u64,
    /// How much later than that the page gets to it.
    lateness: u64,
    fires: u64,
}

impl Default for Machine {
    fn default() -> Self {
        Self { asleep_until: 0, granularity: 1, behind: 0, timer: None }
    }
}

impl Machine {
    /// The page's clock.
    #[must_use]
    pub fn time(&self, now: u64) -> Time {
        Time::from_millis(now - self.behind)
    }

    /// Whether it sleeps.
    #[must_use]
    pub fn sleeps(&self, now: u64) -> bool {
        self.asleep_until > now
    }

    /// It sleeps from now on.
    pub fn sleep(&mut self, now: u64, until: u64, clock_stops: bool) {
        if clock_stops {
            self.behind += until - now.max(self.asleep_until);
        }
        self.asleep_until = until;
        self.hold(now);
    }

    /// From now on timers fire at multiples of this only.
    pub fn throttle(&mut self, now: u64, granularity: u64) {
        self.granularity = granularity;
        self.hold(now);
    }

    /// Sets the timer, or stops it. It fires so much too late at least.
    pub fn set(&mut self, now: u64, due: Option<Time>, lateness: u64) {
        let due = due.map(Time::as_millis);
        if due != self.timer.as_ref().map(|timer| timer.due) {
            self.timer = due.map(|due| Timer { due, lateness, fires: 0 });
            self.hold(now);
        }
    }

    /// When the timer fires.
    #[must_use]
    pub fn fires(&self) -> Option<u64> {
        self.timer.as_ref().map(|timer| timer.fires)
    }

    /// The timer fires now.
    pub fn fire(&mut self) {
        self.timer = None;
    }

    fn hold(&mut self, now: u64) {
        if let Some(timer) = &mut self.timer {
            let due = (timer.due + self.behind).max(now).max(self.asleep_until) + timer.lateness;
            timer.fires = due.next_multiple_of(self.granularity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_waits_for_the_machine_and_for_the_throttle() {
        let mut machine = Machine::default();
        machine.set(1_000, Some(Time::from_millis(1_500)), 0);
        assert_eq!(machine.fires(), Some(1_500));
        machine.throttle(1_000, 60_000);
        assert_eq!(machine.fires(), Some(60_000));
        machine.throttle(1_000, 1);
        machine.sleep(1_000, 9_000, true);
        assert_eq!(machine.fires(), Some(9_500), "its clock stood still");
        assert_eq!(machine.time(9_000), Time::from_millis(1_000));
        machine.sleep(9_000, 20_000, false);
        assert_eq!(machine.fires(), Some(20_000));
    }
}
