//! `cargo xtask size`: the bytes that browsers download, of the smallest client and of the demo, what in them
//! costs the most, and what each optional feature of the client costs.

mod features;
mod measure;
mod parts;

use crate::setup::{self, Scope};
use crate::{build, say, workspace::Workspace};
use anyhow::{Context, Result};
use measure::Size;
use std::path::{Path, PathBuf};
use xshell::cmd;

/// Options of `cargo xtask size`.
#[derive(clap::Args)]
pub struct Args {
    /// Also the N crates that take the most in each module. It builds both once more, with names.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
}

/// Builds what ships, and prints the table.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::ensure(workspace, &[Scope::Wasm, Scope::Trunk, Scope::Node])?;
    report(workspace, args.top)
}

/// The table, and the biggest parts when they are asked for.
pub fn report(workspace: &Workspace, top: Option<usize>) -> Result<()> {
    build::js::build(workspace)?;
    build::demo::build(workspace, true)?;
    let client = [build::js::wasm(workspace), minified(workspace, &build::js::glue(workspace))?];
    let demo = demo_files(&workspace.dist())?;
    say::heading("size, in bytes (brotli at 11, gzip at 9)");
    say::line(format_args!("{:<50} {:>10} {:>10} {:>10}", "file", "raw", "gzip", "brotli"));
    let minimal = table("client", &client)?;
    table("demo", &demo)?;
    features::report(workspace, minimal)?;
    if let Some(count) = top {
        parts::report(workspace, "everwire-js", count)?;
        parts::report(workspace, "everwire-demo-app", count)?;
    }
    Ok(())
}

fn table(title: &str, files: &[PathBuf]) -> Result<Size> {
    let mut all = Size::default();
    for file in files {
        let size = size_of(file)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        say::line(format_args!("{:<50} {size}", format!("{title}: {name}")));
        all += size;
    }
    say::line(format_args!("{:<50} {all}", format!("{title}, all")));
    Ok(all)
}

fn size_of(file: &Path) -> Result<Size> {
    Size::of(&std::fs::read(file).with_context(|| file.display().to_string())?)
}

/// wasm-bindgen's JavaScript as a bundler would ship it. The copy that is measured is not the one that is published.
fn minified(workspace: &Workspace, script: &Path) -> Result<PathBuf> {
    let esbuild = workspace.node_module(".bin/esbuild");
    let out = workspace.target.join("size/everwire.min.js");
    cmd!(workspace.shell, "{esbuild} {script} --minify --format=esm --log-level=error --outfile={out}")
        .quiet()
        .run()
        .context("minifying with esbuild")?;
    Ok(out)
}

/// Everything that a first visit of the demo may fetch, biggest kinds first.
fn demo_files(dist: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for extension in ["wasm", "js", "css", "html"] {
        let mut found: Vec<PathBuf> = std::fs::read_dir(dist)
            .with_context(|| dist.display().to_string())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == extension))
            .collect();
        found.sort();
        files.extend(found);
    }
    Ok(files)
}
