//! How often somebody may do something: governor's cells, by key, with a bound on how many keys there are. The
//! time is passed in, so that a simulation can drive it.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use everwire_protocol::RetryWindow;
use governor::{
    RateLimiter,
    clock::{Clock, Reference},
    nanos::Nanos,
    state::keyed::HashMapStateStore,
};

/// Most keys that are told apart. Beyond, those that come new share some thousand cells, by chance.
pub const KEYS: usize = 100_000;
/// Cells for those who come when the table is full.
const SHARED: u64 = 4_096;
/// Who is refused waits at least so long, in milliseconds: who waits for one cell at a time only sends again, and is
/// refused again.
const SHORTEST_WAIT: u64 = 500;

/// So many a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    rate: NonZeroU32,
    burst: NonZeroU32,
}

impl Quota {
    /// `rate` a second and `burst` at once; none when the rate is zero, which is no bound.
    #[must_use]
    pub fn new(rate: u32, burst: u32) -> Option<Self> {
        Some(Self { rate: NonZeroU32::new(rate)?, burst: NonZeroU32::new(burst.max(1))? })
    }
}

/// What the time is said to be.
#[derive(Clone, Debug, Default)]
struct Told(Arc<AtomicU64>);

/// A moment, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(u64);

impl Clock for Told {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::Relaxed))
    }
}

impl std::ops::Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0.saturating_add(nanos.as_u64().div_ceil(1_000_000)))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::from(Duration::from_millis(self.0.saturating_sub(earlier.0)))
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64() / 1_000_000))
    }
}

type Cells = RateLimiter<u64, HashMapStateStore<u64>, Told, governor::middleware::NoOpMiddleware<Moment>>;

#[derive(Debug)]
struct Limited {
    cells: Cells,
    clock: Told,
    keys: usize,
    hasher: RandomState,
}

/// A rate by key; without a quota there is no bound.
#[derive(Debug, Default)]
pub struct Rate(Option<Limited>);

impl Rate {
    /// At most this, for each of at most [`KEYS`] keys.
    #[must_use]
    pub fn new(quota: Option<Quota>) -> Self {
        Self::with_keys(quota, KEYS)
    }

    fn with_keys(quota: Option<Quota>, keys: usize) -> Self {
        Self(quota.map(|Quota { rate, burst }| {
            // The first call says what the time is, and all others are reckoned from it.
            let clock = Told::default();
            let quota = governor::Quota::per_second(rate).allow_burst(burst);
            let cells = RateLimiter::hashmap_with_clock(quota, clock.clone());
            Limited { cells, clock, keys, hasher: RandomState::new() }
        }))
    }

    /// One more of this key.
    ///
    /// # Errors
    /// When to try again.
    pub fn check(&self, now: u64, key: &impl Hash) -> Result<(), RetryWindow> {
        let Some(Limited { cells, clock, keys, hasher }) = &self.0 else { return Ok(()) };
        clock.0.fetch_max(now, Ordering::Relaxed);
        let hash = hasher.hash_one(key);
        let key = if cells.len() < *keys { hash } else { hash % SHARED };
        cells.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(clock.now()).as_millis() as u64;
            let wait = u32::try_from(wait.max(SHORTEST_WAIT)).unwrap_or(u32::MAX);
            // Those who were refused together should not all come back at one moment.
            RetryWindow { min: wait, max: wait.saturating_mul(2) }
        })
    }

    /// Forgets the keys whose cells are as new, and the memory that they took.
    pub fn forget_quiet(&self) {
        if let Some(Limited { cells, .. }) = &self.0 {
            cells.retain_recent();
            cells.shrink_to_fit();
        }
    }

    /// How many keys it knows now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |limited| limited.cells.len())
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time of today, as the server has it.
    const TODAY: u64 = 1_800_000_000_000;

    fn passes(rate: &Rate, now: u64, key: u64, most: usize) -> usize {
        (0..most).take_while(|_| rate.check(now, &key).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let rate = Rate::new(Quota::new(20, 40));
        assert_eq!(passes(&rate, TODAY, 1, 100), 40);
        assert_eq!(passes(&rate, TODAY, 2, 100), 40, "another has its own");
        assert_eq!(passes(&rate, TODAY + 1_000, 1, 100), 20);
        assert_eq!(passes(&rate, TODAY + 60_000, 1, 100), 40);
        assert_eq!(passes(&rate, TODAY, 1, 1), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn who_comes_back_in_the_window_is_let_in() {
        let rate = Rate::new(Quota::new(1, 1));
        assert!(rate.check(TODAY, &1).is_ok());
        let RetryWindow { min, max } = rate.check(TODAY + 200, &1).expect_err("is refused");
        assert_eq!((min, max), (800, 1_600));
        assert!(rate.check(TODAY + 200 + u64::from(min), &1).is_ok());
        let quick = Rate::new(Quota::new(1_000, 1));
        assert!(quick.check(TODAY, &1).is_ok());
        assert_eq!(quick.check(TODAY, &1), Err(RetryWindow { min: 500, max: 1_000 }));
    }

    #[test]
    fn invariant_5_keys_are_bounded_and_forgotten() {
        let rate = Rate::with_keys(Quota::new(1, 1), 100);
        let passed = (0..50_000).filter(|key| rate.check(TODAY, key).is_ok()).count();
        assert!((100..=100 + SHARED as usize).contains(&passed), "{passed} got in");
        assert!(rate.len() <= 100 + SHARED as usize, "{} keys", rate.len());
        rate.forget_quiet();
        assert!(!rate.is_empty(), "they are remembered while it matters");
        assert!(rate.check(TODAY + 5_000, &0).is_ok());
        rate.forget_quiet();
        assert_eq!(rate.len(), 1);
    }

    #[test]
    fn no_quota_is_no_bound() {
        let rate = Rate::new(Quota::new(0, 5));
        assert_eq!(passes(&rate, TODAY, 1, 1_000), 1_000);
    }
}
