//! The access token as it travels: a text that shows in no log.

use std::{fmt, sync::Arc};

/// An access token, at most [`TOKEN_BYTES`](crate::limits::TOKEN_BYTES) where it was decoded. `Debug` leaves its
/// text out, so that no log of a frame or a request has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// The token itself, for the wire and for who checks it, and for nothing else.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for Token {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use crate::{ClientFrame, ClientId, Token};

    #[test]
    fn invariant_10_a_frame_with_a_token_can_be_logged() {
        let token = Token::from("secret");
        let client_id = ClientId::new("ada").unwrap();
        let connect = ClientFrame::Connect { client_id, token: Some(token.clone()), info: None };
        for frame in [connect, ClientFrame::Refresh { token }] {
            assert!(!format!("{frame:?}").contains("secret"));
        }
    }
}
