//! The invariants hold in thousands of worlds. `EVERWIRE_SIM_SEEDS` sets how many.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: a panic is a failure, the counts are shown"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use everwire_sim::{Report, run};

fn seeds() -> u64 {
    std::env::var("EVERWIRE_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(5_000)
}

/// Runs every seed on all cores; panics with the first failures and how to replay them.
fn run_all(count: u64) -> Report {
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let worker = || {
        let mut report = Report::default();
        let mut broken = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count {
                return (report, broken);
            }
            match run(seed, false) {
                Ok(one) => report += one,
                Err(what) => broken.push(what),
            }
        }
    };
    let (mut total, mut broken) = (Report::default(), Vec::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            let (report, what) = worker.join().expect("a run panicked");
            total += report;
            broken.extend(what);
        }
    });
    assert!(
        broken.is_empty(),
        "{} of {count} broken:\n{}",
        broken.len(),
        broken[..broken.len().min(5)].join("\n")
    );
    total
}

#[test]
fn invariants_1_to_5_8_and_11_hold_over_every_schedule() {
    let count = seeds();
    let report = run_all(count);
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
