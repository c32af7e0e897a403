//! The invariants hold in thousands of worlds. `EVERWIRE_SIM_SEEDS` sets how many.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: a panic is a failure, the counts are shown"
)]

use everwire_sim::{run, run_many};

fn seeds() -> u64 {
    std::env::var("EVERWIRE_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(5_000)
}

#[test]
fn invariants_1_to_5_8_and_11_hold_over_every_schedule() {
    let count = seeds();
    let (report, broken) = run_many(0..count);
    let first = broken[..broken.len().min(5)].join("\n");
    assert!(broken.is_empty(), "{} of {count} broken:\n{first}", broken.len());
    println!("{count} schedules: {report:?}");
    // A simulation in which nothing goes wrong proves nothing.
    for (what, number) in [
        ("records", report.delivered),
        ("gaps", report.gaps),
        ("repeats", report.repeats),
        ("reconnects", report.reconnects),
        ("resumes", report.resumes),
        ("acks", report.acked),
        ("stale inputs", report.stale),
        ("pauses", report.pauses),
    ] {
        assert!(number > 0, "no {what} in {count} schedules");
    }
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    for seed in 0..20 {
        let (first, second) = (run(seed, false), run(seed, false));
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "seed {seed}");
    }
}
