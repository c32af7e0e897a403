//! The fault matrix: what breaks between a page and its server, in every browser that there is, over every transport
//! for which it makes sense. Each row is asserted to lose nothing and to repeat nothing, whatever it takes; a run of
//! the whole matrix writes `docs/reliability.md`.
//!
//! `cargo xtask test --only matrix` runs it; `cargo test -p everwire-e2e --test matrix -- firefox::cut` one row of it.

mod bench;
mod judge;
mod report;
mod rows;
mod traffic;

use std::process::ExitCode;

use everwire_e2e::{
    artifacts,
    engine::Engine,
    harness::{self, Case, evidence},
};
use libtest_mimic::Arguments;
use rows::{ROWS, Row};

/// Rows mostly wait, so some run at once, each with a browser of its own; more would measure how busy the machine is.
const AT_ONCE: usize = 3;
/// How long a row may take on a slow machine, in seconds.
const DEADLINE: u64 = 150;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let cases: Vec<Case> = ROWS.iter().flat_map(cases).collect();
    let all = cases.len() as u64;
    let Some(conclusion) = harness::run(&arguments, &[artifacts::server, artifacts::javascript], cases)
    else {
        return ExitCode::FAILURE;
    };
    if conclusion.num_passed == all
        && let Err(error) = report::write()
    {
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// A row in each browser that it can be had in. One that must be there, and is not, fails.
fn cases(row: &'static Row) -> impl Iterator<Item = Case> {
    let engines = Engine::ALL.into_iter();
    let engines = engines.filter(|engine| engine.is_here() || !engine.is_optional());
    let engines = engines.filter(|engine| row.not_in.iter().all(|(other, _)| other != engine));
    engines.map(move |engine| {
        Case::in_engine(engine, row.name, DEADLINE, move |context| {
            Box::pin(async move {
                let cells = (row.run)(context.clone()).await?;
                for line in report::lines(&cells) {
                    evidence(&format!("{engine}, {}, {line}", row.name));
                }
                report::keep(row, engine, &context.version().await, cells);
                Ok(())
            })
        })
    })
}
