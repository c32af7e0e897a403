//! The errors that an app meets: few, each saying whether trying again makes sense.

use std::{fmt, sync::Arc};

use everwire_core::Failure;
use everwire_protocol::Code;

/// Why a subscription ended, or a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a topic's name.
    BadTopic,
    /// This client reads as many topics as it may: drop a subscription first.
    TooManyTopics,
    /// The server said no, or no answer came in time. The code says whether it may say yes later.
    Refused {
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        message: Arc<str>,
    },
    /// The client is closed.
    Closed,
}

impl Error {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code.is_retryable())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadTopic => "not a topic's name",
            Self::TooManyTopics => "the client subscribes to too many topics",
            Self::Refused { message, .. } => message,
            Self::Closed => "the client is closed",
        })
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Refused { code: failure.code, message: failure.message }
    }
}

/// Why a message was not published. In none of these cases does it appear in the topic later, except
/// [`Expired`](PublishError::Expired), where that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The text is not a topic's name.
    BadTopic,
    /// The value can't be put into JSON, or a payload that is called text is not UTF-8; the text says why.
    Encode(String),
    /// The payload is over the server's limit, or the key over its own.
    TooLarge,
    /// As many messages wait for their ack as the outbox may hold. Try again when some have got it.
    OutboxFull,
    /// The server said no.
    Rejected {
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        message: Arc<str>,
    },
    /// No ack came in the time that the outbox keeps a message. Whether it took effect is not known:
    /// publishing it again may repeat it.
    Expired,
    /// The client is closed.
    Closed,
}

impl PublishError {
    /// Whether publishing the same again may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::OutboxFull | Self::Expired => true,
            Self::Rejected { code, .. } => code.is_retryable(),
            _ => false,
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadTopic => "not a topic's name",
            Self::Encode(reason) => reason,
            Self::TooLarge => "the message is too large",
            Self::OutboxFull => "too many messages wait for their ack",
            Self::Rejected { message, .. } => message,
            Self::Expired => "no ack came in time",
            Self::Closed => "the client is closed",
        })
    }
}

impl std::error::Error for PublishError {}

impl From<everwire_core::PublishError> for PublishError {
    fn from(error: everwire_core::PublishError) -> Self {
        use everwire_core::PublishError as Refusal;
        match error {
            Refusal::OutboxFull => Self::OutboxFull,
            Refusal::TooLarge => Self::TooLarge,
            Refusal::NotUtf8 => Self::Encode("the payload is not UTF-8".into()),
            Refusal::Closed => Self::Closed,
        }
    }
}
