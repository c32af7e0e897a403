//! `cargo xtask test`: every check and test of the project, in order, timed and counted. CI runs exactly this.
//!
//! Here is how steps are chosen and run; what they are is in `steps`.

mod count;
mod steps;
mod summary;

pub use count::Tally;

use crate::setup::{self, Scope};
use crate::{say, workspace::Workspace};
use anyhow::{Result, bail};
use std::time::Instant;
use steps::{STEPS, Step};
use summary::{Outcome, Row};

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Args {
    /// Only these steps, e.g. `--only unit,e2e`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Print the steps, and do nothing.
    #[arg(long)]
    list: bool,
    /// Go on after a step that failed.
    #[arg(long)]
    keep_going: bool,
}

/// Runs the steps. An error when one failed.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let chosen = choose(&args.only)?;
    if args.list {
        for step in chosen {
            say::line(format_args!("{:<8} {}", step.name, step.about));
        }
        return Ok(());
    }
    setup::ensure(workspace, &scopes(&chosen))?;
    let rows = run_all(workspace, &chosen, args.keep_going);
    say::heading("summary");
    let total = summary::total(&rows);
    say::line(summary::table(&rows));
    let broken: Vec<&str> =
        rows.iter().filter(|row| row.outcome == Outcome::Failed).map(|row| row.step).collect();
    // The last line of the output is the sum: the error that makes the exit code goes before it.
    if !broken.is_empty() {
        say::line(format_args!(
            "Failed: {}. Alone: cargo xtask test --only {}",
            broken.join(", "),
            broken.join(",")
        ));
    }
    say::line(total);
    if broken.is_empty() { Ok(()) } else { std::process::exit(1) }
}

fn choose(only: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = only.iter().find(|name| !STEPS.iter().any(|step| step.name == name.as_str())) {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step {unknown}: there are {}", names.join(", "));
    }
    Ok(STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name)).collect())
}

/// What the steps need, each once.
fn scopes(steps: &[&Step]) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for scope in steps.iter().flat_map(|step| step.needs) {
        if !scopes.contains(scope) {
            scopes.push(*scope);
        }
    }
    scopes
}

/// Stops at the first failure unless told to go on: what follows often fails for the same reason.
fn run_all(workspace: &Workspace, steps: &[&Step], keep_going: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for step in steps {
        let stopped = !keep_going && rows.iter().any(|row| row.outcome == Outcome::Failed);
        rows.push(if stopped { Row::not_run(step.name) } else { run_one(workspace, step) });
    }
    rows
}

fn run_one(workspace: &Workspace, step: &Step) -> Row {
    say::heading(format_args!("{}: {}", step.name, step.about));
    let started = Instant::now();
    let tally = (step.run)(workspace).unwrap_or_else(|error| {
        say::error(&format!("{}: {error:#}", step.name));
        Tally::failed()
    });
    let seconds = started.elapsed().as_secs_f32();
    say::line(format_args!("{}: {tally} in {seconds:.0} s", step.name));
    Row {
        step: step.name,
        seconds,
        tally,
        outcome: if tally.is_green() { Outcome::Passed } else { Outcome::Failed },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &'static str, run: fn(&Workspace) -> Result<Tally>) -> Step {
        Step { name, about: "made up", needs: &[Scope::Lint], run }
    }

    fn outcomes(keep_going: bool) -> Vec<Outcome> {
        let steps = [
            step("good", |_| Ok(Tally::passed())),
            step("broken", |_| bail!("it does not even start")),
            step("later", |_| Ok(Tally::passed())),
        ];
        let chosen: Vec<&Step> = steps.iter().collect();
        let rows = run_all(&Workspace::find().unwrap(), &chosen, keep_going);
        rows.iter().map(|row| row.outcome).collect()
    }

    #[test]
    fn a_failure_stops_the_rest() {
        assert_eq!(outcomes(false), [Outcome::Passed, Outcome::Failed, Outcome::NotRun]);
    }

    #[test]
    fn keep_going_goes_on() {
        assert_eq!(outcomes(true), [Outcome::Passed, Outcome::Failed, Outcome::Passed]);
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let error = choose(&["nonsense".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("nonsense") && error.contains("e2e"), "{error}");
    }

    #[test]
    fn only_chooses_in_the_order_of_the_list() {
        let names: Vec<&str> =
            choose(&["e2e".to_owned(), "fmt".to_owned()]).unwrap().iter().map(|step| step.name).collect();
        assert_eq!(names, ["fmt", "e2e"]);
    }

    #[test]
    fn a_scope_that_two_steps_need_is_asked_for_once() {
        let steps = [step("a", |_| Ok(Tally::passed())), step("b", |_| Ok(Tally::passed()))];
        assert_eq!(scopes(&steps.iter().collect::<Vec<_>>()), [Scope::Lint]);
    }
}
