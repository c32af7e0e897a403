//! Compares servers: starts each in turn, lets the load tool loose on it, round after round so that a machine that
//! is busy for a while disturbs all alike, and writes the medians into one page.

mod page;
mod rounds;
mod servers;

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;

use rounds::{Held, Plan, Row};
use servers::Places;

/// Compares Everwire with nchan and socket.io on this machine, and writes a page of it.
#[derive(Debug, Parser)]
#[command(name = "everwire-compare")]
struct Args {
    /// Everwire's server [default: beside this binary]
    #[arg(long, env = "EVERWIRE_SERVER_BIN", value_name = "FILE")]
    server_bin: Option<PathBuf>,

    /// One short round, and connections held for half a minute: about three minutes instead of a quarter of an hour
    #[arg(long)]
    quick: bool,

    /// Rounds; the medians count [default: 3]
    #[arg(long)]
    rounds: Option<usize>,

    /// Subscribers
    #[arg(long, default_value_t = 5_000)]
    connections: usize,

    /// Seconds that many idle connections are held at the end; 0 for not at all [default: 300]
    #[arg(long)]
    hold: Option<u64>,

    /// Only rows that begin so, e.g. `everwire` or `nchan websocket`; no page is written then
    #[arg(long, value_name = "ROW")]
    only: Option<String>,

    /// Where the page goes
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

fn main() -> ExitCode {
    match compare(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(args: &Args) -> Result<()> {
    let places = Places::find(args.server_bin.clone())?;
    let plan = Plan {
        connections: args.connections,
        rounds: args.rounds.unwrap_or(if args.quick { 1 } else { 3 }),
        bursts: 3,
        paced: if args.quick { 5 } else { 10 },
        hold: args.hold.unwrap_or(if args.quick { 35 } else { 300 }),
        only: args.only.clone().unwrap_or_default(),
    };
    let rows: Vec<Row> = rounds::run(&places, &plan)?;
    let held: Option<Held> = rounds::hold(&places, &plan)?;
    let page = page::render(&plan, &rows, held.as_ref());
    write!(std::io::stdout(), "\n{}", page::without_notes(&page))?;
    if let Some(file) = args.page.as_ref().filter(|_| plan.only.is_empty()) {
        std::fs::write(file, page)?;
    }
    Ok(())
}
