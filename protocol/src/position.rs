//! Positions, and the text forms in which they travel.

use std::{fmt, str::FromStr};

use crate::{
    Epoch, ServerFrame,
    digits::{self, put_number, split},
    limits,
};

/// A place in a topic's log: the record at `offset` of the log's life `epoch` is the last one seen.
/// Offset 0 stands before the first record, so "nothing received so far" is a position too.
///
/// Text form: `EPOCH-OFFSET`, e.g. `k3x9-17`.
///
/// ```
/// use everwire_protocol::Position;
///
/// let position: Position = "k3x9-17".parse()?;
/// assert_eq!((position.epoch.as_str(), position.offset), ("k3x9", 17));
/// # Ok::<(), everwire_protocol::ParsePositionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The life of the log.
    pub epoch: Epoch,
    /// The last record seen, or 0.
    pub offset: u64,
}

impl Position {
    /// What stands in a [`Cursor`] for a topic that has no position, because it was refused: `0-0`. No log
    /// lives in this epoch; a server starts such a topic as if no position had been sent.
    pub const NONE: Self = Self { epoch: Epoch::ZERO, offset: 0 };

    /// Appends its text form, without what a formatter costs a browser.
    pub fn push_to(&self, out: &mut String) {
        out.push_str(self.epoch.as_str());
        out.push('-');
        put_number(out, self.offset);
    }
}

/// A text is not a position, a start or a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsePositionError;

impl fmt::Display for ParsePositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a position: expected EPOCH-OFFSET, `latest`, `earliest` or `last:N`")
    }
}

impl std::error::Error for ParsePositionError {}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = ParsePositionError;
    fn from_str(s: &str) -> Result<Self, ParsePositionError> {
        let (epoch, offset) = split(s, b'-').ok_or(ParsePositionError)?;
        Ok(Self { epoch: Epoch::new(epoch).map_err(|_| ParsePositionError)?, offset: parse_digits(offset)? })
    }
}

/// Where a subscription starts.
///
/// Text form: `latest`, `earliest`, `last:N`, or a position.
///
/// ```
/// use everwire_protocol::From;
///
/// assert_eq!("last:50".parse(), Ok(From::Last(50)));
/// assert_eq!(From::Earliest.to_string(), "earliest");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum From {
    /// Only what is written from now on.
    #[default]
    Latest,
    /// All that the log still keeps.
    Earliest,
    /// The newest `n` records that are kept, at most [`limits::HISTORY`], then what follows.
    Last(u32),
    /// What follows the position.
    Position(Position),
}

impl From {
    /// Appends its text form, without what a formatter costs a browser.
    pub fn push_to(&self, out: &mut String) {
        match self {
            Self::Latest => out.push_str("latest"),
            Self::Earliest => out.push_str("earliest"),
            Self::Last(n) => {
                out.push_str("last:");
                put_number(out, u64::from(*n));
            }
            Self::Position(position) => position.push_to(out),
        }
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Earliest => f.write_str("earliest"),
            Self::Last(n) => write!(f, "last:{n}"),
            Self::Position(position) => position.fmt(f),
        }
    }
}

impl FromStr for From {
    type Err = ParsePositionError;
    fn from_str(s: &str) -> Result<Self, ParsePositionError> {
        match s {
            "latest" => Ok(Self::Latest),
            "earliest" => Ok(Self::Earliest),
            _ => match s.strip_prefix("last:") {
                Some(n) => {
                    let n = u32::try_from(parse_digits(n)?).map_err(|_| ParsePositionError)?;
                    Ok(Self::Last(n))
                }
                None => s.parse().map(Self::Position),
            },
        }
    }
}

/// The position of a whole stream: one per topic, in the order in which the topics were asked for.
///
/// Text form: the positions joined by `.`, where a position in the same epoch as the one before it leaves
/// its epoch out: `k3x9-17.-5.q0-2`. It is made of `[A-Za-z0-9._-]` only, so that it fits a
/// `Last-Event-ID` header without a preflight while it is no longer than [`limits::CURSOR_HEADER_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub Vec<Position>);

