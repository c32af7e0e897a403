//! The tool's binary: options in, a report out.

use std::{io::Write, process::ExitCode};

use anyhow::{Result, bail};
use clap::Parser;
use everwire_load::{options::Options, process::raise_file_limit, run};

/// Beside a connection's own: standard streams, the poll, publishers.
const OTHER_FILES: u64 = 64;

fn main() -> ExitCode {
    match load(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "everwire-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether all is as `--check` wants it.
fn load(options: &Options) -> Result<bool> {
    let files = raise_file_limit();
    if options.connections as u64 + OTHER_FILES > files {
        bail!(
            "this process may open {files} files only: give it more (ulimit -n), or start it several times"
        );
    }
    let report = run(options)?;
    let mut out = std::io::stdout();
    if options.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(!options.check || report.is_clean())
}
