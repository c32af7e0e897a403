//! `cargo xtask setup`: fetches the tools that are missing, and says what, why, and what is there already.
//!
//! A `Part` knows how to see whether it is there and how to get it; this file decides what to do about it, and
//! knows no tool. Quick when nothing is missing, so that the other commands call it first.

mod apt;
mod browser;
mod cargo_tools;
mod cluster;
mod node;
mod peers;
mod rust;

pub use browser::{chrome, chromedriver, firefox, geckodriver};
pub use cluster::variables as cluster_variables;

use crate::{say, workspace::Workspace};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::time::Instant;

/// Options of `cargo xtask setup`.
#[derive(clap::Args)]
pub struct Args {
    /// Only these, e.g. `--only wasm,node`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scope>,
}

/// What a command needs to be there.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Scope {
    /// rustfmt and clippy.
    Lint,
    /// The wasm target, and wasm-bindgen's tools at the locked version.
    Wasm,
    /// trunk, which builds the demo.
    Trunk,
    /// The npm packages: wasm-opt, esbuild, tsc, axe-core.
    Node,
    /// What the packed npm package is tried with: bundlers, runtimes, frameworks.
    Bundlers,
    /// Chromium and its driver.
    Browser,
    /// The other browsers of the fault matrix, and their drivers.
    Matrix,
    /// The servers that ours is compared with.
    Peers,
    /// Redis, nginx and HAProxy, which several instances are tested with.
    Cluster,
    /// The JavaScript clients that ours is compared with, and what drives Chromium for that.
    Clients,
}

/// One thing that may be missing.
struct Part {
    scope: Scope,
    name: String,
    /// What it is for, as the end of a sentence.
    why: &'static str,
    /// Whether it may stay missing: it can't be had everywhere, and what uses it says so.
    optional: bool,
    /// What is there already, in words; `None` when it is missing.
    present: Look,
    install: Fetch,
}

type Look = Box<dyn Fn(&Workspace) -> Option<String>>;
type Fetch = Box<dyn Fn(&Workspace) -> Result<()>>;

/// Fetches what is missing of everything, or of `--only` some.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let scopes = if args.only.is_empty() { Scope::value_variants() } else { &args.only };
    ensure(workspace, scopes)
}

/// Fetches what is missing of these scopes; an error names everything that could not be had.
pub fn ensure(workspace: &Workspace, scopes: &[Scope]) -> Result<()> {
    say::heading("setup: only what is missing is fetched");
    let started = Instant::now();
    let parts: Vec<Part> =
        parts(workspace)?.into_iter().filter(|part| scopes.contains(&part.scope)).collect();
    bring(workspace, &parts)?;
    say::line(format_args!("setup done in {:.1} s", started.elapsed().as_secs_f32()));
    Ok(())
}

fn parts(workspace: &Workspace) -> Result<Vec<Part>> {
    let mut parts = rust::parts();
    parts.extend(cargo_tools::parts(workspace)?);
    parts.extend(node::parts());
    parts.extend(browser::parts());
    parts.extend(peers::parts());
    parts.extend(cluster::parts());
    parts.push(node::packages(
        Scope::Clients,
        "JavaScript clients, and playwright-core",
        "ours is compared with them, in Chromium",
        "bench/browser",
    ));
    Ok(parts)
}

/// Goes on after a failure: one run should show everything that is wrong with a machine.
fn bring(workspace: &Workspace, parts: &[Part]) -> Result<()> {
    let failures: Vec<String> =
        parts.iter().filter_map(|part| bring_one(workspace, part).err().map(|e| format!("{e:#}"))).collect();
    if !failures.is_empty() {
        bail!("setup could not get everything:\n  - {}", failures.join("\n  - "));
    }
    Ok(())
}

fn bring_one(workspace: &Workspace, part: &Part) -> Result<()> {
    if let Some(found) = (part.present)(workspace) {
        say::line(format_args!("  have  {}: {found}", part.name));
        return Ok(());
    }
    say::line(format_args!("  get   {}: {}", part.name, part.why));
    match fetch(workspace, part) {
        Err(error) if part.optional => {
            say::line(format_args!("  skip  {}: {error:#}", part.name));
            Ok(())
        }
        fetched => fetched,
    }
}

fn fetch(workspace: &Workspace, part: &Part) -> Result<()> {
    let started = Instant::now();
    // Registries have bad moments: one more try costs little, since what did work is kept.
    if let Err(error) = (part.install)(workspace) {
        say::line(format_args!("  again {}: {error:#}", part.name));
        (part.install)(workspace).with_context(|| part.name.clone())?;
    }
    let Some(found) = (part.present)(workspace) else {
        bail!("{}: installed, but still not found", part.name);
    };
    say::line(format_args!("  got   {}: {found} ({:.0} s)", part.name, started.elapsed().as_secs_f32()));
    Ok(())
}

#[cfg(test)]
mod tests;
