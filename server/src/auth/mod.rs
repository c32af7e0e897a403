//! Who may do what: the seam for tokens. It knows subjects and topics, and no connection.
//!
//! [`Open`] lets everybody in; [`Jwt`] asks for a token. [`Keyring`] has the keys that tokens are checked
//! by, and reads them again when they change. [`SigningKey`] makes tokens, for development.

mod jwt;
mod keyring;
mod keys;
mod open;
mod rights;
mod signing;

use std::sync::Arc;

use everwire_protocol::{Code, Topic};

use crate::guard::Address;

pub use jwt::{Jwt, TokenRules};
pub use keyring::Keyring;
pub use keys::{BadKey, KeySources, Secret};
pub use open::Open;
pub use rights::{BadTopicPattern, Rights, TopicPattern};
pub use signing::SigningKey;

/// Who is on the other side, as the server authenticated it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its name, which records carry as `from`; none for an anonymous one.
    pub name: Option<Arc<str>>,
    /// When its token's time is over, in milliseconds since the Unix epoch; none for never.
    pub expires_at: Option<u64>,
    /// What its token allows, for authorizers that go by it.
    pub rights: Arc<Rights>,
    /// Where it is, as far as limits go; none where that is not known.
    pub address: Option<Address>,
}

impl Subject {
    /// The same one, at an address.
    #[must_use]
    pub fn at(self, address: Option<Address>) -> Self {
        Self { address, ..self }
    }
}

/// What a subject wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read it: subscribe, stream, poll.
    Subscribe,
    /// Write to it, records or ephemeral messages.
    Publish,
    /// See who is on it, and be seen.
    Presence,
    /// Ask for pages of its records.
    History,
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
