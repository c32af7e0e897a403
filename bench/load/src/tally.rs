//! What came in: how much, how late, and whether any of it was missing or came twice. Each publisher numbers
//! what it publishes in a topic, so a subscriber knows which number of each comes next.

use hdrhistogram::Histogram;

use crate::stamp::Stamp;

/// A minute, in microseconds: later is as late.
const LATEST: u64 = 60_000_000;

/// What all subscribers got.
#[derive(Debug)]
pub struct Tally {
    pub deliveries: u64,
    /// Numbers that were passed over.
    pub lost: u64,
    /// Numbers that came when higher ones had.
    pub repeated: u64,
    /// In microseconds.
    pub latency: Histogram<u64>,
    /// When the last one came, in microseconds since the start.
    pub last: u64,
}

impl Default for Tally {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1, LATEST, 3);
        let latency = latency.unwrap_or_else(|_| unreachable!("these bounds are allowed"));
        Self { deliveries: 0, lost: 0, repeated: 0, latency, last: 0 }
    }
}

/// Which number of each publisher is next.
#[derive(Debug, Default)]
pub struct Order(Vec<u32>);

impl Order {
    /// How many numbers of a publisher came, or were passed over.
    pub fn next_of(&self, publisher: u16) -> u32 {
        self.0.get(usize::from(publisher)).copied().unwrap_or(0)
    }
}

impl Tally {
    /// Notes a message that came at `now`.
    pub fn note(&mut self, order: &mut Order, stamp: Stamp, now: u64) {
        let publisher = usize::from(stamp.publisher);
        if order.0.len() <= publisher {
            order.0.resize(publisher + 1, 0);
        }
        let next = &mut order.0[publisher];
        if stamp.number < *next {
            self.repeated += 1;
            return;
        }
        self.lost += u64::from(stamp.number - *next);
        *next = stamp.number.saturating_add(1);
        self.deliveries += 1;
        self.last = now;
        self.latency.saturating_record(now.saturating_sub(stamp.time).min(LATEST));
    }

    /// Forgets what was counted, and not the order: the next phase begins.
    pub fn begin(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_and_what_comes_twice_is_counted() {
        let (mut tally, mut order) = (Tally::default(), Order::default());
        for (publisher, number) in [(0, 0), (1, 0), (0, 1), (0, 4), (0, 3), (1, 1), (1, 1)] {
            tally.note(&mut order, Stamp { publisher, number, time: 10 }, 30);
        }
        assert_eq!((tally.deliveries, tally.lost, tally.repeated), (5, 2, 2));
        assert_eq!((order.next_of(0), order.next_of(1), order.next_of(2)), (5, 2, 0));
        assert_eq!(tally.latency.max(), 20);
    }
}
