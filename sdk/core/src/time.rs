//! The only notion of time in the core: milliseconds since some origin, always passed in. There is no
//! clock here, so a test decides what time it is.

use std::{ops::Add, time::Duration};

/// A moment, in milliseconds since any origin that stays the same for the life of a session
/// (`performance.now()` in a page). It should not go back; one that does is taken as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The moment this many milliseconds after the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero when it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Rounds up to a whole millisecond, so that a deadline never comes too early.
    fn add(self, duration: Duration) -> Self {
        // In 64 bits: pages pay for the code of wider arithmetic.
        let below = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
        Self(self.0.saturating_add(duration.as_secs().saturating_mul(1_000)).saturating_add(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate_and_round_up() {
        assert_eq!(Time::from_millis(1) + Duration::from_micros(1), Time::from_millis(2));
        assert_eq!(Time::from_millis(u64::MAX) + Duration::MAX, Time::from_millis(u64::MAX));
        assert_eq!(Time::from_millis(1).since(Time::from_millis(2)), Duration::ZERO);
    }
}
