//! wasm-opt as what ships needs it, and the check that it is one that can be trusted.

use crate::{run, workspace::Workspace};
use anyhow::{Context, Result, bail};
use std::path::Path;
use xshell::cmd;

/// Debian's 108 corrupts what today's rustc and wasm-bindgen put out, and says nothing.
const OLDEST: u32 = 132;

/// What rustc's wasm32-unknown-unknown may use. It is told here because stripping takes the module's own list away, and
/// browsers have had all of it since 2022.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Makes the module at `wasm` small, in place. Flattened first, and optimised until nothing more comes of it, it becomes 1 to 2 % smaller than
/// by `-Oz` alone. `--traps-never-happen` would spare a few bytes more, and let a module go on after its panic.
pub fn optimise(workspace: &Workspace, wasm: &Path) -> Result<()> {
    optimise_with(workspace, wasm, &[])
}

/// The same with further options.
pub fn optimise_with(workspace: &Workspace, wasm: &Path, options: &[&str]) -> Result<()> {
    check_version(workspace)?;
    let tool = workspace.wasm_opt();
    run::run(cmd!(
        workspace.shell,
        "{tool} {FEATURES...} --flatten --rereloop -Oz -Oz --converge {options...} --strip-producers --strip-target-features {wasm} -o {wasm}"
    ))
}

/// An error when npm's wasm-opt is missing or too old.
pub fn check_version(workspace: &Workspace) -> Result<()> {
    let tool = workspace.wasm_opt();
    let answer = run::ask(cmd!(workspace.shell, "{tool} --version"))
        .context("wasm-opt is missing: run `cargo xtask setup --only node`")?;
    match version(&answer) {
        Some(version) if version >= OLDEST => Ok(()),
        _ => bail!(
            "{} is `{answer}`, and must be {OLDEST} or newer: older ones corrupt the output",
            tool.display()
        ),
    }
}

/// `wasm-opt version 132 (version_132)` → 132
fn version(answer: &str) -> Option<u32> {
    answer.split_whitespace().skip_while(|word| *word != "version").nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_in_all_forms() {
        assert_eq!(version("wasm-opt version 132 (version_132)"), Some(132));
        assert_eq!(version("wasm-opt version 108"), Some(108));
        assert_eq!(version("something else"), None);
    }
}
