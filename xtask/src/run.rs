//! Runs child processes: printed before they start, their output passed through as it comes, and read on the way
//! where somebody wants to count.

use crate::say;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitStatus, Stdio};
use xshell::Cmd;

/// Runs `cmd` to its end; an error when it fails. No child is given a standard input: nothing here asks.
pub fn run(cmd: Cmd<'_>) -> Result<()> {
    let text = cmd.to_string();
    let status = stream(cmd, |_| ())?;
    if !status.success() {
        bail!("`{text}` failed: {status}");
    }
    Ok(())
}

/// Runs `cmd` to its end and shows each line of its standard output to `on_line`, too.
pub fn stream(cmd: Cmd<'_>, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
    let text = cmd.to_string();
    say::command(&text);
    let mut command = Command::from(cmd);
    if say::colours() {
        // Piped children would fall back to plain text.
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{text}`"))?;
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            let _ = std::io::stdout().lock().write_all(&line);
            on_line(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    }
    child.wait().with_context(|| format!("waiting for `{text}`"))
}

/// What `cmd` prints, without showing it; `None` when it fails or isn't there.
pub fn ask(cmd: Cmd<'_>) -> Option<String> {
    let output = Command::from(cmd).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use xshell::{Shell, cmd};

    #[test]
    fn each_line_is_seen_on_its_way() {
        let shell = Shell::new().unwrap();
        let mut seen = Vec::new();
        let status = stream(cmd!(shell, "rustc --version"), |line| seen.push(line.to_owned())).unwrap();
        assert!(status.success());
        assert_eq!(seen.len(), 1);
        assert!(seen[0].starts_with("rustc 1."));
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let shell = Shell::new().unwrap();
        let error = run(cmd!(shell, "rustc --no-such-option").ignore_status()).unwrap_err();
        assert!(error.to_string().contains("--no-such-option"));
    }

    #[test]
    fn asking_something_that_is_not_there_is_no_answer() {
        let shell = Shell::new().unwrap();
        assert_eq!(ask(cmd!(shell, "everwire-no-such-program --version")), None);
    }
}
