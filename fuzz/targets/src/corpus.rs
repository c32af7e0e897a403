//! The committed corpus, one file per target: an input a line, its bytes as in a Rust byte string. So a directory of
//! a thousand small files is one that can be read in a diff.

use std::fmt;

/// A line of a corpus is not a byte string.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no byte string: {}", self.0)
    }
}

impl std::error::Error for Unreadable {}

/// The inputs of a corpus file.
///
/// # Errors
/// [`Unreadable`] names the first line that is none.
pub fn inputs(file: &str) -> Result<Vec<Vec<u8>>, Unreadable> {
    file.lines().map(|line| bytes(line).ok_or_else(|| Unreadable(line.to_owned()))).collect()
}

fn bytes(line: &str) -> Option<Vec<u8>> {
    let mut rest = line.bytes();
    let mut out = Vec::with_capacity(line.len());
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'\\' => match rest.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
                other @ (b'\\' | b'"' | b'\'') => other,
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(inputs(&all.escape_ascii().to_string()), Ok(vec![all]));
    }

    #[test]
    fn a_line_that_ends_within_an_escape_is_refused() {
        for line in ["\\", "\\x", "\\x0", "\\xg0", "\\q"] {
            assert_eq!(inputs(line), Err(Unreadable(line.to_owned())));
        }
    }
}
