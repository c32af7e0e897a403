//! Access tokens of the simulation: a provider that makes them, and the server's authoriser that reads them. Each
//! has an end, and may be revoked before. It knows no client and no connection.

use std::sync::{Mutex, MutexGuard, PoisonError};

use everwire_protocol::{Code, Topic};
use everwire_server::auth::{Action, Authorizer, Denied, Subject};

/// What every token begins with. Nothing else holds it, so a token is easily found where it must not be.
pub const MARK: &str = "tkn~";

/// Whether tokens are asked for, and which of them are revoked.
#[derive(Debug)]
pub struct Tokens {
    required: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    made: u64,
    /// Those up to this number are no good any more.
    revoked: u64,
}

impl Tokens {
    /// `required`: nobody is let in without one.
    #[must_use]
    pub fn new(required: bool) -> Self {
        Self { required, state: Mutex::default() }
    }

    /// A new token that lasts until `end`, in milliseconds since the Unix epoch.
    pub fn make(&self, end: u64) -> String {
        let mut state = self.state();
        state.made += 1;
        format!("{MARK}{}~{end}", state.made)
    }

    /// Every token that was made so far is no good any more.
    pub fn revoke_all(&self) {
        let mut state = self.state();
        state.revoked = state.made;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token's number and its end.
fn read(token: &str) -> Option<(u64, u64)> {
    let (number, end) = token.strip_prefix(MARK)?.split_once('~')?;
    Some((number.parse().ok()?, end.parse().ok()?))
}

impl Authorizer for Tokens {
    fn authenticate(&self, now: u64, token: Option<&str>) -> Result<Subject, Denied> {
        if !self.required {
            return Ok(Subject::default());
        }
        let denied = |code, message| Err(Denied { code, message });
        match token.map(read) {
            None => denied(Code::TOKEN_REQUIRED, "a token is needed"),
            Some(None) => denied(Code::TOKEN_INVALID, "the token can't be read"),
            Some(Some((number, _))) if number <= self.state().revoked => {
                denied(Code::TOKEN_INVALID, "the token was revoked")
            }
            Some(Some((_, end))) if now >= end => {
                denied(Code::TOKEN_EXPIRED, "the token has come to its end")
            }
            Some(Some((_, end))) => Ok(Subject { expires_at: Some(end), ..Subject::default() }),
        }
    }

    fn may(&self, _subject: &Subject, _action: Action, _topic: &Topic) -> bool {
        true
    }
}
