//! `config`: prints what the server would be started with, and whether it would start.

use std::io::Write;

use clap::Args;
use everwire_server::config::{Config, Options};

use super::Outcome;

/// What holds, every option with where its value comes from. Secrets are left out.
#[derive(Debug, Args)]
#[command(after_help = "Example: everwire-server --config /etc/everwire.toml --listen 0.0.0.0:8080 config")]
pub struct Show {}

impl Show {
    /// Prints it; what is wrong with it comes after, as the error.
    pub fn run(&self, options: &Options) -> Outcome {
        write!(std::io::stdout(), "{}", options.effective()?)?;
        Config::load(options)?.check_anonymous()?;
        Ok(())
    }
}
