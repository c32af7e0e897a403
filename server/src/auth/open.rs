//! The authorizer that needs no tokens: everybody is anonymous. It knows no keys.

use everwire_protocol::Topic;

use super::{Action, Authorizer, Denied, Rights, Subject};
use crate::log::Pattern;

/// Everybody is anonymous and may do everything, but publish to the server's own topics; or what they were
/// given. Tokens are passed over: there is nothing to check them by.
#[derive(Clone, Debug, Default)]
pub struct Open {
    read_only: Vec<Pattern>,
    rights: Option<Rights>,
}

impl Open {
    /// `read_only` topics take no publishes, beside those whose names begin with `$`.
    #[must_use]
    pub fn new(read_only: Vec<Pattern>) -> Self {
        Self { read_only, rights: None }
    }

    /// Everybody may do this, in place of everything.
    #[must_use]
    pub fn with_rights(mut self, rights: Rights) -> Self {
        self.rights = Some(rights);
        self
    }
}

impl Authorizer for Open {
    fn authenticate(&self, _now: u64, _token: Option<&str>) -> Result<Subject, Denied> {
        Ok(Subject::default())
    }

    fn may(&self, _subject: &Subject, action: Action, topic: &Topic) -> bool {
        (action != Action::Publish || takes_publishes(&self.read_only, topic))
            && self.rights.as_ref().is_none_or(|rights| rights.allow(action, topic))
    }
}

/// Whether anybody at all may publish to a topic: the server's own are closed to all.
pub(super) fn takes_publishes(read_only: &[Pattern], topic: &Topic) -> bool {
    !topic.is_reserved() && !read_only.iter().any(|pattern| pattern.matches(topic))
}
