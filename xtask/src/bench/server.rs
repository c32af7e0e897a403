//! `cargo xtask bench server`: Everwire's server, nchan and socket.io under the same load, in turn.

use crate::setup::{self, Scope};
use crate::{build, run, workspace::Workspace};
use anyhow::Result;
use xshell::cmd;

/// Options of `cargo xtask bench server`.
#[derive(clap::Args)]
pub struct Args {
    /// Passed on: `--quick`, `--rounds N`, `--only ROW` …; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds all as it ships, and runs the comparison. It takes a quarter of an hour; `--quick` about four minutes.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::ensure(workspace, &[Scope::Peers])?;
    build::server::build(workspace)?;
    run::run(cmd!(workspace.shell, "cargo build --locked --release -p everwire-load"))?;
    let compare = workspace.target.join("release/everwire-compare");
    let (server, page) = (workspace.server_bin(), "docs/performance-server.md");
    let arguments = &args.arguments;
    run::run(cmd!(workspace.shell, "{compare} --server-bin {server} --page {page} {arguments...}"))
}
