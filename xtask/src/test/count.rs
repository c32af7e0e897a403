//! Counts tests while their output goes by: the `test result:` lines of libtest, of wasm-bindgen's runner and of
//! the end-to-end harness, which all look alike.

use crate::run;
use anyhow::Result;
use std::fmt;
use std::ops::AddAssign;
use xshell::Cmd;

/// How many tests, or checks, went how.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Did what they should.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
    /// Were there, and were not run.
    pub skipped: u64,
}

impl Tally {
    /// One check that passed.
    pub fn passed() -> Self {
        Self { passed: 1, ..Self::default() }
    }

    /// One check that failed.
    pub fn failed() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    /// Nothing failed, and there was something.
    pub fn is_green(self) -> bool {
        self.failed == 0 && self.passed > 0
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Runs a command that is one check as a whole.
pub fn check(cmd: Cmd<'_>) -> Result<Tally> {
    let status = run::stream(cmd, |_| ())?;
    Ok(if status.success() { Tally::passed() } else { Tally::failed() })
}

/// Runs a command that runs tests, and counts them.
pub fn tests(cmd: Cmd<'_>) -> Result<Tally> {
    let mut tally = Tally::default();
    let status = run::stream(cmd, |line| tally += result_line(line).unwrap_or_default())?;
    if !status.success() && tally.failed == 0 {
        // It broke outside of any test: it did not compile, or the harness died.
        tally += Tally::failed();
    }
    Ok(tally)
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out` → the counts.
fn result_line(line: &str) -> Option<Tally> {
    let plain = without_colours(line);
    let (_, counts) = plain.trim_start().strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split("; ") {
        let (number, what) = part.trim().split_once(' ')?;
        match what {
            "passed" => tally.passed = number.parse().ok()?,
            "failed" => tally.failed = number.parse().ok()?,
            "ignored" => tally.skipped = number.parse().ok()?,
            // Measured, filtered out, finished in: nothing that was to be run.
            _ => {}
        }
    }
    Some(tally)
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtests_line_is_counted() {
        let line =
            "test result: ok. 31 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.02s";
        assert_eq!(result_line(line), Some(Tally { passed: 31, failed: 0, skipped: 2 }));
    }

    #[test]
    fn the_wasm_runners_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 filtered out; finished in 1.5s";
        assert_eq!(result_line(line), Some(Tally { passed: 12, failed: 1, skipped: 0 }));
    }

    #[test]
    fn colours_do_not_hide_the_counts() {
        let line = "test result: \x1b[32mok\x1b[0m. 3 passed; 0 failed; 0 ignored";
        assert_eq!(result_line(line), Some(Tally { passed: 3, failed: 0, skipped: 0 }));
    }

    #[test]
    fn other_lines_are_no_counts() {
        assert_eq!(result_line("test a_test_that_says_1_passed ... ok"), None);
        assert_eq!(result_line(""), None);
    }

    #[test]
    fn a_step_without_any_test_is_not_green() {
        assert!(!Tally::default().is_green());
        assert!(Tally::passed().is_green());
        assert!(!Tally { passed: 9, failed: 1, skipped: 0 }.is_green());
    }
}
