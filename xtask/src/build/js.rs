//! `cargo xtask js`: the JavaScript surface of the SDK, as it goes into the npm package.

use crate::setup::{self, Scope};
use crate::{
    build::{optimise, small},
    run, say,
    workspace::Workspace,
};
use anyhow::Result;
use std::path::Path;
use xshell::cmd;

/// The module in its folder.
pub const WASM: &str = "everwire_bg.wasm";

/// The JavaScript beside it.
pub const GLUE: &str = "everwire.js";

/// Builds with what `setup` has to fetch for it.
pub fn command(workspace: &Workspace) -> Result<()> {
    setup::ensure(workspace, &[Scope::Wasm, Scope::Node])?;
    build(workspace)?;
    say::line(format_args!("built {}", workspace.js_dist().display()));
    Ok(())
}

/// Builds `Workspace::js_dist`: `everwire.js` and `everwire_bg.wasm`, made small.
pub fn build(workspace: &Workspace) -> Result<()> {
    workspace.once("js", || build_anew(workspace))
}

fn build_anew(workspace: &Workspace) -> Result<()> {
    bundle(workspace, &[], &workspace.js_dist())
}

/// Builds it with optional features, into any folder.
pub fn bundle(workspace: &Workspace, features: &[&str], out: &Path) -> Result<()> {
    let shell = &workspace.shell;
    let module = small::compile(workspace, "everwire-js", features)?;
    shell.remove_path(out)?;
    run::run(cmd!(shell, "wasm-bindgen {module} --target web --out-name everwire --out-dir {out}"))?;
    optimise::optimise(workspace, &out.join(WASM))
}
