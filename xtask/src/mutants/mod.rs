//! `cargo xtask mutants`: mistakes made on purpose, each of which the simulation must notice. A check that nothing
//! fails proves little; this one shows what would.
//!
//! What the mistakes are is in `list`; they are made in a copy of the sources (`copy`), never in place. `judge` runs the
//! simulation over one of them.

mod copy;
mod judge;
mod list;

use crate::test::Tally;
use crate::{say, workspace::Workspace};
use anyhow::{Context, Result, bail};
use copy::Copy;
use judge::Judgement;
use list::MUTANTS;
use std::time::Instant;

/// Options of `cargo xtask mutants`.
#[derive(clap::Args)]
pub struct Args {
    /// Only these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How many schedules may pass before a mutant counts as one that survives.
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
    /// Print the mutants, and do nothing.
    #[arg(long)]
    list: bool,
}

const SEEDS: u64 = 1_500;

/// One mistake.
struct Mutant {
    /// What it is called.
    name: &'static str,
    /// The file, from the root.
    file: &'static str,
    /// What stands there, exactly once.
    old: &'static str,
    /// What stands there instead.
    new: &'static str,
    /// Why that is wrong.
    why: &'static str,
    /// Which invariant it breaks.
    breaks: &'static str,
}

impl Mutant {
    /// The file with the mistake in it.
    fn applied(&self, text: &str) -> Result<String> {
        let Self { name, file, old, new, .. } = self;
        match text.matches(old).count() {
            1 => Ok(text.replacen(old, new, 1)),
            0 => bail!("the mutant {name} no longer applies: {file} has no\n{old}"),
            count => bail!("the mutant {name} is ambiguous: {file} has {count} times\n{old}"),
        }
    }
}

/// Runs the mutants, and prints what became of each. An error when one survived.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let chosen = choose(&args.only)?;
    if args.list {
        for mutant in chosen {
            say::line(format_args!("{:<34} {}: {}", mutant.name, mutant.breaks, mutant.why));
        }
        return Ok(());
    }
    let tally = run(workspace, &chosen, args.seeds)?;
    if tally.failed > 0 {
        bail!("{} of {} mutants survived {} schedules", tally.failed, chosen.len(), args.seeds);
    }
    Ok(())
}

fn choose(only: &[String]) -> Result<Vec<&'static Mutant>> {
    if let Some(unknown) = only.iter().find(|name| !MUTANTS.iter().any(|mutant| mutant.name == name.as_str()))
    {
        let names: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        bail!("there is no mutant {unknown}: there are {}", names.join(", "));
    }
    let chosen =
        MUTANTS.iter().filter(|mutant| only.is_empty() || only.iter().any(|name| name == mutant.name));
    Ok(chosen.collect())
}

fn run(workspace: &Workspace, chosen: &[&Mutant], seeds: u64) -> Result<Tally> {
    let copy = Copy::make(workspace)?;
    say::heading("the code as it is: the simulation must find nothing");
    if let Judgement::Caught { message, .. } = judge::judge(workspace, &copy, seeds)? {
        bail!("the simulation fails without any mutant:\n{message}");
    }
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    for mutant in chosen {
        say::heading(format_args!("{}: {}", mutant.name, mutant.why));
        let begun = Instant::now();
        let text = copy.read(mutant.file)?;
        copy.write(mutant.file, &mutant.applied(&text)?)?;
        let judgement = judge::judge(workspace, &copy, seeds);
        copy.write(mutant.file, &text)?;
        let judgement = judgement.with_context(|| format!("the mutant {}", mutant.name))?;
        tally += if judgement.is_caught() { Tally::passed() } else { Tally::failed() };
        say::line(&judgement);
        lines.push(format!("{:<34} {:>4.0} s  {judgement}", mutant.name, begun.elapsed().as_secs_f32()));
    }
    say::heading("summary");
    lines.iter().for_each(say::line);
    say::line(format_args!("{} of {} mutants were caught", tally.passed, chosen.len()));
    Ok(tally)
}

#[cfg(test)]
mod tests;
