//! The size of some bytes, as they are and as servers compress them.

use anyhow::Result;
use std::fmt;
use std::io::Write;
use std::ops::AddAssign;

/// Bytes: raw, gzip at level 9, brotli at level 11.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Size {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Size {
    /// Measures `bytes`.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(bytes)?;
        let mut brotli = Vec::new();
        let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 24, ..Default::default() };
        brotli::BrotliCompress(&mut &*bytes, &mut brotli, &params)?;
        Ok(Self { raw: bytes.len(), gzip: gzip.finish()?.len(), brotli: brotli.len() })
    }
}

impl Size {
    /// As browsers download it.
    pub fn brotli(self) -> usize {
        self.brotli
    }

    /// Raw, gzip, brotli.
    pub fn parts(self) -> [usize; 3] {
        [self.raw, self.gzip, self.brotli]
    }

    /// How much bigger than another one it is, as browsers download it: `+1,234`.
    pub fn beyond(self, other: Self) -> String {
        let sign = if self.brotli < other.brotli { '-' } else { '+' };
        format!("{sign}{}", thousands(self.brotli.abs_diff(other.brotli)))
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.raw += other.raw;
        self.gzip += other.gzip;
        self.brotli += other.brotli;
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10} {:>10} {:>10}", thousands(self.raw), thousands(self.gzip), thousands(self.brotli))
    }
}

/// 1234567 → `1,234,567`
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_smaller_than_gzip_is_smaller_than_raw() {
        let text = "a topic is a log, and every consumer is a cursor; ".repeat(100);
        let size = Size::of(text.as_bytes()).unwrap();
        assert_eq!(size.raw, text.len());
        assert!(size.brotli < size.gzip && size.gzip < size.raw, "{size:?}");
    }

    #[test]
    fn a_difference_tells_its_direction() {
        let of = |brotli| Size { brotli, ..Size::default() };
        assert_eq!(of(5_000).beyond(of(1_000)), "+4,000");
        assert_eq!(of(999).beyond(of(1_000)), "-1");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
