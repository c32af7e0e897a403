//! The simulation: the real client core against the real server log and peers, over a seeded network in
//! virtual time, judged by a reference model.
//!
//! A run is drawn from one number. When an invariant breaks, that number is the bug report, and
//! `cargo xtask sim --seed N` plays it again, with `--trace` step by step.

#![allow(missing_docs, reason = "private to the workspace; the modules say what they are for")]
#![allow(clippy::print_stdout, reason = "the trace of a run goes there")]

mod carrier;
mod chaos;
pub mod client;
pub mod model;
mod network;
mod pipe;
mod request;
mod schedule;
mod server;
pub mod truth;
mod world;

use std::ops::AddAssign;

pub use world::{Report, World, topics};

/// Runs the world of one seed.
///
/// # Errors
/// The broken invariant, the time, and how to play it again.
pub fn run(seed: u64, trace: bool) -> Result<Report, String> {
    World::new(seed, trace)
        .and_then(World::run)
        .map_err(|broken| format!("seed {seed}, {broken}\nreplay: cargo xtask sim --seed {seed} --trace"))
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
        self.stale += other.stale;
        self.pauses += other.pauses;
    }
}
