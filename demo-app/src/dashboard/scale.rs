//! From figures to places in a picture: round axes, and the paths of lines with their holes. Pure.

use std::fmt::Write;

use super::series::Sample;
use crate::format::Unit;

/// A vertical axis from 0 to a round top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Its top.
    pub top: f64,
    /// The distance of its lines; the top is a whole number of them.
    pub step: f64,
}

impl Axis {
    /// The least round axis that a figure fits into, with two to five steps.
    #[must_use]
    pub fn fitting(highest: f64, unit: Unit) -> Self {
        let least = match unit {
            Unit::Percent => 10.0,
            Unit::Bytes => 1_048_576.0,
            Unit::Count | Unit::PerSecond => 4.0,
        };
        let highest = highest.max(least);
        // Bytes are round in binary steps: 64 MB, not 67.1.
        let base = match unit {
            Unit::Bytes => 1024f64.powi((highest.ln() / 1024f64.ln()).floor() as i32),
            _ => 1.0,
        };
        let raw = highest / base / 4.0;
        let magnitude = 10f64.powi(raw.log10().floor() as i32);
        let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|m| m * magnitude >= raw * 0.999);
        let mut step = round.unwrap_or(10.0) * magnitude * base;
        if unit == Unit::Count {
            step = step.ceil();
        }
        Self { top: (highest / step * 0.999).ceil() * step, step }
    }

    /// The axis for figures that are usually at most `usual` and at some moments `highest`. A moment that
    /// towers over all others (a new reader of the whole log makes one in messages per second) doesn't press
    /// them flat: it is drawn up to the top, marked there, and tells its figure when it is read.
    #[must_use]
    pub fn sparing(highest: f64, usual: f64, unit: Unit) -> Self {
        let towers = unit == Unit::PerSecond && highest > 4.0 * usual.max(4.0);
        Self::fitting(if towers { usual } else { highest }, unit)
    }

    /// Where its lines are, from the bottom.
    pub fn ticks(self) -> impl Iterator<Item = f64> {
        let count = (self.top / self.step).round() as u32;
        (0..=count).map(move |n| f64::from(n) * self.step)
    }
}

/// A rectangle of a picture, and what lies in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The first moment.
    pub from: u64,
    /// The last moment.
    pub to: u64,
    /// The figure at its top; its bottom is 0.
    pub top: f64,
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub height: f64,
}

impl Frame {
    /// A moment's distance from the left.
    #[must_use]
    pub fn x(&self, time: u64) -> f64 {
        let span = self.to.saturating_sub(self.from).max(1) as f64;
        (time as f64 - self.from as f64) / span * self.width
    }

    /// A figure's distance from the top.
    #[must_use]
    pub fn y(&self, figure: f64) -> f64 {
        self.height - (figure / self.top.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0) * self.height
    }

    /// The moment at a distance from the left.
    #[must_use]
    pub fn time(&self, x: f64) -> u64 {
        let share = (x / self.width.max(1.0)).clamp(0.0, 1.0);
        self.from + (share * self.to.saturating_sub(self.from) as f64) as u64
    }

    /// The path of one figure: a stroke for each unbroken run, and a point for a run of one.
    pub fn line<'a>(&self, samples: impl Iterator<Item = &'a Sample>, figure: usize) -> String {
        let mut path = String::new();
        let mut first = true;
        let mut alone = false;
        for sample in samples {
            let begins = first || sample.after_hole;
            if begins && alone {
                path.push_str("h0");
            }
            self.place(&mut path, if begins { 'M' } else { 'L' }, sample, figure);
            alone = begins;
            first = false;
        }
        if alone {
            path.push_str("h0");
        }
        path
    }

    /// The area under one figure, closed run by run.
    pub fn area<'a>(&self, samples: impl Iterator<Item = &'a Sample>, figure: usize) -> String {
        let mut path = String::new();
        let mut open = false;
        for sample in samples {
            let begins = !open || sample.after_hole;
            if begins && open {
                self.close(&mut path);
            }
            if begins {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{} {}V", tenth(self.x(sample.time)), tenth(self.height));
                let _ = write!(path, "{}", tenth(self.y(sample.figures[figure])));
            } else {
                self.place(&mut path, 'L', sample, figure);
            }
            open = true;
        }
        if open {
            self.close(&mut path);
        }
        path
    }

    fn place(&self, path: &mut String, command: char, sample: &Sample, figure: usize) {
        let (x, y) = (self.x(sample.time), self.y(sample.figures[figure]));
        let _ = write!(path, "{command}{} {}", tenth(x), tenth(y));
    }

    fn close(&self, path: &mut String) {
        let _ = write!(path, "V{}Z", tenth(self.height));
    }
}

