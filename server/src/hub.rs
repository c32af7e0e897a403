//! What all connections of a server share: the store, presence, the authoriser, the limits and the
//! counters; and publishing, which is the same whatever it came by. It knows no connection and no clock.

use std::sync::Arc;

use everwire_protocol::{Code, Kind, Limits, Payload, Position, PublishId, RetryWindow, Topic, limits};

use crate::{
    auth::{Action, Authorizer, Subject},
    counters::Counters,
    guard::Guards,
    log::NewRecord,
    order::Order,
    presence::{Full, Presence},
    store::{Ephemeral, Store, StoreError},
};

/// How long a client should wait when the store could not serve it.
const STORE_RETRY: RetryWindow = RetryWindow { min: 500, max: 5_000 };

/// When a client that wants to be present should come back where too many are.
const PRESENCE_RETRY: RetryWindow = RetryWindow { min: 2_000, max: 15_000 };

/// What peers are told, and held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRules {
    /// A peer is never silent for longer, in milliseconds.
    pub heartbeat: u32,
    /// How long a WebSocket may take to say `connect`, in milliseconds.
    pub connect_timeout: u64,
    /// The sizes and counts that the welcome announces.
    pub limits: Limits,
    /// The server's name and version, for the welcome.
    pub server: Arc<str>,
}

impl Default for PeerRules {
    fn default() -> Self {
        Self {
            heartbeat: 25_000,
            connect_timeout: 10_000,
            limits: Limits::default(),
            server: concat!("everwire-server/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code: it says whether and how to try again.
    pub code: Code,
    /// For people; at most [`limits::MESSAGE_BYTES`], for clients take no more.
    pub message: Arc<str>,
    /// When to try again, where the code says so.
    pub retry_after: Option<RetryWindow>,
}

impl Refusal {
    /// A refusal that names no time. A message that repeats too much of what was sent is cut.
    #[must_use]
    pub fn new(code: Code, message: impl Into<Arc<str>>) -> Self {
        Self { code, message: cut(message.into(), limits::MESSAGE_BYTES), retry_after: None }
    }
}

/// The beginning of a text, at most so many bytes of whole characters.
#[must_use]
pub fn cut(text: Arc<str>, bytes: usize) -> Arc<str> {
    match text.floor_char_boundary(bytes) {
        end if end == text.len() => text,
        end => text[..end].into(),
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self { retry_after: Some(STORE_RETRY), ..Self::new(error.code(), error.to_string()) }
    }
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        let refusal = Self::new(Code::UNAVAILABLE, "there is no room for another member of a topic");
        Self { retry_after: Some(PRESENCE_RETRY), ..refusal }
    }
}

/// Something to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where.
    pub topic: Topic,
    /// The content.
    pub payload: Payload,
    /// What it is about, for conflation.
    pub key: Option<Arc<str>>,
    /// The idempotency key.
    pub id: Option<PublishId>,
    /// Deliver to who is there now, and log nothing.
    pub ephemeral: bool,
}

/// What all connections share.
pub struct Hub<S> {
    /// Where the logs are.
    pub store: S,
    /// Who is where.
    pub presence: Presence,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// What peers are told and held to.
    pub rules: PeerRules,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// What keeps one client from taking what is there for all.
    pub guards: Arc<Guards>,
}

impl<S: Store> Hub<S> {
    /// A hub over a store.
    #[must_use]
    pub fn new(store: S, presence: Presence, authorizer: Arc<dyn Authorizer>, rules: PeerRules) -> Self {
        store.share_presence(&presence);
        Self { store, presence, authorizer, rules, counters: Arc::default(), guards: Arc::default() }
    }

    /// The same hub behind these guards; without, there are none.
    #[must_use]
    pub fn with_guards(self, guards: Guards) -> Self {
        Self { guards: Arc::new(guards), ..self }
    }

