//! The figures of one topic over the last ten minutes, with its holes kept as holes. Pure.

use std::collections::VecDeque;

/// How far back a chart reaches, in milliseconds.
pub const WINDOW: u64 = 10 * 60_000;
/// The server speaks every second; a silence longer than this is a hole, in milliseconds.
pub const SILENCE: u64 = 3_000;
/// Figures of one sample at most.
pub const FIGURES: usize = 3;

/// What was measured at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When, in milliseconds since the Unix epoch, by the server's clock.
    pub time: u64,
    /// The figures, in the order of the chart's lines; those that a chart has no line for are 0.
    pub figures: [f64; FIGURES],
    /// Something is missing between the sample before and this one.
    pub after_hole: bool,
}

/// The samples of the window, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    samples: VecDeque<Sample>,
    hole: bool,
}

impl Series {
    /// Adds a sample, and lets go of what the window leaves behind. One that is not newer than the last is
    /// not taken: two lives of a log may overlap in time after the server's clock was set back.
    pub fn push(&mut self, time: u64, figures: [f64; FIGURES]) {
        let last = self.samples.back().map(|sample| sample.time);
        if last.is_some_and(|last| time <= last) {
            return;
        }
        let silence = last.is_some_and(|last| time - last > SILENCE);
        let after_hole = last.is_some() && (silence || self.hole);
        self.hole = false;
        self.samples.push_back(Sample { time, figures, after_hole });
        while self.samples.front().is_some_and(|first| first.time + WINDOW < time) {
            self.samples.pop_front();
        }
    }

    /// Something was lost here: the next sample does not join the last.
    pub fn hole(&mut self) {
        self.hole = true;
    }

    /// The newest sample.
    #[must_use]
    pub fn last(&self) -> Option<&Sample> {
        self.samples.back()
    }

    /// All of them.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> + ExactSizeIterator {
        self.samples.iter()
    }

    /// From when to when the chart reaches; it ends with the newest sample.
    #[must_use]
    pub fn span(&self) -> Option<(u64, u64)> {
        self.last().map(|last| (last.time.saturating_sub(WINDOW), last.time))
    }

    /// The largest of the first `lines` figures.
    #[must_use]
    pub fn highest(&self, lines: usize) -> f64 {
        let figures = self.samples.iter().flat_map(|sample| sample.figures.iter().take(lines));
        figures.copied().fold(0.0, f64::max)
    }

    /// The largest of the first `lines` figures, but for the two in a hundred that tower over the rest.
    #[must_use]
    pub fn usually_highest(&self, lines: usize) -> f64 {
        let mut peaks: Vec<f64> = self
            .samples
            .iter()
            .map(|sample| sample.figures.iter().take(lines).copied().fold(0.0, f64::max))
            .collect();
        peaks.sort_by(f64::total_cmp);
        let spared = peaks.len() / 50;
        peaks.iter().rev().nth(spared).copied().unwrap_or_default()
    }

    /// The sample nearest to a moment, and its index.
    #[must_use]
    pub fn nearest(&self, time: u64) -> Option<(usize, &Sample)> {
        let after = self.samples.partition_point(|sample| sample.time < time);
        let candidates = [after.checked_sub(1), Some(after)];
        let known = candidates.into_iter().flatten().filter_map(|i| self.samples.get(i).map(|s| (i, s)));
        known.min_by_key(|(_, sample)| sample.time.abs_diff(time))
    }

    /// The sample at an index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Sample> {
        self.samples.get(index)
    }

    /// About `rows` samples for a table, newest first; a hole is told by the sample after it.
    #[must_use]
    pub fn thinned(&self, every: u64) -> Vec<Sample> {
        let mut rows: Vec<Sample> = Vec::new();
        let mut hole = false;
        for sample in self.samples.iter().rev() {
            match rows.last_mut() {
                Some(newer) if newer.time - sample.time < every => newer.after_hole |= hole,
                Some(newer) => {
                    newer.after_hole |= hole;
                    rows.push(*sample);
                }
                None => rows.push(*sample),
            }
            hole = sample.after_hole;
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(times: &[u64]) -> Series {
        let mut series = Series::default();
        for time in times {
            series.push(*time, [*time as f64, 0.0, 0.0]);
        }
        series
    }

    fn holes(series: &Series) -> Vec<u64> {
        series.samples().filter(|s| s.after_hole).map(|s| s.time).collect()
    }

    #[test]
    fn the_window_holds_ten_minutes_and_no_more() {
        let times: Vec<_> = (0..=700).map(|n| n * 1000).collect();
        let series = at(&times);
        assert_eq!(series.span(), Some((100_000, 700_000)));
        assert_eq!(series.samples().len(), 601);
        assert_eq!(series.highest(1), 700_000.0);
        assert_eq!(series.highest(0), 0.0);
    }

    #[test]
    fn a_gap_and_a_silence_are_holes() {
        let mut series = at(&[1_000, 2_000, 9_000]);
        series.hole();
        series.push(10_000, [0.0; 3]);
        series.push(11_000, [0.0; 3]);
        assert_eq!(holes(&series), [9_000, 10_000]);
        let mut begun = Series::default();
        begun.hole();
        begun.push(1_000, [0.0; 3]);
        assert_eq!(holes(&begun), [] as [u64; 0], "nothing before the first sample is missing");
    }

    #[test]
    fn what_is_usual_leaves_out_few_outliers_and_no_more() {
        let mut series = Series::default();
        for n in 1..=100 {
            series.push(n * 1000, [if n > 98 { 900.0 } else { 5.0 }, 0.0, 0.0]);
        }
        assert_eq!(series.usually_highest(1), 5.0);
        series.push(101_000, [900.0; 3]);
        assert_eq!(series.usually_highest(1), 900.0);
        assert_eq!(Series::default().usually_highest(3), 0.0);
    }

    #[test]
    fn time_only_goes_on() {
        assert_eq!(at(&[2_000, 1_000, 2_000, 3_000]).samples().len(), 2);
    }

    #[test]
    fn the_nearest_sample_is_found_at_both_ends_and_between() {
        let series = at(&[1_000, 2_000, 3_000]);
        let found = |time| series.nearest(time).map(|(index, _)| index);
        assert_eq!(
            [found(0), found(1_400), found(1_600), found(9_000)],
            [Some(0), Some(0), Some(1), Some(2)]
        );
        assert_eq!(Series::default().nearest(5), None);
    }

    #[test]
    fn a_table_thins_the_samples_and_keeps_its_holes() {
        let mut series = at(&(1..=20).map(|n| n * 1000).collect::<Vec<_>>());
        series.hole();
        series.push(21_000, [0.0; 3]);
        series.push(22_000, [0.0; 3]);
        let rows = series.thinned(10_000);
        let times: Vec<_> = rows.iter().map(|s| (s.time, s.after_hole)).collect();
        assert_eq!(times, [(22_000, true), (12_000, false), (2_000, false)]);
    }
}
