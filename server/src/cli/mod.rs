//! The command line: the options of the server, and the commands beside serving, a file each. A new command is
//! a variant of [`Command`], its arguments and what it does in a file of its own, and a line in [`Cli::run`].

mod completions;
mod config;
mod publish;
mod serve;
mod token;

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use everwire_server::config::{Given, Options};

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
    /// Print the configuration that would hold, and where each value comes from
    Config(config::Show),
    /// Print what a shell needs to complete the command line
    Completions(completions::Completions),
    /// Publish what comes in on standard input, a line each, and nothing of it twice
    Publish(publish::Publish),
    /// Make a token for development, and print it
    Token(token::Token),
}

impl Cli {
    /// Reads the command line and the environment; ends the process where they are malformed, or where help was
    /// asked for.
    pub fn read() -> Self {
        let parsed = Self::command().try_get_matches().and_then(|matches| {
            let mut cli = Self::from_arg_matches(&matches)?;
            cli.options.given = Given::of(&matches);
            Ok(cli)
        });
        parsed.unwrap_or_else(|mut error| {
            if let Some(variable) = variable_of(&error) {
                // clap names the flag, which nobody wrote.
                error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
            }
            error.exit()
        })
    }

    /// Does what was asked for.
    pub async fn run(self) -> Outcome {
        let Self { options, command } = self;
        match command {
            None => serve::run(&options).await,
            Some(Command::Config(show)) => show.run(&options),
            Some(Command::Completions(completions)) => completions.run(),
            Some(Command::Publish(publish)) => publish.run().await,
            Some(Command::Token(token)) => token.run(&options),
        }
    }
}

/// The variable that a malformed value came from, where it was none of the arguments.
fn variable_of(error: &clap::Error) -> Option<String> {
    let ContextValue::String(argument) = error.get(ContextKind::InvalidArg)? else { return None };
    let flag = argument.split([' ', '=']).next()?;
    let written = |said: String| said == flag || said.starts_with(&format!("{flag}="));
    if std::env::args().any(written) {
        return None;
    }
    let command = Cli::command();
    let of_flag = command.get_arguments().find(|known| known.get_long() == flag.strip_prefix("--"))?;
    let variable = of_flag.get_env()?.to_str()?;
    std::env::var_os(variable).map(|_| variable.to_owned())
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
