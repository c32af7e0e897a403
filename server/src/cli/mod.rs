//! The command line: the options of the server, and the commands beside serving, a file each. A new command is
//! a variant of [`Command`], its arguments and what it does in a file of its own, and a line in [`Cli::run`].

mod serve;
mod token;

use clap::{Parser, Subcommand};
use everwire_server::config::Options;

/// How a command ends: what went wrong is told on stderr, by whoever called it.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// All that can be said on the command line.
#[derive(Debug, Parser)]
#[command(name = "everwire-server", version)]
pub struct Cli {
    #[command(flatten)]
    options: Options,

    #[command(subcommand)]
    command: Option<Command>,
}

/// What it can do beside serving, which is what it does when no command is named. Options of the server stand
/// in front of a command.
#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token for development, and print it
    Token(token::Token),
}

impl Cli {
    /// Does what was asked for.
    pub async fn run(self) -> Outcome {
        let Self { options, command } = self;
        match command {
            None => serve::run(&options).await,
            Some(Command::Token(token)) => token.run(&options),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
