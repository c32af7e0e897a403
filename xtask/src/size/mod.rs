//! `cargo xtask size`: the bytes that browsers download for each entry of the npm package and for the demo, beside what others
//! weigh and under the budget of `size-budget.toml`; and what each optional feature of the client costs.

mod budget;
mod features;
mod measure;
mod page;
mod parts;

use crate::setup::{self, Scope};
use crate::{build, say, workspace::Workspace};
use anyhow::{Context, Result, bail};
use budget::Budget;
use measure::Size;
use std::path::{Path, PathBuf};
use xshell::cmd;

/// Options of `cargo xtask size`.
#[derive(clap::Args)]
pub struct Args {
    /// Also the N crates that take the most in the client and the demo. It builds both once more, with names.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Writes the table into docs/size.md.
    #[arg(long)]
    write: bool,
}

/// Builds what ships, prints the tables, and fails where one is over its budget.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::ensure(workspace, &[Scope::Wasm, Scope::Trunk, Scope::Node])?;
    let rows = entries(workspace)?;
    features::report(workspace)?;
    if let Some(count) = args.top {
        parts::report(workspace, "everwire-js", count)?;
        parts::report(workspace, "everwire-demo-app", count)?;
    }
    if args.write {
        page::write(workspace, &rows)?;
    }
    check(&rows)
}

/// The same for CI: each entry, and the budget.
pub fn test(workspace: &Workspace) -> Result<()> {
    check(&entries(workspace)?)
}

/// What a page downloads, and what it may.
struct Row {
    name: &'static str,
    size: Size,
    budget: Budget,
}

fn entries(workspace: &Workspace) -> Result<Vec<Row>> {
    build::pack::build(workspace)?;
    build::demo::build(workspace, true)?;
    let mut entries: Vec<_> =
        build::pack::entries(workspace).into_iter().map(|(name, files)| (name, files.to_vec())).collect();
    entries.push(("demo", demo_files(&workspace.dist())?));
    let budgets = budget::read(workspace)?;
    say::heading("size, in bytes (brotli at 11, gzip at 9)");
    say::line(format_args!("{:<32} {:>10} {:>10} {:>10} {:>10}", "entry", "raw", "gzip", "brotli", "budget"));
    let mut rows = Vec::new();
    for (name, files) in entries {
        let mut size = Size::default();
        for file in &files {
            let of_file = size_of(file)?;
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            say::line(format_args!("{:<32} {of_file}", format!("  {file}")));
            size += of_file;
        }
        let budget = budgets.of(name)?;
        say::line(format_args!("{name:<32} {size} {:>10}", measure::thousands(budget.brotli)));
        rows.push(Row { name, size, budget });
    }
    for (name, brotli) in page::PEERS {
        say::line(format_args!("{name:<32} {:>10} {:>10} {brotli:>7} KB", "", ""));
    }
    Ok(rows)
}

fn check(rows: &[Row]) -> Result<()> {
    let over: Vec<_> =
        rows.iter().filter(|row| row.size.brotli() > row.budget.brotli).map(|row| row.name).collect();
    if !over.is_empty() {
        bail!("over the budget of size-budget.toml: {}", over.join(", "));
    }
    Ok(())
}

fn size_of(file: &Path) -> Result<Size> {
    Size::of(&std::fs::read(file).with_context(|| file.display().to_string())?)
}

/// wasm-bindgen's JavaScript, minified. The copy that is measured is not the one that is published.
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
