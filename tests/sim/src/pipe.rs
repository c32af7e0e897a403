//! One direction of one connection: delays, and the ways in which it can fail. Sans-I/O: it answers when
//! something arrives, and somebody else keeps the calendar.

use fastrand::Rng;

/// What a direction does with what is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Delivers, in order.
    Open,
    /// Delivers the next item, which says that the connection is open, and swallows what follows.
    HeadOnly,
    /// Swallows, and tells nobody (a black hole).
    Swallow,
}

/// How a direction delays.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Shortest delay, in milliseconds.
    pub min: u64,
    /// Longest delay, in milliseconds.
    pub max: u64,
}

/// One direction of one connection.
#[derive(Debug)]
pub struct Pipe {
    /// What becomes of what is put in from now on.
    pub flow: Flow,
    latency: Latency,
    last_arrival: u64,
}

impl Pipe {
    /// A direction that delivers.
    #[must_use]
    pub fn new(latency: Latency) -> Self {
        Self { flow: Flow::Open, latency, last_arrival: 0 }
    }

    /// Nothing arrives before this time.
    pub fn stall(&mut self, until: u64) {
        self.last_arrival = self.last_arrival.max(until);
    }

    /// When all that was put in has arrived.
    #[must_use]
    pub fn last_arrival(&self) -> u64 {
        self.last_arrival
    }

    /// When something sent now arrives: never before what was sent earlier; `None` when it never does.
    pub fn arrival(&mut self, now: u64, rng: &mut Rng) -> Option<u64> {
        match self.flow {
            Flow::Open => {}
            Flow::HeadOnly => self.flow = Flow::Swallow,
            Flow::Swallow => return None,
        }
        let delay = rng.u64(self.latency.min..=self.latency.max);
        self.last_arrival = self.last_arrival.max(now + delay);
        Some(self.last_arrival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: Latency = Latency { min: 1, max: 500 };

    #[test]
    fn a_pipe_delays_but_never_reorders() {
        let mut rng = Rng::with_seed(1);
        let mut pipe = Pipe::new(LATENCY);
        let arrivals: Vec<_> = (0..100).filter_map(|now| pipe.arrival(now, &mut rng)).collect();
        assert!(arrivals.is_sorted());
        assert_eq!(arrivals.len(), 100);
        pipe.flow = Flow::Swallow;
        assert_eq!(pipe.arrival(100, &mut rng), None);
    }

    #[test]
    fn a_proxy_that_buffers_lets_the_beginning_through() {
        let mut rng = Rng::with_seed(1);
        let mut pipe = Pipe::new(LATENCY);
        pipe.flow = Flow::HeadOnly;
        assert!(pipe.arrival(0, &mut rng).is_some());
        assert_eq!(pipe.arrival(1, &mut rng), None);
    }
}
