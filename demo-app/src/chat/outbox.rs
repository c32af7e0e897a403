//! The messages that this user wrote and that have not come back from the room's log yet. Pure: told of
//! publishes, acks and echoes, in whatever order they come.

use std::sync::Arc;

use everwire::Position;

/// What has become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// No ack yet: on its way, or waiting for a connection.
    Pending,
    /// The server has it, here; its echo is still to come.
    Sent(Position),
    /// It was refused or gave up waiting, with the reason in words.
    Failed(Arc<str>),
}

/// A message of this user's that the log has not shown yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The idempotency key of its publish.
    pub id: Arc<str>,
    /// What it says.
    pub text: Arc<str>,
    /// When it was written, in milliseconds since the Unix epoch, by this browser's clock.
    pub time: u64,
    /// What has become of it.
    pub delivery: Delivery,
}

/// The drafts of one room, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox(Vec<Draft>);

impl Outbox {
    /// All of them.
    #[must_use]
    pub fn drafts(&self) -> &[Draft] {
        &self.0
    }

    /// A message was published, or put in the queue to be.
    pub fn wrote(&mut self, id: Arc<str>, text: Arc<str>, time: u64) {
        self.0.push(Draft { id, text, time, delivery: Delivery::Pending });
    }

    /// The server acked one. `seen` is how far the room's log has been shown: an echo that came before its
    /// ack has removed the draft already, and one that was shown without its key removes it here.
    pub fn acked(&mut self, id: &str, position: Position, seen: Option<Position>) {
        let shown = seen.is_some_and(|s| s.epoch == position.epoch && s.offset >= position.offset);
        if shown {
            self.remove(id);
        } else if let Some(draft) = self.find(id) {
            draft.delivery = Delivery::Sent(position);
        }
    }

    /// One was refused, or not sent in time.
    pub fn failed(&mut self, id: &str, reason: &str) {
        if let Some(draft) = self.find(id) {
            draft.delivery = Delivery::Failed(reason.into());
        }
    }

    /// The log showed one. Whether it was this user's.
    pub fn echoed(&mut self, id: &str) -> bool {
        self.remove(id).is_some()
    }

    /// The log goes on from here: a draft that was acked into another life of it, or before this position,
    /// has no echo any more.
    pub fn continues_at(&mut self, position: Position) {
        self.0.retain(|draft| match draft.delivery {
            Delivery::Sent(at) => at.epoch == position.epoch && at.offset > position.offset,
            _ => true,
        });
    }

    /// Takes one out: to write it again, or to drop it.
    pub fn remove(&mut self, id: &str) -> Option<Draft> {
        let at = self.0.iter().position(|draft| &*draft.id == id)?;
        Some(self.0.remove(at))
    }

    fn find(&mut self, id: &str) -> Option<&mut Draft> {
        self.0.iter_mut().find(|draft| &*draft.id == id)
    }
}

#[cfg(test)]
mod tests {
    use everwire::Epoch;

    use super::*;

    fn at(epoch: &str, offset: u64) -> Position {
        Position { epoch: Epoch::new(epoch).unwrap(), offset }
    }

    fn with(ids: &[&str]) -> Outbox {
        let mut outbox = Outbox::default();
        for id in ids {
            outbox.wrote((*id).into(), "hello".into(), 0);
        }
        outbox
    }

    #[test]
    fn a_message_is_shown_once_whichever_of_ack_and_echo_comes_first() {
        let mut outbox = with(&["a", "b"]);
        outbox.acked("a", at("x", 7), Some(at("x", 6)));
        assert_eq!(outbox.drafts()[0].delivery, Delivery::Sent(at("x", 7)));
        assert!(outbox.echoed("a"));
        assert!(outbox.echoed("b"));
        outbox.acked("b", at("x", 8), Some(at("x", 8)));
        outbox.failed("b", "late");
        assert!(outbox.drafts().is_empty());
        assert!(!outbox.echoed("b"));
    }

    #[test]
    fn an_ack_for_what_is_shown_already_ends_the_draft() {
        let mut outbox = with(&["a"]);
        outbox.acked("a", at("x", 7), Some(at("x", 9)));
        assert!(outbox.drafts().is_empty());
    }

    #[test]
    fn a_draft_acked_into_a_lost_log_waits_for_no_echo() {
        let mut outbox = with(&["a", "b", "c"]);
        outbox.acked("a", at("x", 7), None);
        outbox.acked("b", at("y", 1), None);
        outbox.continues_at(at("y", 0));
        let left: Vec<_> = outbox.drafts().iter().map(|d| &*d.id).collect();
        assert_eq!(left, ["b", "c"]);
    }

    #[test]
    fn a_failed_message_keeps_its_text_for_a_retry() {
        let mut outbox = with(&["a"]);
        outbox.failed("a", "too large");
        assert_eq!(outbox.drafts()[0].delivery, Delivery::Failed("too large".into()));
        assert_eq!(outbox.remove("a").map(|d| d.text), Some("hello".into()));
        assert_eq!(outbox.remove("a"), None);
    }
}
