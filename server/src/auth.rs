//! Who may do what: the seam for tokens, and the one rule that needs none. It knows subjects and topics,
//! and no connection.

use std::sync::Arc;

use everwire_protocol::{Code, Topic};

use crate::log::Pattern;

/// Who is on the other side, as the server authenticated it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its name, which records carry as `from`; none for an anonymous one.
    pub name: Option<Arc<str>>,
}

/// What a subject wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read it: subscribe, poll, history.
    Subscribe,
    /// Write to it, records or ephemeral messages.
    Publish,
    /// See who is on it, and be seen.
    Presence,
}

/// Why a subject was not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// One of the token codes, or [`Code::FORBIDDEN`].
    pub code: Code,
    /// For people; never the token.
    pub message: &'static str,
}

/// Decides who may do what. Implementations keep keys and rules in memory: both questions are answered
/// at once.
pub trait Authorizer: Send + Sync + 'static {
    /// Who sent the token. `now` is in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`Denied`], with the code that tells the client what to do about it.
    fn authenticate(&self, now: u64, token: Option<&str>) -> Result<Subject, Denied>;

    /// Whether the subject may do this.
    fn may(&self, subject: &Subject, action: Action, topic: &Topic) -> bool;
}

/// Everybody is anonymous and may do everything, but publish to the server's own topics.
#[derive(Clone, Debug, Default)]
pub struct Open {
    read_only: Vec<Pattern>,
}

impl Open {
    /// `read_only` topics take no publishes, beside those whose names begin with `$`.
    #[must_use]
    pub fn new(read_only: Vec<Pattern>) -> Self {
        Self { read_only }
    }
}

impl Authorizer for Open {
    fn authenticate(&self, _now: u64, _token: Option<&str>) -> Result<Subject, Denied> {
        Ok(Subject::default())
    }

    fn may(&self, _subject: &Subject, action: Action, topic: &Topic) -> bool {
        action != Action::Publish
            || !(topic.is_reserved() || self.read_only.iter().any(|pattern| pattern.matches(topic)))
    }
}
