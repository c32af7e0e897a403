//! What the commands print. One place, so that all of them look alike, and so that a closed pipe
//! (`cargo xtask tidy | head`) ends in silence and not in a panic.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// A line as it is.
pub fn line(text: impl Display) {
    // A reader that has gone away is no reason to stop the work.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// The heading of a part of the work.
pub fn heading(text: impl Display) {
    line(paint(&format!("\n== {text}"), "1"));
}

/// A command that is about to run.
pub fn command(text: impl Display) {
    line(paint(&format!("$ {text}"), "2"));
}

/// What went wrong, at the end of a command.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", paint(&format!("error: {text}"), "1;31"));
}

fn paint(text: &str, style: &str) -> String {
    if colours() { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Whether the output is looked at by a person (and not told to be plain).
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