impl Cursor {
    /// Moves to where a frame leaves its topic, the topic's index being the frame's alias, as it is over
    /// SSE and in poll answers. Frames that move nothing leave it as it is.
    ///
    /// ```
    /// use everwire_protocol::{Cursor, ServerFrame, Topic};
    ///
    /// let mut cursor = Cursor::default();
    /// let (topic, position) = (Topic::new("room:general")?, "k3x9-17".parse()?);
    /// cursor.follow(&ServerFrame::Subscribed { topic, alias: 0, position, recovered: false });
    /// assert_eq!(cursor.to_string(), "k3x9-17");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn follow(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Subscribed { alias, position, .. } | ServerFrame::Gap { alias, position, .. } => {
                self.set(*alias, *position);
            }
            ServerFrame::Messages { alias, records } => {
                if let Some(last) = records.last() {
                    self.advance(*alias, last.offset);
                }
            }
            _ => {}
        }
    }

    /// Sets a topic's position. The topics before it that have none yet get [`Position::NONE`]; an index
    /// that no request can have is passed over.
    fn set(&mut self, index: u32, position: Position) {
        let index = index as usize;
        if index < limits::TOPICS {
            if self.0.len() <= index {
                self.0.resize(index + 1, Position::NONE);
            }
            self.0[index] = position;
        }
    }

    /// Sets a topic's offset in its present epoch; whether it is in the cursor at all.
    pub(crate) fn advance(&mut self, index: u32, offset: u64) -> bool {
        let position = self.0.get_mut(index as usize);
        position.map(|position| position.offset = offset).is_some()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for position in &self.0 {
            if before.is_some() {
                f.write_str(".")?;
            }
            if before == Some(position.epoch) {
                write!(f, "-{}", position.offset)?;
            } else {
                position.fmt(f)?;
            }
            before = Some(position.epoch);
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = ParsePositionError;
    fn from_str(s: &str) -> Result<Self, ParsePositionError> {
        let mut positions: Vec<Position> = Vec::new();
        for part in s.split('.') {
            let position = match (part.strip_prefix('-'), positions.last()) {
                (Some(offset), Some(before)) => {
                    Position { epoch: before.epoch, offset: parse_digits(offset)? }
                }
                _ => part.parse()?,
            };
            if positions.len() == limits::TOPICS {
                return Err(ParsePositionError);
            }
            positions.push(position);
        }
        Ok(Self(positions))
    }
}

/// Parses ASCII digits only: `u64::from_str` would take a leading `+` as well.
pub(crate) fn parse_digits(s: &str) -> Result<u64, ParsePositionError> {
    digits::number(s).ok_or(ParsePositionError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_come_back_as_they_went() {
        for text in ["latest", "earliest", "last:50", "k3x9-0", "k3x9-18446744073709551615"] {
            let mut pushed = String::new();
            text.parse::<From>().unwrap_or_default().push_to(&mut pushed);
            assert_eq!(pushed, text);
            assert_eq!(text.parse::<From>().map(|f| f.to_string()), Ok(text.to_owned()));
        }
        for text in ["k3x9-17", "k3x9-17.-5.q0-2.-2", "a-1.b-2.a-3"] {
            assert_eq!(text.parse::<Cursor>().map(|c| c.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in
            ["", "k3x9", "-5", "k3x9-", "k3x9-+1", "k3x9--1", "k3x9-18446744073709551616", "last:-1", "é-1"]
        {
            assert_eq!(text.parse::<From>(), Err(ParsePositionError), "{text:?}");
        }
        for text in ["", "-5", "a-1.", ".a-1", "a-1..-2"] {
            assert_eq!(text.parse::<Cursor>(), Err(ParsePositionError), "{text:?}");
        }
        let long = vec!["a-1"; limits::TOPICS + 1].join(".");
        assert_eq!(long.parse::<Cursor>(), Err(ParsePositionError));
    }
}
