//! The server's binary as a child process: away from the environment's options, and the line that it prints.

use std::{
    io::{BufRead, BufReader, Read},
    process::Command,
};

/// The binary, with none of its variables set.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everwire-server"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("EVERWIRE_")) {
        command.env_remove(name);
    }
    command
}

/// Where it says that it listens, as `host:port`; nothing when it has ended without a word.
pub fn address(stdout: impl Read) -> Option<String> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    line.trim().strip_prefix("everwire-server listening on http://").map(str::to_owned)
}
