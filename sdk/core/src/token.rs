//! The access token: which one is held, and whether one is being asked for.

use crate::{Token, backoff::Backoff};

#[derive(Debug, Default)]
pub(crate) struct TokenState {
    /// The last one that the provider gave.
    pub current: Option<Token>,
    /// The provider has been asked, and has not answered.
    pub fetching: bool,
    /// A round of tries waits for the answer.
    pub for_round: bool,
    /// A new token was tried at once after a refusal; the next refusal waits.
    pub retried: bool,
    /// How often a new one for the link could not be had in a row, and the wait that follows.
    pub backoff: Backoff,
}
