//! How long a topic's records are kept, by topic pattern.

use std::{fmt, str::FromStr};

use everwire_protocol::Topic;

/// What a log keeps; whichever bound is met first evicts the oldest records. The newest record stays
/// whatever its size, until its age removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Most records; at least 1.
    pub records: usize,
    /// Most bytes of encoded records.
    pub bytes: usize,
    /// Longest age of a record, in milliseconds.
    pub age: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { records: 1000, bytes: 1024 * 1024, age: 60 * 60 * 1000 }
    }
}

/// A topic name, or the beginning of names followed by `*`: `room:general`, `metrics:*`, `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    prefix: bool,
}

impl Pattern {
    /// Whether the pattern takes the topic.
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        if self.prefix { topic.as_str().starts_with(&self.text) } else { topic.as_str() == self.text }
    }

    /// Whether the pattern is for the server's own topics.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.text.starts_with('$')
    }
}

/// A text is not a topic pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPattern;

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a topic name, or the beginning of one and a `*` at its end")
    }
}

impl std::error::Error for BadPattern {}

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let (name, prefix) = match text.strip_suffix('*') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let valid = if prefix {
            // What may stand before more of a name: `$` alone too.
            name.is_empty() || Topic::new(&format!("{name}x")).is_ok()
        } else {
            Topic::new(name).is_ok()
        };
        if valid { Ok(Self { text: name.to_owned(), prefix }) } else { Err(BadPattern) }
    }
}

/// Which retention a topic gets: that of the first pattern that takes it, or the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// For topics that no pattern takes.
    pub default: Retention,
    /// Tried in order.
    pub patterns: Vec<(Pattern, Retention)>,
}

impl RetentionRules {
    /// The topic's retention.
    #[must_use]
    pub fn of(&self, topic: &Topic) -> Retention {
        self.patterns.iter().find(|(pattern, _)| pattern.matches(topic)).map_or(self.default, |(_, r)| *r)
    }
}
