//! `cargo xtask bench browser`: the npm package in a page of Chromium, beside the clients that people use.

use crate::setup::{self, Scope};
use crate::{build, run, workspace::Workspace};
use anyhow::{Context, Result};
use xshell::cmd;

/// Options of `cargo xtask bench browser`.
#[derive(clap::Args)]
pub struct Args {
    /// A few rounds, to see whether something is much slower than before. Writes nothing.
    #[arg(long)]
    quick: bool,
}

/// Builds all as it ships, and measures. It takes under ten minutes; `--quick` about two.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::ensure(workspace, &[Scope::Wasm, Scope::Node, Scope::Browser, Scope::Clients])?;
    build::server::build(workspace)?;
    build::pack::build(workspace)?;
    let server = workspace.server_bin();
    let how = if args.quick { "--quick" } else { "--write" };
    let chrome = setup::chrome(workspace).context("Chromium is missing")?;
    run::run(
        cmd!(workspace.shell, "node bench/browser/run.mjs --server {server} {how}").env("CHROME", chrome),
    )
}
