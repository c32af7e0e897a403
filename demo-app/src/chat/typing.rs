//! Who is typing: when to say so, how long it is believed, and the sentence that tells it. Pure.

use std::sync::Arc;

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

/// Who types in a room, in the order in which they began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typists(Vec<(Arc<str>, u64)>);

impl Typists {
    /// Somebody types.
    pub fn heard(&mut self, who: &Arc<str>, now: u64) {
        let until = now + BELIEVED_FOR;
        match self.0.iter_mut().find(|(name, _)| name == who) {
            Some(known) => known.1 = until,
            None => self.0.push((who.clone(), until)),
        }
    }

    /// Somebody stopped, or sent what they typed. Whether that changed anything.
    pub fn stopped(&mut self, who: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(name, _)| &**name != who);
        self.0.len() != before
    }

    /// Forgets who was not heard of in time. Whether that changed anything.
    pub fn expire(&mut self, now: u64) -> bool {
        let before = self.0.len();
        self.0.retain(|(_, until)| *until > now);
        self.0.len() != before
    }

    /// Whether nobody types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Ada is typing`, or nothing.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.0[..] {
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
    fn a_typist_who_goes_silent_is_forgotten() {
        let (ada, ben): (Arc<str>, Arc<str>) = ("Ada".into(), "Ben".into());
        let mut typists = Typists::default();
        typists.heard(&ada, 0);
        typists.heard(&ben, 1_000);
        assert_eq!(typists.sentence(), "Ada and Ben are typing");
        typists.heard(&ada, 2_000);
        assert!(!typists.expire(BELIEVED_FOR));
        assert!(typists.expire(BELIEVED_FOR + 1_000));
        assert_eq!(typists.sentence(), "Ada is typing");
        assert!(typists.stopped("Ada"));
        assert!(!typists.stopped("Ada"));
        assert!(typists.is_empty());
    }
}
