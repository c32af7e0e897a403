//! The demo's page in `dist/`, built by trunk: the same tool and the same `index.html` as `trunk serve`.

use crate::{build::optimise, run, workspace::Workspace};
use anyhow::Result;
use xshell::cmd;

/// Builds `Workspace::dist`. In release it is made small by wasm-opt, and needs the npm packages for that.
pub fn build(workspace: &Workspace, release: bool) -> Result<()> {
    workspace.once(if release { "demo, release" } else { "demo" }, || build_anew(workspace, release))
}

fn build_anew(workspace: &Workspace, release: bool) -> Result<()> {
    let shell = &workspace.shell;
    if release {
        optimise::check_version(workspace)?;
    }
    let mode: &[&str] = if release { &["--release"] } else { &[] };
    let dist = workspace.dist();
    let mut path = vec![workspace.tools_bin()];
    if release {
        // trunk takes wasm-opt from PATH without a word: it must meet npm's first.
        path.insert(0, workspace.node_module(".bin"));
    }
    let path = crate::workspace::with_first(&path)?;
    run::run(
        cmd!(shell, "trunk build --offline --locked --dist {dist} {mode...}")
            .env("PATH", path)
            // trunk reads this as its own `--no-color`, and takes only true and false for a value.
            .env_remove("NO_COLOR"),
    )
}
