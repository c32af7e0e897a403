//! `cargo xtask sim`: the simulation, with its arguments passed on. `--seed N` replays one schedule.

use crate::{run, workspace::Workspace};
use anyhow::Result;
use xshell::cmd;

/// Options of `cargo xtask sim`.
#[derive(clap::Args)]
pub struct Args {
    /// Passed on to the simulation.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the simulation in release: it is some twenty times faster so.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let arguments = &args.arguments;
    run::run(cmd!(workspace.shell, "cargo run --locked --release -p everwire-sim -- {arguments...}"))
}
