//! When a message is tried again: full jitter under a bound that doubles. It knows no clock.

use std::time::Duration;

use crate::jitter;

/// Bound of the first wait.
const BASE: Duration = Duration::from_secs(1);
/// Bound of every wait.
const MOST: Duration = Duration::from_secs(60);
/// The longest wait that an endpoint may ask for.
const MOST_ASKED: Duration = Duration::from_secs(60 * 60);

/// The wait after so many failed attempts, at least one: random below the bound, or what the endpoint asked for where
/// that is longer. A wait that is asked for gets jitter too, so that not all topics come back at one moment.
pub(super) fn wait(failed: u32, asked: Option<Duration>) -> Duration {
    let jitter = jitter::full(failed.saturating_sub(1), BASE, MOST);
    asked.map_or(jitter, |asked| asked.min(MOST_ASKED) + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_below_a_bound_that_doubles_up_to_a_minute() {
        for (failed, most) in [(1, 1), (2, 2), (4, 8), (6, 32), (7, 60), (8, 60), (u32::MAX, 60)] {
            let longest = (0..500).map(|_| wait(failed, None)).max().unwrap_or_default();
            assert!(longest <= Duration::from_secs(most), "{failed}: {longest:?}");
            assert!(longest >= Duration::from_secs(most) / 2, "jitter is over the whole range: {longest:?}");
        }
    }

    #[test]
    fn what_an_endpoint_asks_for_is_waited_at_least_within_reason() {
        assert!(wait(1, Some(Duration::from_secs(90))) >= Duration::from_secs(90));
        assert!(wait(1, Some(Duration::from_secs(1 << 40))) <= MOST_ASKED + BASE);
    }
}
