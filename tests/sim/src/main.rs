//! The simulation from the command line: many seeds, or one of them step by step.

#![allow(clippy::print_stdout, reason = "a command-line tool")]

use std::{process::ExitCode, time::Instant};

use clap::Parser;
use everwire_sim::{run, run_many};

/// In so many schedules everything happens that can.
const ENOUGH: u64 = 5_000;

/// Runs the client core against the server log over a network that breaks, in virtual time.
#[derive(Parser)]
struct Args {
    /// One seed to run.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds to run.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Print everything that happens. Wants one seed.
    #[arg(long, requires = "seed")]
    trace: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(seed) = args.seed {
        return match run(seed, args.trace) {
            Ok(report) => {
                println!("seed {seed}: {report:#?}");
                ExitCode::SUCCESS
            }
            Err(broken) => {
                println!("{broken}");
                ExitCode::FAILURE
            }
        };
    }
    let begun = Instant::now();
    let (report, broken) = run_many(args.first..args.first.saturating_add(args.seeds));
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} schedules in {seconds:.1} s: {:.0} a second", args.seeds, args.seeds as f64 / seconds);
    println!("{report:#?}");
    broken.iter().take(20).for_each(|broken| println!("{broken}"));
    println!("{} broken", broken.len());
    // A simulation in which nothing goes wrong proves nothing.
    let missing = if args.seeds < ENOUGH { Vec::new() } else { report.missing() };
    missing.iter().for_each(|what| println!("never happened: {what}"));
    if broken.is_empty() && missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
