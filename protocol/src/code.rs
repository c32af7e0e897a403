//! One table of codes for error frames, WebSocket close codes and problem documents, and the rule by
//! which a client reads any code, known or not: the server says what is terminal.

use std::fmt;

/// What a client does about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Try again with backoff.
    Retry,
    /// Get a new token, then try again.
    RetryWithToken,
    /// Try again inside the window that the server gave (a drain); with backoff when it gave none.
    RetryInWindow,
    /// Stop for good.
    Stop,
}

impl Action {
    /// What a WebSocket close code asks for, RFC 6455 section 7.4 and our own ranges.
    #[must_use]
    pub fn of_close(code: u16) -> Self {
        match code {
            1003 | 1008 | 1009 | 4500..=4999 => Self::Stop,
            4100..=4199 => Self::RetryWithToken,
            4200..=4299 => Self::RetryInWindow,
            _ => Self::Retry,
        }
    }

    /// What the HTTP status of a stream or a poll asks for. 2xx other than 204 is an answer, and never
    /// comes here.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            // Browsers make a status below 100 of an answer that is cut off within its first line.
            0..=99 | 408 | 425 | 429 | 500..=599 => Self::Retry,
            401 => Self::RetryWithToken,
            _ => Self::Stop,
        }
    }
}

/// Why something was refused or ended. The number is in the range that [`Action::of_close`] reads, so a
/// client handles a code it has never heard of.
///
/// ```
/// use everwire_protocol::{Action, Code};
///
/// assert_eq!(Code::TOKEN_EXPIRED.action(), Action::RetryWithToken);
/// assert_eq!(Code(4599).action(), Action::Stop);
/// assert_eq!((Code::FORBIDDEN.name(), Code::FORBIDDEN.status()), ("forbidden", 403));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal, $status:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*

            /// Every code that this version defines.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];

            /// The code's name in JSON and in documents; `unknown` for a code of a later version.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self.0 { $($number => $name,)* _ => "unknown" }
            }

            /// The HTTP status that carries this code.
            #[must_use]
            pub fn status(self) -> u16 {
                match self.0 { $($number => $status,)* _ => 500 }
            }
        }
    };
}

codes! {
    /// The server failed; nothing is known to be wrong with the request.
    INTERNAL = 4000, "internal", 500;
    /// A part that the server needs (its store) doesn't answer now.
    UNAVAILABLE = 4001, "unavailable", 503;
    /// Too many requests; `retry_after` says when.
    RATE_LIMITED = 4002, "rate_limited", 429;
    /// The server, or this subject, has no room for another connection.
    TOO_MANY_CONNECTIONS = 4003, "too_many_connections", 503;
    /// The client sent nothing in the time that the server allows.
    TIMEOUT = 4004, "timeout", 408;
    /// The stream reached its longest life; come back from the cursor.
    EXPIRED = 4005, "expired", 503;
    /// A token is needed and none was sent.
    TOKEN_REQUIRED = 4100, "token_required", 401;
    /// The token's time is over.
    TOKEN_EXPIRED = 4101, "token_expired", 401;
    /// The token is malformed, or not signed by a key that the server trusts.
    TOKEN_INVALID = 4102, "token_invalid", 401;
    /// The token is of another subject than the connection: it needs one of its own.
    TOKEN_OTHER_SUBJECT = 4103, "token_other_subject", 401;
    /// The server goes away in order; come back inside the window.
    DRAINING = 4200, "draining", 503;
    /// A frame, body or parameter can't be read.
    BAD_REQUEST = 4500, "bad_request", 400;
    /// A topic name is not valid, or reserved.
    BAD_TOPIC = 4501, "bad_topic", 400;
    /// A cursor or start can't be read.
    BAD_POSITION = 4502, "bad_position", 400;
    /// A payload, frame or body is over its limit.
    TOO_LARGE = 4503, "too_large", 413;
    /// More topics than one connection may have.
    TOO_MANY_TOPICS = 4504, "too_many_topics", 400;
    /// The topic is subscribed to already, on this connection.
    ALREADY_SUBSCRIBED = 4505, "already_subscribed", 409;
    /// The topic is not subscribed to, on this connection.
    NOT_SUBSCRIBED = 4506, "not_subscribed", 409;
    /// The subject may not do this.
    FORBIDDEN = 4507, "forbidden", 403;
    /// The page's `Origin` is not on the server's list.
    FORBIDDEN_ORIGIN = 4508, "forbidden_origin", 403;
    /// There is nothing at this address.
    NOT_FOUND = 4509, "not_found", 404;
    /// The server speaks none of the versions that the client offered.
    UNSUPPORTED_VERSION = 4510, "unsupported_version", 400;
    /// The answer can't be had in a form that the client accepts, or the body is in none that is known.
    UNSUPPORTED_MEDIA = 4511, "unsupported_media", 415;
    /// The address exists, the method doesn't.
    METHOD_NOT_ALLOWED = 4512, "method_not_allowed", 405;
}

impl Code {
    /// What a client does about it.
    #[must_use]
    pub fn action(self) -> Action {
        Action::of_close(self.0)
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        self.action() != Action::Stop
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_code_ranges_decide_what_a_client_does() {
        for (code, action) in [
            (1000, Action::Retry),
            (1001, Action::Retry),
            (1006, Action::Retry),
            (1003, Action::Stop),
            (1008, Action::Stop),
            (1009, Action::Stop),
            (3000, Action::Retry),
            (4000, Action::Retry),
            (4099, Action::Retry),
            (4100, Action::RetryWithToken),
            (4199, Action::RetryWithToken),
            (4200, Action::RetryInWindow),
            (4299, Action::RetryInWindow),
            (4300, Action::Retry),
            (4500, Action::Stop),
            (4999, Action::Stop),
        ] {
            assert_eq!(Action::of_close(code), action, "{code}");
        }
    }

    #[test]
    fn a_status_and_its_code_ask_for_the_same() {
        for code in Code::ALL {
            let by_status = Action::of_status(code.status());
            let by_code = code.action();
            // A drain's window travels beside the status, in `Retry-After`.
            let same =
                by_status == by_code || (by_code == Action::RetryInWindow && by_status == Action::Retry);
            assert!(same, "{code:?}: {by_status:?} but {by_code:?}");
        }
    }

    #[test]
    fn sse_statuses_decide_what_a_client_does() {
        for (status, action) in [
            (20, Action::Retry),
            (204, Action::Stop),
            (401, Action::RetryWithToken),
            (403, Action::Stop),
            (404, Action::Stop),
            (408, Action::Retry),
            (410, Action::Stop),
            (425, Action::Retry),
            (429, Action::Retry),
            (500, Action::Retry),
            (503, Action::Retry),
        ] {
            assert_eq!(Action::of_status(status), action, "{status}");
        }
    }
}
