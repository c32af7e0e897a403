//! Waits between tries: full jitter, below a bound that doubles from try to try. It knows no clock.

use std::time::Duration;

/// A wait after so many doublings of `first`: random, from nothing to the bound, which is `most` at the most.
#[must_use]
pub fn full(doublings: u32, first: Duration, most: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(doublings)).min(most).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_below_a_bound_that_doubles_up_to_the_most() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(60));
        for (doublings, bound) in [(0, 1), (1, 2), (3, 8), (5, 32), (6, 60), (7, 60), (u32::MAX, 60)] {
            let longest = (0..500).map(|_| full(doublings, first, most)).max().unwrap_or_default();
            assert!(longest <= Duration::from_secs(bound), "{doublings}: {longest:?}");
            assert!(longest >= Duration::from_secs(bound) / 2, "jitter is over the whole range: {longest:?}");
        }
    }
}
