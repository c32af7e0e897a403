//! The demo's page in `dist/`, built by trunk: the same tool and the same `index.html` as `trunk serve`.

use crate::{build::optimise, run, workspace::Workspace};
use anyhow::{Context, Result};
use std::path::PathBuf;
use xshell::cmd;

/// Builds `Workspace::dist`. In release it is made small by wasm-opt, and needs the npm packages for that.
pub fn build(workspace: &Workspace, release: bool) -> Result<()> {
    workspace.once(if release { "demo, release" } else { "demo" }, || build_anew(workspace, release))
}

fn build_anew(workspace: &Workspace, release: bool) -> Result<()> {
    fetch(workspace)?;
    let dist = workspace.dist();
    // The hashes that trunk writes into the page would be of the module before it is made small.
    let mode: &[&str] = if release { &["--release", "--no-sri"] } else { &[] };
    run::run(
        cmd!(workspace.shell, "trunk build --offline --locked --dist {dist} {mode...}")
            // trunk reads this as its own `--no-color`, and takes only true and false for a value.
            .env_remove("NO_COLOR"),
    )?;
    if release { optimise::optimise(workspace, &wasm(workspace)?) } else { Ok(()) }
}

/// The module of the page: its name has a hash in it.
pub fn wasm(workspace: &Workspace) -> Result<PathBuf> {
    workspace
        .shell
        .read_dir(workspace.dist())?
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "wasm"))
        .context("trunk left no module in dist")
}

/// The crates of the demo. trunk is told to be offline, so that it downloads no tools; it tells cargo the same.
pub fn fetch(workspace: &Workspace) -> Result<()> {
    run::run(cmd!(workspace.shell, "cargo fetch --locked --target wasm32-unknown-unknown"))
}
