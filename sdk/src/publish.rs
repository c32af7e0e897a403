//! One publish as the app holds it: built, sent, and awaited for what became of it.

use std::{
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use everwire_core::{Outcome, Publish};
use everwire_protocol::{Payload, Position, PublishId, Topic};

use crate::{PublishError, driver::Driver, slot::Answer};

/// A publish: a future of the position that the message got.
///
/// It is sent when it is first polled, when its [`id`](Self::id) is asked for, or when it is dropped:
/// sending needs no `await`, only knowing what became of it does. When there is no link now, the message
/// waits in the outbox and is sent when there is one, across reconnects; it takes effect once. The
/// position is `None` for an [`ephemeral`](Self::ephemeral) message.
///
/// # Errors
/// See [`PublishError`].
pub struct Publishing {
    driver: Rc<Driver>,
    state: State,
}

enum State {
    Built(Publish),
    Sent { id: PublishId, answer: Answer<Outcome> },
    Failed(PublishError),
    Done,
}

impl Publishing {
    pub(crate) fn new(driver: &Rc<Driver>, topic: &str, payload: Result<Payload, PublishError>) -> Self {
        let state = match (Topic::new(topic), payload) {
            (Ok(topic), Ok(payload)) => State::Built(Publish { topic, payload, key: None, ephemeral: false }),
            (Err(_), _) => State::Failed(PublishError::BadTopic),
            (_, Err(error)) => State::Failed(error),
        };
        Self { driver: driver.clone(), state }
    }

    /// What the message is about: a newer one with the same key replaces it where a subscriber conflates.
    /// At most [`KEY_BYTES`](everwire_protocol::limits::KEY_BYTES) long. No effect once it is sent.
    #[must_use = "dropping it sends it: nobody learns what became of it"]
    pub fn key(mut self, key: &str) -> Self {
        if let State::Built(publish) = &mut self.state {
            publish.key = Some(Arc::from(key));
        }
        self
    }

    /// Deliver it to who is there now, and log nothing. No effect once it is sent.
    #[must_use = "dropping it sends it: nobody learns what became of it"]
    pub fn ephemeral(mut self) -> Self {
        if let State::Built(publish) = &mut self.state {
            publish.ephemeral = true;
        }
        self
    }

    /// Sends it, if that has not been done, and tells its id: the one that the message carries when it
    /// comes back to a subscriber. `None` when it was refused at once; awaiting tells why.
    pub fn id(&mut self) -> Option<PublishId> {
        self.send();
        match &self.state {
            State::Sent { id, .. } => Some(id.clone()),
            _ => None,
        }
    }

    fn send(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Done) {
            State::Built(publish) => match self.driver.publish(publish) {
                Ok((id, answer)) => State::Sent { id, answer },
                Err(error) => State::Failed(error),
            },
            state => state,
        }
    }
}

impl Future for Publishing {
    type Output = Result<Option<Position>, PublishError>;

    /// # Panics
    /// Never: polled again after it was ready, it answers [`PublishError::Closed`].
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.send();
        let result = match &mut self.state {
            State::Sent { answer, .. } => match Pin::new(answer).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(outcome)) => result(outcome),
                Poll::Ready(None) => Err(PublishError::Closed),
            },
            State::Failed(error) => Err(error.clone()),
            State::Built(_) | State::Done => Err(PublishError::Closed),
        };
        self.state = State::Done;
        Poll::Ready(result)
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.send();
    }
}

/// An outcome as the app hears it.
pub(crate) fn result(outcome: Outcome) -> Result<Option<Position>, PublishError> {
    match outcome {
        Outcome::Acked { position } => Ok(position),
        Outcome::Rejected { code, message } => Err(PublishError::Rejected { code, message }),
        Outcome::Expired => Err(PublishError::Expired),
    }
}
