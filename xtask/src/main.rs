//! Developer commands, run as `cargo xtask COMMAND`: what a shell script would do elsewhere, in Rust.
//!
//! One file per command; `workspace` knows the paths, `say` prints, and nothing of the product depends on this
//! crate. Everything that is fetched goes into `.tools/`, `xtask/node/node_modules/` or, for the browser, comes
//! from the system's packages.

mod bench;
mod build;
mod demo;
mod fuzz;
mod mutants;
mod run;
mod say;
mod serve;
mod server;
mod setup;
mod sim;
mod size;
mod test;
mod tidy;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Everwire's developer commands", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch the tools that are missing: wasm target, wasm-bindgen, trunk, browsers and drivers, npm packages.
    Setup(setup::Args),
    /// Build the demo, start the server on it, and print its URL.
    Demo(demo::Args),
    /// Rebuild and reload the demo on every change, beside a real server.
    Serve,
    /// Run every check and test, and print their counts.
    Test(test::Args),
    /// Check the rules that the compiler cannot: arrows between crates, links, sizes, leaks, lock files.
    Tidy,
    /// Print the bytes that browsers download: raw, gzip and brotli.
    Size(size::Args),
    /// Build the JavaScript surface into `target/js/`.
    Js,
    /// Build the npm package into `pkg/dist/`, and pack its tarball.
    Pack,
    /// Run the simulation; the arguments are passed on (`--seed N` replays one schedule).
    Sim(sim::Args),
    /// Make mistakes on purpose, in a copy, and see that the simulation notices each.
    Mutants(mutants::Args),
    /// Fuzz the codecs, the parsers and the session, one after another. Wants a nightly compiler.
    Fuzz(fuzz::Args),
    /// Measure beside others: `bench server`.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let outcome = Workspace::find().and_then(|workspace| dispatch(&workspace, Cli::parse().command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(workspace: &Workspace, command: Command) -> Result<()> {
    match command {
        Command::Setup(args) => setup::command(workspace, &args),
        Command::Demo(args) => demo::command(workspace, &args),
        Command::Serve => serve::command(workspace),
        Command::Test(args) => test::command(workspace, &args),
        Command::Tidy => tidy::command(workspace),
        Command::Size(args) => size::command(workspace, &args),
        Command::Js => build::js::command(workspace),
        Command::Pack => build::pack::command(workspace),
        Command::Sim(args) => sim::command(workspace, &args),
        Command::Mutants(args) => mutants::command(workspace, &args),
        Command::Fuzz(args) => fuzz::command(workspace, &args),
        Command::Bench(args) => bench::command(workspace, &args),
    }
}