/// A tenth of a pixel is as fine as a screen shows, and keeps a path of 600 points short.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::series::Series;
    use super::*;

    const FRAME: Frame = Frame { from: 0, to: 10_000, top: 10.0, width: 100.0, height: 50.0 };

    fn series(points: &[(u64, f64)]) -> Series {
        let mut series = Series::default();
        for (time, figure) in points {
            series.push(*time, [*figure, 0.0, 0.0]);
        }
        series
    }

    #[test]
    fn axes_are_round_and_hold_their_highest_figure() {
        for (highest, unit, top, step) in [
            (0.0, Unit::Percent, 10.0, 2.5),
            (37.0, Unit::Percent, 40.0, 10.0),
            (100.0, Unit::Percent, 100.0, 25.0),
            (0.0, Unit::Count, 4.0, 1.0),
            (5.0, Unit::Count, 6.0, 2.0),
            (7300.0, Unit::PerSecond, 8000.0, 2000.0),
            (48.0 * 1_048_576.0, Unit::Bytes, 60.0 * 1_048_576.0, 20.0 * 1_048_576.0),
        ] {
            let axis = Axis::fitting(highest, unit);
            assert_eq!((axis.top, axis.step), (top, step), "{highest} {unit:?}");
        }
        for tenths in 1..20_000 {
            let highest = f64::from(tenths) / 10.0;
            let axis = Axis::fitting(highest, Unit::PerSecond);
            let steps = axis.ticks().count() - 1;
            assert!(axis.top >= highest * 0.999 && (2..=5).contains(&steps), "{highest}: {axis:?}");
        }
    }

    #[test]
    fn a_towering_moment_does_not_press_the_others_flat() {
        assert_eq!(Axis::sparing(2400.0, 30.0, Unit::PerSecond).top, 30.0);
        assert_eq!(Axis::sparing(100.0, 30.0, Unit::PerSecond).top, 100.0);
        assert_eq!(Axis::sparing(10.0, 0.0, Unit::PerSecond).top, 10.0);
        assert_eq!(Axis::sparing(100.0, 3.0, Unit::Percent).top, 100.0, "a bounded figure keeps its axis");
    }

    #[test]
    fn a_hole_breaks_the_line_and_the_area() {
        let series = series(&[(0, 0.0), (1_000, 5.0), (9_000, 10.0), (10_000, 10.0)]);
        assert_eq!(FRAME.line(series.samples(), 0), "M0 50L10 25M90 0L100 0");
        assert_eq!(FRAME.area(series.samples(), 0), "M0 50V50L10 25V50ZM90 50V0L100 0V50Z");
    }

    #[test]
    fn a_sample_alone_is_a_point_and_none_is_nothing() {
        assert_eq!(FRAME.line(series(&[(5_000, 5.0)]).samples(), 0), "M50 25h0");
        assert_eq!(FRAME.line(series(&[(0, 5.0), (9_000, 5.0)]).samples(), 0), "M0 25h0M90 25h0");
        assert_eq!(FRAME.line(std::iter::empty(), 0), "");
        assert_eq!(FRAME.area(std::iter::empty(), 0), "");
    }

    #[test]
    fn a_place_and_its_moment_are_the_same() {
        assert_eq!(FRAME.time(FRAME.x(2_500)), 2_500);
        assert_eq!((FRAME.time(-5.0), FRAME.time(500.0)), (0, 10_000));
        assert_eq!(FRAME.y(20.0), 0.0, "a figure above the top stays in the picture");
    }
}
