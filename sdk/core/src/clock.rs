//! The clock that a page lives by: the browser's monotonic one, and the time that the machine slept, which
//! that one leaves out on some systems. The wall clock tells of it. Knows nothing of the browser: what the two
//! clocks show is handed in.

use crate::Time;

/// What the wall clock gains by less than this many milliseconds, it gains by being kept right.
const SLEPT: f64 = 1_000.0;

/// What the two clocks showed last, and how they came apart.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    monotonic: f64,
    wall: f64,
    slept: u64,
}

impl Clock {
    /// Before the first reading: that one can gain nothing on it.
    pub const NEW: Self = Self { monotonic: 0.0, wall: f64::INFINITY, slept: 0 };

    /// The clock after a further reading. A wall clock that was set back changes nothing; one that was set
    /// forward is taken for a sleep, and makes deadlines come early.
    pub fn read(self, monotonic: f64, wall: f64) -> Self {
        let gained = (wall - self.wall) - (monotonic - self.monotonic);
        let slept = if gained > SLEPT { gained as u64 } else { 0 };
        Self { monotonic, wall, slept: self.slept + slept }
    }

    /// Milliseconds, sleep included. Never goes back.
    pub fn now(self) -> u64 {
        self.monotonic as u64 + self.slept
    }

    /// Milliseconds slept, that the browser's timers have not counted.
    pub fn slept(self) -> u64 {
        self.slept
    }
}

/// When the page's one timer is to fire.
///
/// Most deadlines only ever move away (each message postpones the heartbeat's), so an armed timer is left alone when it fires
/// soon enough: whoever is called then finds nothing due and arms it again. That spares two calls into the browser for every
/// message. Unless the machine has slept since: such a timer is late by that.
#[derive(Debug, Default)]
pub struct Alarm {
    /// When it fires, and how long the machine had slept when that was said.
    armed: Option<(Time, u64)>,
}

/// What is to be done with the browser's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// Nothing: it is as it should be.
    Keep,
    /// Stop it.
    Stop,
    /// Start it, in place of the one that runs, with so many milliseconds to go.
    Start(i32),
}

impl Alarm {
    /// Makes it fire at `due`, or earlier.
    pub fn arm(&mut self, clock: Clock, due: Option<Time>) -> Arm {
        let slept = clock.slept();
        match (due, self.armed) {
            (Some(due), Some((armed, then))) if armed <= due && then == slept => Arm::Keep,
            (Some(due), _) => {
                self.armed = Some((due, slept));
                // A delay over 2^31 ms would fire at once; the longest wait that is kept here is far below.
                Arm::Start(due.as_millis().saturating_sub(clock.now()).min(i32::MAX as u64) as i32)
            }
            (None, None) => Arm::Keep,
            (None, Some(_)) => {
                self.armed = None;
                Arm::Stop
            }
        }
    }

    /// To be called first when it has fired.
    pub fn fired(&mut self) {
        self.armed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_counts_and_a_wall_clock_that_is_set_back_does_not() {
        let start = 1_700_000_000_000.0;
        let (mut clock, mut last) = (Clock::NEW, 0);
        for (monotonic, wall, now, what) in [
            (5_000.0, 0.0, 5_000, "the first reading"),
            (6_000.5, 1_000.0, 6_000, "both go on"),
            (7_000.0, 2_900.0, 7_000, "the wall clock runs ahead a little"),
            (8_000.0, 3_603_900.0, 3_608_000, "an hour of sleep that only the wall clock saw"),
            (9_000.0, 3_604_900.0, 3_609_000, "both go on"),
            (3_609_000.0, 7_204_900.0, 7_209_000, "an hour of sleep that both saw"),
            (3_610_000.0, -5_000.0, 7_210_000, "the wall clock is set back"),
            (3_611_000.0, -4_000.0, 7_211_000, "both go on"),
            (3_611_000.0, -2_000.0, 7_213_000, "sleep again"),
        ] {
            clock = clock.read(monotonic, start + wall);
            assert_eq!((clock.now(), clock.slept()), (now, now - monotonic as u64), "{what}");
            assert!(clock.now() >= last, "{what}");
            last = clock.now();
        }
    }

    #[test]
    fn a_timer_that_fires_soon_enough_is_left_alone_unless_the_machine_slept() {
        let at = |millis| Some(Time::from_millis(millis));
        let awake = Clock::NEW.read(1_000.0, 5_000.0);
        let mut alarm = Alarm::default();
        assert_eq!(alarm.arm(awake, None), Arm::Keep);
        assert_eq!(alarm.arm(awake, at(3_000)), Arm::Start(2_000));
        assert_eq!(alarm.arm(awake, at(4_000)), Arm::Keep);
        assert_eq!(alarm.arm(awake, at(2_500)), Arm::Start(1_500));
        let slept = awake.read(1_100.0, 65_100.0);
        assert_eq!(alarm.arm(slept, at(70_000)), Arm::Start(8_900));
        alarm.fired();
        assert_eq!(alarm.arm(slept, at(1)), Arm::Start(0));
        assert_eq!(alarm.arm(slept, None), Arm::Stop);
    }
}
