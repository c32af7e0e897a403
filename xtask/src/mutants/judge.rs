//! The simulation over the copy as it stands: does it notice?

use super::copy::Copy;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use xshell::cmd;

/// A schedule takes some milliseconds; a simulation that goes on for this long has no end, which is a way to notice, too.
const PATIENCE: Duration = Duration::from_secs(180);

/// So many schedules in one go, at the most.
const AT_ONCE: u64 = 256;

/// What the simulation made of a mutant.
pub enum Judgement {
    /// It noticed.
    Caught {
        /// The first line of what it said: the seed, and what was broken.
        message: String,
    },
    /// It did not.
    Survived {
        /// After so many schedules.
        seeds: u64,
    },
}

impl Judgement {
    pub fn is_caught(&self) -> bool {
        matches!(self, Self::Caught { .. })
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught { message } => write!(f, "caught: {message}"),
            Self::Survived { seeds } => write!(f, "SURVIVED {seeds} schedules"),
        }
    }
}

/// Builds the simulation of the copy and runs it: few schedules first, and more while nothing is found.
pub fn judge(workspace: &Workspace, copy: &Copy, seeds: u64) -> Result<Judgement> {
    let program = build(workspace, copy)?;
    let mut first = 0;
    while first < seeds {
        let count = (first * 3).clamp(16, AT_ONCE).min(seeds - first);
        if let Some(message) = broken(&program, first, count)? {
            return Ok(Judgement::Caught { message });
        }
        first += count;
    }
    Ok(Judgement::Survived { seeds })
}

/// As `cargo xtask sim` builds it, but incrementally: between two mutants hardly anything changes.
fn build(workspace: &Workspace, copy: &Copy) -> Result<PathBuf> {
    let target = workspace.target.join("mutants/build");
    let manifest = copy.root().join("Cargo.toml");
    let built = cmd!(
        workspace.shell,
        "cargo build --locked --release --quiet -p everwire-sim --manifest-path {manifest} --target-dir {target}"
    )
    .env("CARGO_INCREMENTAL", "1")
    // A mistake may well leave something unused.
    .env("RUSTFLAGS", "--cap-lints allow")
    .quiet()
    .ignore_status()
    .output()?;
    if !built.status.success() {
        bail!("it does not compile:\n{}", String::from_utf8_lossy(&built.stderr));
    }
    Ok(target.join("release").join(format!("everwire-sim{}", std::env::consts::EXE_SUFFIX)))
}

/// What the simulation found in these schedules.
fn broken(program: &Path, first: u64, count: u64) -> Result<Option<String>> {
    let mut child = Command::new(program)
        .args(["--first", &first.to_string(), "--seeds", &count.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| program.display().to_string())?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send((text(stdout), text(stderr))));
    let Ok((said, complaints)) = told.recv_timeout(PATIENCE) else {
        child.kill()?;
        child.wait()?;
        return Ok(Some(format!("one of the seeds {first} to {} has no end", first + count - 1)));
    };
    let well = child.wait()?.success();
    Ok((!well).then(|| message(&said, &complaints)))
}

/// All that comes through a pipe until it ends.
fn text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // What can't be read is as good as not said.
    let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Of all that was broken, the one with the lowest seed; else the panic.
fn message(said: &str, complaints: &str) -> String {
    let seed = |line: &&str| line.strip_prefix("seed ")?.split(',').next()?.parse::<u64>().ok();
    let broken = said.lines().filter(|line| seed(line).is_some()).min_by_key(|line| seed(line));
    let panic = || {
        let mut lines = complaints.lines().skip_while(|line| !line.contains("panicked at"));
        let (at, why) = (lines.next()?, lines.next().unwrap_or_default());
        Some(format!("{at} {why}"))
    };
    broken
        .map(str::to_owned)
        .or_else(panic)
        .unwrap_or_else(|| "the simulation failed without a word".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_seed_is_told() {
        let said =
            "16 schedules in 0.0 s\nseed 12, at 3 ms: late\nreplay: …\nseed 7, at 9 ms: early\n2 broken\n";
        assert_eq!(message(said, ""), "seed 7, at 9 ms: early");
    }

    #[test]
    fn a_panic_is_told_where_there_is_no_seed() {
        let complaints = "thread '<unnamed>' panicked at sdk/core/src/lib.rs:1:2:\nattempt to subtract\n";
        assert!(message("1 broken\n", complaints).ends_with("lib.rs:1:2: attempt to subtract"));
    }
}
