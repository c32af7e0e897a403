//! Webhooks out: each is a reader like any other, with cursors that the store keeps, whose sink is somebody's HTTP
//! endpoint. Signed and retried as [Standard Webhooks](https://www.standardwebhooks.com) says; at least once, in order
//! within each topic.
//!
//! `hook` finds the topics of one webhook and keeps its cursors; `reader` reads one of them; `delivery` sends one
//! message once; `address` says where it may go. None of them knows a connection of a client.

mod address;
mod delivery;
mod hook;
mod message;
mod reader;
mod retry;

use std::{fmt, time::Duration};

use everwire_protocol::Topic;
use serde::{Deserialize, Serialize};

use crate::{auth::Secret, log::Pattern};

pub use address::is_public;
pub use delivery::BadEndpoint;
pub use hook::run;

/// Where a webhook starts that was never there before. Topics that come into being later are read from their beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartAt {
    /// With what is written from now on.
    #[default]
    Latest,
    /// With the oldest record that is kept.
    Earliest,
}

/// One webhook, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name, under which its cursors are kept.
    pub name: String,
    /// The topics that it reads.
    pub pattern: Pattern,
    /// Where messages go.
    pub url: String,
    /// What they are signed with, `whsec_` and base64.
    pub secret: Secret,
    /// Where it starts.
    pub start: StartAt,
    /// Addresses that are not public are allowed, and so is plain `http`.
    pub allow_private: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long one message is tried.
    pub give_up_after: Duration,
    /// Most attempts under way at once.
    pub concurrency: usize,
    /// Where messages go that could not be delivered.
    pub dead_letters: Topic,
}

/// Its URL may hold a key, which is in no log.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("pattern", &self.pattern)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// Whether its URL and its secret can be used at all: what an operator should hear of at the start.
    ///
    /// # Errors
    /// [`BadEndpoint`] says what is wrong.
    pub fn check(&self) -> Result<(), BadEndpoint> {
        delivery::Endpoint::new(self).map(drop)
    }
}
