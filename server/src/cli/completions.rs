//! `completions`: prints what a shell needs to complete the command line.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Outcome};

/// For which shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: everwire-server completions bash > /etc/bash_completion.d/everwire-server\n\
                        everwire-server completions zsh > \"${fpath[1]}/_everwire-server\"\n\
                        everwire-server completions fish > ~/.config/fish/completions/everwire-server.fish"
)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints them.
    pub fn run(&self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "everwire-server", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(())
    }
}
