//! How long to wait after a failure. It picks; others count what a failure is.

use std::time::Duration;

use everwire_protocol::RetryWindow;

use crate::BackoffConfig;

/// Failures in a row, and the wait that follows.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure, and picks the wait: full jitter, which spreads clients better than any half.
    pub fn fail(&mut self, config: &BackoffConfig, rng: &mut fastrand::Rng) -> Duration {
        let most = match self.failures {
            0 => millis(config.first),
            failures => {
                let doubled = u64::from(millis(config.base)) << failures.min(32);
                doubled.min(u64::from(millis(config.max))) as u32
            }
        };
        self.fail_without_wait();
        pick(rng, 0, most)
    }

    /// Counts a failure for which somebody else says how long to wait.
    pub fn fail_without_wait(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A moment in the server's window, so that its clients don't all come at once.
pub(crate) fn pick_in(rng: &mut fastrand::Rng, window: RetryWindow) -> Duration {
    pick(rng, window.min, window.max)
}

/// Uniform, in milliseconds, both ends included. No wait is beyond 32 bits of them, and pages pay for the code of wider arithmetic.
fn pick(rng: &mut fastrand::Rng, min: u32, max: u32) -> Duration {
    Duration::from_millis(u64::from(rng.u32(min..=max.max(min))))
}

fn millis(duration: Duration) -> u32 {
    let millis = duration.as_secs().saturating_mul(1_000).saturating_add(u64::from(duration.subsec_millis()));
    millis.min(u64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(failures_before: u32) -> Duration {
        let mut rng = fastrand::Rng::with_seed(1);
        let wait = |_| Backoff { failures: failures_before }.fail(&BackoffConfig::default(), &mut rng);
        (0..4_000).map(wait).max().unwrap_or_default()
    }

    #[test]
    fn waits_double_from_half_a_second_to_twenty() {
        for (failures, seconds) in
            [(0, 0.5), (1, 1.0), (2, 2.0), (5, 16.0), (6, 20.0), (31, 20.0), (40, 20.0)]
        {
            let most = Duration::from_secs_f64(seconds);
            let longest = longest(failures);
            assert!(longest <= most && longest > most.mul_f64(0.95), "{failures}: {longest:?}");
        }
    }

    #[test]
    fn waits_are_spread_from_zero_up() {
        let mut rng = fastrand::Rng::with_seed(2);
        let waits = (0..4_000).map(|_| Backoff { failures: 6 }.fail(&BackoffConfig::default(), &mut rng));
        let early = waits.filter(|wait| *wait < Duration::from_secs(5)).count();
        assert!((800..1_200).contains(&early), "{early} of 4,000 in the first quarter");
    }

    #[test]
    fn a_window_is_kept_to_on_both_sides() {
        let mut rng = fastrand::Rng::with_seed(3);
        let waits: Vec<_> =
            (0..1_000).map(|_| pick_in(&mut rng, RetryWindow { min: 100, max: 103 })).collect();
        for millis in 100..=103 {
            assert!(waits.contains(&Duration::from_millis(millis)));
        }
        assert!(waits.iter().all(|wait| (100..=103).contains(&wait.as_millis())));
    }
}
