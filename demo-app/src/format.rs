//! How numbers, moments and spans are written for people. Pure: the time zone is passed in, and nothing
//! here knows a browser.

/// The local time zone: minutes to add to UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zone(pub i32);

impl Zone {
    fn local_seconds(self, ms: u64) -> i64 {
        i64::try_from(ms / 1000).unwrap_or(i64::MAX / 2) + i64::from(self.0) * 60
    }

    /// The number of the local day that a moment lies in, counted from 1 January 1970.
    #[must_use]
    pub fn day(self, ms: u64) -> i64 {
        self.local_seconds(ms).div_euclid(86_400)
    }

    /// `14:05`
    #[must_use]
    pub fn hours_minutes(self, ms: u64) -> String {
        let second = self.local_seconds(ms).rem_euclid(86_400);
        format!("{:02}:{:02}", second / 3600, second / 60 % 60)
    }

    /// `14:05:09`
    #[must_use]
    pub fn hours_minutes_seconds(self, ms: u64) -> String {
        let second = self.local_seconds(ms).rem_euclid(60);
        format!("{}:{second:02}", self.hours_minutes(ms))
    }
}

/// A day as a separator says it: `Today`, `Yesterday`, `Friday, 20 November`, with the year where it is not
/// this one.
#[must_use]
pub fn day_label(day: i64, today: i64) -> String {
    const WEEKDAYS: [&str; 7] =
        ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    match today - day {
        0 => return "Today".to_owned(),
        1 => return "Yesterday".to_owned(),
        _ => {}
    }
    let (year, month, date) = civil(day);
    let weekday = WEEKDAYS[day.rem_euclid(7) as usize];
    let month = MONTHS[month as usize - 1];
    if year == civil(today).0 {
        format!("{weekday}, {date} {month}")
    } else {
        format!("{weekday}, {date} {month} {year}")
    }
}

/// Year, month 1–12 and date 1–31 of a day counted from 1 January 1970 (Hinnant's `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, date)
}

/// What a figure counts, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Per cent.
    Percent,
    /// Bytes, in binary steps.
    Bytes,
    /// Whole things.
    Count,
    /// Things per second.
    PerSecond,
}

impl Unit {
    /// The figure and its unit, apart, so that a tile can set them in two sizes.
    #[must_use]
    pub fn parts(self, value: f64) -> (String, &'static str) {
        const STEPS: [(f64, &str); 4] =
            [(1_099_511_627_776.0, "TB"), (1_073_741_824.0, "GB"), (1_048_576.0, "MB"), (1024.0, "KB")];
        match self {
            Self::Percent => (digits(value), "%"),
            Self::Count => (grouped(value.round() as i64), ""),
            Self::PerSecond => (digits(value), "/s"),
            Self::Bytes => match STEPS.iter().find(|(step, _)| value >= *step) {
                Some((step, name)) => (digits(value / step), name),
                None => (digits(value), "B"),
            },
        }
    }

    /// The figure with its unit: `12.5 %`, `48 MB`, `3`, `120/s`.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self.parts(value) {
            (figure, "") => figure,
            (figure, unit @ "/s") => figure + unit,
            (figure, unit) => format!("{figure}\u{a0}{unit}"),
        }
    }
}

/// Three figures at most: `0`, `0.4`, `12.5`, `480`, `12,000`.
fn digits(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    if tenths.abs() >= 1000 || tenths % 10 == 0 {
        grouped((tenths as f64 / 10.0).round() as i64)
    } else {
        format!("{}{}.{}", if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10)
    }
}

/// `12,345`
#[must_use]
pub fn grouped(value: i64) -> String {
    let text = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(text.len() + text.len() / 3 + 1);
    if value < 0 {
        out.push('-');
    }
    for (index, digit) in text.chars().enumerate() {
        if index > 0 && (text.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A span of time: `240 ms`, `12 s`, `3 min`, `2 h`.
#[must_use]
pub fn span(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms}\u{a0}ms"),
        1000..120_000 => format!("{}\u{a0}s", ms / 1000),
        120_000..7_200_000 => format!("{}\u{a0}min", ms / 60_000),
        _ => format!("{}\u{a0}h", ms / 3_600_000),
    }
}

/// `1 message`, `3 messages`
#[must_use]
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(i64::try_from(count).unwrap_or(i64::MAX)), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_795_176_309_000; // 2026-11-20 12:05:09 UTC, a Friday

    #[test]
    fn moments_are_told_in_the_local_zone() {
        assert_eq!(Zone(0).hours_minutes(NOON), "12:05");
        assert_eq!(Zone(0).hours_minutes_seconds(NOON), "12:05:09");
        assert_eq!(Zone(330).hours_minutes(NOON), "17:35");
        assert_eq!(Zone(-780).hours_minutes(NOON), "23:05");
        assert_eq!(Zone(0).day(NOON) - Zone(-780).day(NOON), 1);
    }

    #[test]
    fn days_are_named_from_near_to_far() {
        let today = Zone(0).day(NOON);
        assert_eq!(day_label(today, today), "Today");
        assert_eq!(day_label(today - 1, today), "Yesterday");
        assert_eq!(day_label(today - 4, today), "Monday, 16 November");
        assert_eq!(day_label(0, today), "Thursday, 1 January 1970");
        assert_eq!(day_label(11_016, today), "Tuesday, 29 February 2000");
    }

    #[test]
    fn figures_keep_three_digits_and_their_unit() {
        assert_eq!(Unit::Percent.text(0.0), "0\u{a0}%");
        assert_eq!(Unit::Percent.text(12.46), "12.5\u{a0}%");
        assert_eq!(Unit::Percent.text(99.97), "100\u{a0}%");
        assert_eq!(Unit::Bytes.text(1536.0), "1.5\u{a0}KB");
        assert_eq!(Unit::Bytes.text(50_331_648.0), "48\u{a0}MB");
        assert_eq!(Unit::Bytes.text(12.0), "12\u{a0}B");
        assert_eq!(Unit::Count.text(12_000.0), "12,000");
        assert_eq!(Unit::PerSecond.text(0.4), "0.4/s");
        assert_eq!(Unit::PerSecond.text(12_345.6), "12,346/s");
        assert_eq!(Unit::Percent.text(-0.26), "-0.3\u{a0}%");
    }

    #[test]
    fn spans_and_counts_read_as_people_say_them() {
        assert_eq!(span(240), "240\u{a0}ms");
        assert_eq!(span(90_000), "90\u{a0}s");
        assert_eq!(span(180_000), "3\u{a0}min");
        assert_eq!(span(7_200_000), "2\u{a0}h");
        assert_eq!(plural(1, "message", "messages"), "1 message");
        assert_eq!(plural(1200, "message", "messages"), "1,200 messages");
    }
}
