//! The invariants hold in thousands of worlds. `EVERWIRE_SIM_SEEDS` sets how many.

#![allow(clippy::print_stdout, reason = "the counts are shown")]

use everwire_sim::{run, run_many};

/// So many run in CI.
const SEEDS: u64 = 20_000;

fn seeds() -> u64 {
    std::env::var("EVERWIRE_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS)
}

#[test]
fn the_invariants_hold_over_every_schedule() {
    let count = seeds();
    let (report, broken) = run_many(0..count);
    let first = broken[..broken.len().min(5)].join("\n");
    assert!(broken.is_empty(), "{} of {count} broken:\n{first}", broken.len());
    println!("{count} schedules: {report:#?}");
    let missing = report.missing();
    assert!(missing.is_empty(), "in {count} schedules there was none of {missing:?}");
}

#[test]
fn invariant_7_a_seed_gives_the_same_run_every_time() {
    for seed in 0..20 {
        let (first, second) = (run(seed, false), run(seed, false));
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "seed {seed}");
    }
}
