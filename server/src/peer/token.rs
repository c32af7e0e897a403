//! How long a peer's token lasts, and what another one changes. It knows subjects and rights, and no tokens'
//! insides.

use everwire_protocol::{About, Code, ServerFrame, Token};

use super::{Outgoing, Peer};
use crate::{
    auth::{Action, Denied},
    store::Store,
};

impl<S: Store> Peer<S> {
    /// When the token's time is over; the last time there is for a subject that needs none.
    pub(super) fn token_ends_at(&self) -> u64 {
        self.subject.expires_at.unwrap_or(u64::MAX)
    }

    /// Ends the connection of a token whose time is over.
    pub(super) fn check_token(&mut self, now: u64) {
        if now >= self.token_ends_at() {
            self.close(Code::TOKEN_EXPIRED, "the token's time is over");
        }
    }

    pub(super) fn tell_end(&mut self, now: u64) {
        let frame = self.end_frame(now);
        self.push(frame);
    }

    /// How long the token lasts, from now.
    fn end_frame(&self, now: u64) -> ServerFrame {
        let left = self.token_ends_at().saturating_sub(now);
        ServerFrame::Expires { after: u32::try_from(left).unwrap_or(u32::MAX) }
    }

    /// An answer that was held has its `expires` from before; its client counts from when it gets it.
    pub fn tell_end_again(&self, now: u64, out: &mut [Outgoing]) {
        for outgoing in out {
            if let Outgoing::Frame(frame @ ServerFrame::Expires { .. }) = outgoing {
                *frame = self.end_frame(now);
            }
        }
    }

    /// Goes on with another token of the same subject. What it does not allow any more ends.
    pub(super) fn refresh(&mut self, now: u64, token: &Token) {
        match self.hub.authorizer.authenticate(now, Some(token.as_str())) {
            // Another subject would be another member, and another scope of idempotency keys: it comes by a
            // connection of its own.
            Ok(subject) if subject.name != self.subject.name => {
                self.refuse(Code::TOKEN_OTHER_SUBJECT, "the token is of another subject than the connection");
            }
            Ok(subject) => {
                self.subject = subject.at(self.subject.address);
                self.tell_end(now);
                self.end_forbidden();
            }
            Err(Denied { code, message }) => self.refuse(code, message),
        }
    }

    fn end_forbidden(&mut self) {
        let mut forbidden = Vec::new();
        for subscription in self.subscriptions.iter() {
            let check = |action| self.hub.check(&self.subject, action, &subscription.topic);
            let present = || subscription.presence.map_or(Ok(()), |_| check(Action::Presence));
            if let Err(refusal) = check(Action::Subscribe).and_then(|()| present()) {
                forbidden.push((subscription.topic.clone(), refusal));
            }
        }
        for (topic, refusal) in forbidden {
            self.unsubscribe(&topic);
            self.error(About::Topic(topic), refusal);
        }
    }
}
