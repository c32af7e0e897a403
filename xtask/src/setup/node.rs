//! The npm packages that the build and the tests use, at their lockfiles' versions: the tools' in `xtask/node`, and in `tests/npm` the bundlers,
//! runtimes and frameworks that the packed package is tried with.

use super::{Part, Scope};
use crate::{run, workspace::Workspace};
use anyhow::{Context, Result};
use std::path::Path;
use xshell::cmd;

/// The lockfile that the installed packages are of, kept beside them: npm itself would need a second to tell.
const STAMP: &str = "node_modules/.installed-from.json";

pub fn parts() -> Vec<Part> {
    vec![
        part(
            Scope::Node,
            "npm packages",
            "wasm-opt 132 (what distributions ship corrupts the output), esbuild, tsc and axe-core",
            "xtask/node",
        ),
        part(
            Scope::Bundlers,
            "bundlers, runtimes and frameworks from npm",
            "what the packed npm package is tried with",
            "tests/npm",
        ),
    ]
}

fn part(scope: Scope, name: &str, why: &'static str, folder: &'static str) -> Part {
    Part {
        scope,
        name: name.to_owned(),
        why,
        optional: false,
        present: Box::new(move |workspace| {
            let folder = workspace.root.join(folder);
            let lock = std::fs::read(folder.join("package-lock.json")).ok()?;
            let installed = std::fs::read(folder.join(STAMP)).ok()?;
            (lock == installed).then(|| "as locked".to_owned())
        }),
        install: Box::new(move |workspace| install(workspace, &workspace.root.join(folder))),
    }
}

fn install(workspace: &Workspace, folder: &Path) -> Result<()> {
    workspace.which("npm").context("npm is not on PATH: install Node.js 20 or later")?;
    run::run(cmd!(workspace.shell, "npm ci --prefix {folder} --no-audit --no-fund"))?;
    std::fs::copy(folder.join("package-lock.json"), folder.join(STAMP))
        .context("noting what was installed")?;
    Ok(())
}
