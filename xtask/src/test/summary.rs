//! The table at the end of `cargo xtask test`, and the sum that is its last line.

use super::Tally;
use std::fmt::Write;

/// How a step went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Passed,
    Failed,
    NotRun,
}

/// One step of the table.
pub struct Row {
    pub step: &'static str,
    pub seconds: f32,
    pub tally: Tally,
    pub outcome: Outcome,
}

impl Row {
    /// A step that an earlier failure kept from running: it counts as one that was skipped.
    pub fn not_run(step: &'static str) -> Self {
        Self { step, seconds: 0.0, tally: Tally { skipped: 1, ..Tally::default() }, outcome: Outcome::NotRun }
    }
}

/// All counts added up; its text is `N passed, N failed, N skipped`.
pub fn total(rows: &[Row]) -> Tally {
    let mut total = Tally::default();
    for row in rows {
        total += row.tally;
    }
    total
}

/// The steps, one a line.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        format!("{:<10} {:>8} {:>8} {:>8} {:>8}\n", "step", "seconds", "passed", "failed", "skipped");
    for Row { step, seconds, tally, outcome } in rows {
        let remark = match outcome {
            Outcome::Passed => "",
            Outcome::Failed => "  FAILED",
            Outcome::NotRun => "  not run",
        };
        let Tally { passed, failed, skipped } = tally;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{step:<10} {seconds:>8.1} {passed:>8} {failed:>8} {skipped:>8}{remark}");
    }
    let seconds: f32 = rows.iter().map(|row| row.seconds).sum();
    let _ = write!(text, "{:<10} {seconds:>8.1}", "all");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_sum_of_the_steps() {
        let rows = [
            Row {
                step: "a",
                seconds: 1.0,
                tally: Tally { passed: 3, failed: 0, skipped: 1 },
                outcome: Outcome::Passed,
            },
            Row {
                step: "b",
                seconds: 1.0,
                tally: Tally { passed: 0, failed: 2, skipped: 0 },
                outcome: Outcome::Failed,
            },
            Row::not_run("c"),
        ];
        assert_eq!(total(&rows).to_string(), "3 passed, 2 failed, 2 skipped");
        let table = table(&rows);
        assert!(table.contains("FAILED") && table.contains("not run"), "{table}");
    }
}
