//! What travels on a room's topic: a message, logged; or a word about typing, not logged.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A payload of `room:*`: `{"user": "Ada", "text": "hello"}`, or `{"user": "Ada", "typing": true}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who says it. Nobody checks it here: with access tokens, the record's `from` would say it for sure.
    pub user: String,
    /// What a message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether the user types, or has stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typing: Option<bool>,
}

impl Note {
    /// A message.
    #[must_use]
    pub fn message(user: &str, text: &str) -> Self {
        Self { user: user.to_owned(), text: Some(text.to_owned()), typing: None }
    }

    /// A word about typing.
    #[must_use]
    pub fn typing(user: &str, typing: bool) -> Self {
        Self { user: user.to_owned(), text: None, typing: Some(typing) }
    }
}

/// The topic of a room.
#[must_use]
pub fn topic(room: &Arc<str>) -> String {
    format!("room:{room}")
}