    /// Checks and publishes; answers where the record stands, or nothing for an ephemeral one.
    ///
    /// # Errors
    /// [`Refusal`] with [`Code::FORBIDDEN`], [`Code::TOO_LARGE`], [`Code::BAD_REQUEST`],
    /// [`Code::RATE_LIMITED`] or [`Code::UNAVAILABLE`].
    pub async fn publish(
        &self,
        now: u64,
        subject: &Subject,
        publication: Publication,
    ) -> Result<Option<Position>, Refusal> {
        let Publication { topic, payload, key, id, ephemeral } = publication;
        self.check(subject, Action::Publish, &topic)?;
        self.check_content(&payload, key.as_deref())?;
        self.guards.publish(now, subject)?;
        let from = subject.name.clone();
        let position = if ephemeral {
            self.store.send_ephemeral(&topic, Ephemeral { time: now, payload, from }).await?;
            None
        } else {
            let appended = self.store.append(now, &topic, NewRecord { payload, key, from, id }).await?;
            Some(appended.position)
        };
        self.counters.count_in(1);
        Ok(position)
    }

    /// Publishes what came in on one connection, or in one request, so that nothing overtakes what was refused for now.
    /// What is ephemeral waits for nothing.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_in(
        &self,
        order: &mut Order,
        now: u64,
        subject: &Subject,
        publication: Publication,
    ) -> Result<Option<Position>, Refusal> {
        if publication.ephemeral {
            return self.publish(now, subject, publication).await;
        }
        let (topic, id) = (publication.topic.clone(), publication.id.clone());
        order.admit(now, &topic, id.as_ref())?;
        let published = self.publish(now, subject, publication).await;
        order.tried(now, &topic, id.as_ref(), published.as_ref().err());
        published
    }

    /// Asks the authoriser.
    ///
    /// # Errors
    /// [`Code::FORBIDDEN`].
    pub fn check(&self, subject: &Subject, action: Action, topic: &Topic) -> Result<(), Refusal> {
        if self.authorizer.may(subject, action, topic) {
            return Ok(());
        }
        let what = match action {
            Action::Subscribe => "reading",
            Action::Publish => "publishing to",
            Action::Presence => "presence on",
            Action::History => "the history of",
        };
        Err(Refusal::new(Code::FORBIDDEN, format!("{what} {topic} is not allowed")))
    }

    fn check_content(&self, payload: &Payload, key: Option<&str>) -> Result<(), Refusal> {
        let max = self.rules.limits.payload;
        if payload.data.len() > max as usize {
            return Err(Refusal::new(Code::TOO_LARGE, format!("the payload is over {max} bytes")));
        }
        if key.is_some_and(|key| key.len() > limits::KEY_BYTES) {
            return Err(Refusal::new(Code::BAD_REQUEST, "the key is too long"));
        }
        if payload.kind == Kind::Json && deeper_than(limits::JSON_DEPTH, &payload.data) {
            let message = format!("the payload is nested more than {} deep", limits::JSON_DEPTH);
            return Err(Refusal::new(Code::BAD_REQUEST, message));
        }
        // Readers get payloads untouched, and JSON ones inside JSON answers, or in arrays that they parse at once: what claims to be
        // a text of either kind is made sure of once, here. (Frames have seen to its being UTF-8.)
        let valid = match payload.kind {
            Kind::Json => serde_json::from_slice::<serde::de::IgnoredAny>(&payload.data).is_ok(),
            Kind::Text => std::str::from_utf8(&payload.data).is_ok(),
            Kind::Bytes => true,
        };
        if valid {
            Ok(())
        } else {
            Err(Refusal::new(Code::BAD_REQUEST, "the payload is not what its kind says"))
        }
    }

    /// Housekeeping of the store and of presence; call it every second or so.
    pub fn tick(&self, now: u64) {
        self.store.tick(now);
        self.guards.tick();
        for topic in self.presence.expire(now) {
            self.store.wake(&topic);
        }
    }
}

/// Whether arrays and objects stand in each other deeper than so. Parsers of readers may go into each, and have only
/// so much of a stack.
fn deeper_than(most: usize, json: &[u8]) -> bool {
    let (mut depth, mut text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            _ if text => {}
            b'[' | b'{' if depth == most => return true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::deeper_than;

    #[test]
    fn depth_is_that_of_arrays_and_objects_and_not_of_texts() {
        for (json, depth) in [
            ("1", 0),
            ("[]", 1),
            ("[1,[2],[3]]", 2),
            (r#"{"a":[{}]}"#, 3),
            (r#""[[[[""#, 0),
            (r#"["\"[[[",1]"#, 1),
            (r#"["\\",[[]]]"#, 3),
        ] {
            assert!(!deeper_than(depth, json.as_bytes()), "{json}");
            assert!(depth == 0 || deeper_than(depth - 1, json.as_bytes()), "{json}");
        }
    }
}
