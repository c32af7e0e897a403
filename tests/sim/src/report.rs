//! What runs amounted to, in numbers.

use std::{fmt, ops::AddAssign};

use everwire_core::{Stats, TimerName};

use crate::fault::{Fault, FaultCounts};

/// What a run, or many, amounted to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Things that happened.
    pub happenings: u64,
    /// Records that apps were given.
    pub delivered: u64,
    /// Gaps that apps were told.
    pub gaps: u64,
    /// Repeats that clients dropped.
    pub repeats: u64,
    /// Links that were lost and replaced.
    pub reconnects: u64,
    /// Subscriptions that resumed without loss.
    pub resumes: u64,
    /// Publishes acked.
    pub acked: u64,
    /// Publishes that expired.
    pub expired: u64,
    /// Publishes that came out of a dead tab's store.
    pub restored: u64,
    /// Things that came from attempts given up before.
    pub stale: u64,
    /// What could not be read.
    pub malformed: u64,
    /// Pauses of the flow control.
    pub pauses: u64,
    /// Times that somebody was told that a member left.
    pub leaves: u64,
    /// Tokens asked for.
    pub tokens: u64,
    /// Times that a tab came to lead.
    pub reigns: u64,
    /// What went wrong, by kind.
    pub faults: FaultCounts,
    /// Deadlines that came, by name.
    pub deadlines: Deadlines,
}

/// How often each deadline came.
#[derive(Clone, Copy)]
pub struct Deadlines([u64; TimerName::ALL.len()]);

impl Default for Deadlines {
    fn default() -> Self {
        Self([0; TimerName::ALL.len()])
    }
}

impl Deadlines {
    /// It came.
    pub fn count(&mut self, name: TimerName) {
        self.0[name as usize] += 1;
    }

    /// How often one came.
    #[must_use]
    pub fn of(&self, name: TimerName) -> u64 {
        self.0[name as usize]
    }
}

impl fmt::Debug for Deadlines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(TimerName::ALL.iter().map(|name| (name.as_str(), self.of(*name)))).finish()
    }
}

impl Report {
    /// Adds what one session counted.
    pub fn add_stats(&mut self, stats: &Stats) {
        self.repeats += stats.repeats;
        self.reconnects += stats.reconnects.total();
        self.resumes += stats.resumes;
        self.acked += stats.acked;
        self.expired += stats.expired;
        self.stale += stats.stale;
        self.malformed += stats.malformed;
        self.pauses += stats.pauses;
    }

    /// What never happened: a simulation in which nothing goes wrong proves nothing.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing: Vec<String> = [
            ("records", self.delivered),
            ("gaps", self.gaps),
            ("repeats", self.repeats),
            ("reconnects", self.reconnects),
            ("resumes", self.resumes),
            ("acks", self.acked),
            ("expired publishes", self.expired),
            ("restored publishes", self.restored),
            ("stale inputs", self.stale),
            ("malformed inputs", self.malformed),
            ("pauses", self.pauses),
            ("leaves", self.leaves),
            ("tokens", self.tokens),
            ("tabs that came to lead", self.reigns),
        ]
        .into_iter()
        .filter(|(_, number)| *number == 0)
        .map(|(what, _)| what.to_owned())
        .collect();
        let faults = Fault::ALL.iter().filter(|fault| self.faults.of(**fault) == 0);
        missing.extend(faults.map(|fault| format!("{fault:?}")));
        // A session has no closing handshake to wait for: that is for the drop-ins.
        let of_session = TimerName::ALL.iter().filter(|name| **name != TimerName::Close);
        let deadlines = of_session.filter(|name| self.deadlines.of(**name) == 0);
        missing.extend(deadlines.map(|name| format!("deadline {}", name.as_str())));
        missing
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.happenings += other.happenings;
        self.delivered += other.delivered;
        self.gaps += other.gaps;
        self.repeats += other.repeats;
        self.reconnects += other.reconnects;
        self.resumes += other.resumes;
        self.acked += other.acked;
        self.expired += other.expired;
        self.restored += other.restored;
        self.stale += other.stale;
        self.malformed += other.malformed;
        self.pauses += other.pauses;
        self.leaves += other.leaves;
        self.tokens += other.tokens;
        self.reigns += other.reigns;
        self.faults += other.faults;
        self.deadlines.0.iter_mut().zip(other.deadlines.0).for_each(|(sum, more)| *sum += more);
    }
}
