//! Who is typing: when to say so, how long it is believed, and the sentence that tells it. Pure.

use std::{collections::VecDeque, sync::Arc};

/// "I am typing" is said again at most this often, in milliseconds.
pub const SAY_EVERY: u64 = 2_500;
/// What was heard is believed for this long, in milliseconds: two sayings and some.
pub const BELIEVED_FOR: u64 = 6_000;

/// Decides when this client says that its user types.
#[derive(Debug, Default)]
pub struct Throttle {
    said: Option<u64>,
}

impl Throttle {
    /// A key was pressed. Whether to say so now.
    pub fn typed(&mut self, now: u64) -> bool {
        let due = self.said.is_none_or(|said| now.saturating_sub(said) >= SAY_EVERY);
        if due {
            self.said = Some(now);
        }
        due
    }

    /// The text was sent or emptied. Whether the others have to be told.
    pub fn stopped(&mut self) -> bool {
        self.said.take().is_some()
    }
}

/// Speakers remembered, to know a word about typing that a message has overtaken.
const SPEAKERS: usize = 32;

/// Who types in a room, in the order in which they began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typists {
    /// Who, and until when it is believed, by this browser's clock.
    typing: Vec<(Arc<str>, u64)>,
    /// Who spoke, and when, by the server's clock; newest last.
    spoke: VecDeque<(Arc<str>, u64)>,
}

impl Typists {
    /// Somebody typed at `time`, by the server's clock. What they sent since then, or at the same moment,
    /// was what they typed: messages and words about typing may overtake each other.
    pub fn heard(&mut self, who: &Arc<str>, time: u64, now: u64) {
        if self.spoke.iter().any(|(name, spoke)| name == who && *spoke >= time) {
            return;
        }
        let until = now + BELIEVED_FOR;
        match self.typing.iter_mut().find(|(name, _)| name == who) {
            Some(known) => known.1 = until,
            None => self.typing.push((who.clone(), until)),
        }
    }

    /// Somebody sent a message at `time`, by the server's clock.
    pub fn spoke(&mut self, who: &Arc<str>, time: u64) {
        self.stopped(who);
        self.spoke.retain(|(name, _)| name != who);
        self.spoke.push_back((who.clone(), time));
        if self.spoke.len() > SPEAKERS {
            self.spoke.pop_front();
        }
    }

    /// Somebody stopped. Whether that changed anything.
    pub fn stopped(&mut self, who: &str) -> bool {
        let before = self.typing.len();
        self.typing.retain(|(name, _)| &**name != who);
        self.typing.len() != before
    }

    /// Forgets who was not heard of in time. Whether that changed anything.
    pub fn expire(&mut self, now: u64) -> bool {
        let before = self.typing.len();
        self.typing.retain(|(_, until)| *until > now);
        self.typing.len() != before
    }

    /// Whether nobody types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.typing.is_empty()
    }

    /// `Ada is typing`, or nothing.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.typing[..] {
            [] => String::new(),
            [(one, _)] => format!("{one} is typing"),
            [(one, _), (two, _)] => format!("{one} and {two} are typing"),
            [_, _, _, ..] => "Several people are typing".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_is_said_at_once_then_seldom_and_its_end_only_if_it_was_said() {
        let mut throttle = Throttle::default();
        assert!(!throttle.stopped());
        assert!(throttle.typed(1_000));
        assert!(!throttle.typed(1_000 + SAY_EVERY - 1));
        assert!(throttle.typed(1_000 + SAY_EVERY));
        assert!(throttle.stopped());
        assert!(throttle.typed(1_001 + SAY_EVERY));
    }

    #[test]
    fn a_word_about_typing_that_a_message_has_overtaken_is_not_believed() {
        let (ada, ben): (Arc<str>, Arc<str>) = ("Ada".into(), "Ben".into());
        let mut typists = Typists::default();
        typists.heard(&ada, 10, 0);
        typists.spoke(&ada, 20);
        assert!(typists.is_empty());
        typists.heard(&ada, 19, 0);
        typists.heard(&ada, 20, 0);
        assert!(typists.is_empty());
        typists.heard(&ada, 21, 0);
        typists.heard(&ben, 5, 0);
        assert_eq!(typists.sentence(), "Ada and Ben are typing");
    }

    #[test]
    fn a_typist_who_goes_silent_is_forgotten() {
        let (ada, ben): (Arc<str>, Arc<str>) = ("Ada".into(), "Ben".into());
        let mut typists = Typists::default();
        typists.heard(&ada, 0, 0);
        typists.heard(&ben, 1_000, 1_000);
        assert_eq!(typists.sentence(), "Ada and Ben are typing");
        typists.heard(&ada, 2_000, 2_000);
        assert!(!typists.expire(BELIEVED_FOR));
        assert!(typists.expire(BELIEVED_FOR + 1_000));
        assert_eq!(typists.sentence(), "Ada is typing");
        assert!(typists.stopped("Ada"));
        assert!(!typists.stopped("Ada"));
        assert!(typists.is_empty());
    }
}
