//! The server's binary: the command line in, and what went wrong on stderr.

mod cli;

use std::{io::Write, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    match cli::Cli::read().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "everwire-server: {error}");
            ExitCode::FAILURE
        }
    }
}
