//! The clock that the session lives by: the browser's monotonic one, and the time that the machine slept, which
//! that one leaves out on some systems. The wall clock tells of it. Knows nothing of the browser: what the two
//! clocks show is handed in.

/// What the wall clock gains by less than this many milliseconds, it gains by being kept right.
const SLEPT: f64 = 1_000.0;

/// What the two clocks showed last, and how they came apart.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    monotonic: f64,
    wall: f64,
    slept: u64,
}

impl Clock {
    /// Before the first reading: that one can gain nothing on it.
    pub(crate) const NEW: Self = Self { monotonic: 0.0, wall: f64::INFINITY, slept: 0 };

    /// The clock after a further reading. A wall clock that was set back changes nothing; one that was set
    /// forward is taken for a sleep, and makes deadlines come early.
    pub(crate) fn read(self, monotonic: f64, wall: f64) -> Self {
        let gained = (wall - self.wall) - (monotonic - self.monotonic);
        let slept = if gained > SLEPT { gained as u64 } else { 0 };
        Self { monotonic, wall, slept: self.slept + slept }
    }

    /// Milliseconds, sleep included. Never goes back.
    pub(crate) fn now(self) -> u64 {
        self.monotonic as u64 + self.slept
    }

    /// Milliseconds slept, that the browser's timers have not counted.
    pub(crate) fn slept(self) -> u64 {
        self.slept
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test(unsupported = test)]
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
}
