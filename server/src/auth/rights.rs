//! What a subject may do with which topics, by patterns. It knows no tokens.

use std::{fmt, str::FromStr};

use everwire_protocol::Topic;

use super::Action;

/// What stands between the parts of a topic's name.
const SEPARATORS: [u8; 3] = *b".:/";

/// Topics by name, for rights:
///
/// | pattern | topics |
/// | --- | --- |
/// | `room:general` | that one |
/// | `room:*` | all whose names begin with `room:`: a `*` at the end stands for anything, also nothing |
/// | `room:*:chat` | `room:a:chat` and not `room:a:b:chat`: a `*` elsewhere stands for one part of a name, which is never empty and holds none of `.`, `:`, `/` |
/// | `*` | all but the server's own, whose names begin with `$`: only a pattern that begins so itself takes them |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern {
    /// Without the `*` at the end.
    text: Box<str>,
    open_end: bool,
}

impl TopicPattern {
    /// Whether the pattern takes the topic.
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        let mut rest = topic.as_str().as_bytes();
        if topic.is_reserved() && !self.text.starts_with('$') {
            return false;
        }
        for byte in self.text.bytes() {
            let taken = match byte {
                b'*' => rest.iter().position(|byte| SEPARATORS.contains(byte)).unwrap_or(rest.len()),
                _ => usize::from(rest.first() == Some(&byte)),
            };
            if taken == 0 {
                return false;
            }
            rest = &rest[taken..];
        }
        self.open_end || rest.is_empty()
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, if self.open_end { "*" } else { "" })
    }
}

/// A text is not a topic pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTopicPattern;

impl fmt::Display for BadTopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a topic name, in which `*` may stand for a part, or at the end for anything")
    }
}

impl std::error::Error for BadTopicPattern {}

impl FromStr for TopicPattern {
    type Err = BadTopicPattern;

    fn from_str(pattern: &str) -> Result<Self, BadTopicPattern> {
        let (text, open_end) = match pattern.strip_suffix('*') {
            Some(text) => (text, true),
            None => (pattern, false),
        };
        let borders = |byte: Option<&u8>| byte.is_none_or(|byte| SEPARATORS.contains(byte));
        let bytes = text.as_bytes();
        let whole_part = |(at, _): (usize, &str)| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            // What an open end follows is no end.
            let after = bytes.get(at + 1);
            borders(before) && after.is_some() && borders(after)
        };
        let name = pattern.replace('*', "x");
        if Topic::new(&name).is_ok() && text.match_indices('*').all(whole_part) {
            Ok(Self { text: text.into(), open_end })
        } else {
            Err(BadTopicPattern)
        }
    }
}

/// What somebody may do with which topics. By default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// What may be read: subscribed to, streamed, polled, from any record that is kept.
    pub subscribe: Vec<TopicPattern>,
    /// What may be written to.
    pub publish: Vec<TopicPattern>,
    /// Where it may be seen who is there, and where one may be seen.
    pub presence: Vec<TopicPattern>,
    /// Of what pages of records may be asked for.
    pub history: Vec<TopicPattern>,
}

impl Rights {
    /// Whether they allow this.
    #[must_use]
    pub fn allow(&self, action: Action, topic: &Topic) -> bool {
        let patterns = match action {
            Action::Subscribe => &self.subscribe,
            Action::Publish => &self.publish,
            Action::Presence => &self.presence,
            Action::History => &self.history,
        };
        patterns.iter().any(|pattern| pattern.matches(topic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(pattern: &str, name: &str) -> bool {
        let pattern: TopicPattern = pattern.parse().expect("a pattern");
        pattern.matches(&Topic::new(name).expect("a topic"))
    }

    #[test]
    fn a_pattern_takes_what_it_says_and_nothing_else() {
        for (pattern, name, taken) in [
            ("room:a", "room:a", true),
            ("room:a", "room:a:b", false),
            ("room:a", "room:", false),
            ("room:*", "room:a", true),
            ("room:*", "room:a:b", true),
            ("room:*", "room:", true),
            ("room:*", "room", false),
            ("room:*", "broom:a", false),
            ("room:g*", "room:general", true),
            ("*", "room:a", true),
            ("*", "$sys", false),
            ("$*", "$sys", true),
            ("$*", "sys", false),
            ("*:chat", "a:chat", true),
            ("*:chat", "$a:chat", false),
            ("*:chat", "a:b:chat", false),
            ("room:*:chat", "room:a:chat", true),
            ("room:*:chat", "room::chat", false),
            ("room:*:chat", "room:a.b:chat", false),
            ("room:*:chat", "room:a/b:chat", false),
            ("room:*:chat", "room:a-b_c:chat", true),
            ("room:*:chat", "room:a:chat:more", false),
            ("room:*:chat", "room:a", false),
            ("a/*/b.*", "a/x/b.c.d", true),
            ("a/*/b.*", "a/x/c.d", false),
        ] {
            assert_eq!(takes(pattern, name), taken, "{pattern} {name}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_pattern() {
        for bad in ["", "**", "a**", "a*b", "room:a*:b", "room:*b:c", "room:**", "*a*", "a b", "a$*", "ü*"] {
            assert_eq!(bad.parse::<TopicPattern>(), Err(BadTopicPattern), "{bad}");
        }
        assert_eq!("x".repeat(256).parse::<TopicPattern>(), Err(BadTopicPattern));
    }
}
