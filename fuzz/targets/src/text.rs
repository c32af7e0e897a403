//! The texts that stand for something: names, positions, starts, cursors. What parses must be written, and parse to
//! the same again; and only what is in an alphabet may parse.

use std::{fmt::Display, str::FromStr};

use everwire_protocol::{ClientId, Cursor, Epoch, From, Position, PublishId, Topic};

/// Reads a text as everything that it may be.
pub fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    name::<Topic>(&text, "$_.:/-");
    name::<ClientId>(&text, "_-");
    name::<PublishId>(&text, "_.-");
    name::<Epoch>(&text, "");
    round_trip::<Position>(&text);
    round_trip::<From>(&text);
    if let Some(cursor) = round_trip::<Cursor>(&text) {
        assert!(written_in(&cursor.to_string(), "._-"), "{cursor} would cost a preflight");
    }
}

/// A name is written exactly as it was read.
fn name<T: FromStr + Display>(text: &str, besides: &str) {
    if let Ok(name) = text.parse::<T>() {
        assert_eq!(name.to_string(), text);
        assert!(!text.is_empty() && written_in(text, besides), "{text:?}");
    }
}

fn round_trip<T: FromStr + Display + PartialEq>(text: &str) -> Option<T> {
    let value = text.parse::<T>().ok()?;
    let written = value.to_string();
    assert!(written.parse::<T>().is_ok_and(|again| again == value), "{text:?}, written {written:?}");
    Some(value)
}

/// Whether there is nothing in it but letters, digits and these.
fn written_in(text: &str, besides: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c))
}
