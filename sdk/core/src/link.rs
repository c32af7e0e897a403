//! One attempt at one transport, from its opening to its end: how far it has come, which of its numbers stand
//! for which topic, and when it was last heard of. It decides nothing.

use std::time::Duration;

use everwire_protocol::{ClientFrame, Epoch, From, RetryWindow, Topic, binary};

use crate::{AttemptId, Time, Token, Transport, map::Map, stream::Stream};

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Decided on; the driver has not been told.
    Planned,
    /// The driver opens it.
    Opening,
    /// It is open; the welcome has not come.
    Opened,
    /// The welcome has come.
    Welcomed,
}

/// A topic as it stands on a link.
#[derive(Debug, Default)]
pub(crate) struct OnLink {
    /// How many subscribes of it have had no answer yet. Only the last one's answer counts.
    unanswered: u32,
    /// What was asked for last, unless that is no more wanted.
    pub asked: Option<Asked>,
    /// What stands for it in frames.
    pub alias: Option<Alias>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The generation of the feed that it was asked for.
    pub generation: u64,
    /// Where it was asked from.
    pub from: From,
    /// Whether the server was told to pause it.
    pub paused: bool,
}

/// What an alias stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alias {
    pub number: u32,
    /// The generation that was answered.
    pub generation: u64,
    /// The life of the log that its records are from.
    pub epoch: Epoch,
}

/// An attempt.
#[derive(Debug)]
pub(crate) struct Link {
    pub id: AttemptId,
    pub transport: Transport,
    pub phase: Phase,
    /// The token that the server has of it.
    pub token: Option<Token>,
    /// When that one is over, as the server has said.
    pub token_ends: Option<Time>,
    /// When it, or its present request, was begun.
    pub asked: Time,
    /// It has nothing to ask for, since no topic is wanted: it is opened once one is.
    pub parked: bool,
    /// When its welcome is due; for a poll, when the answer of its first exchange is.
    pub deadline: Time,
    /// When it became the session's link.
    pub live_since: Time,
    /// What was asked for on it, and what was answered.
    pub topics: Map<Topic, OnLink>,
    /// When to look for the answers to subscribes that are awaited.
    pub subscribe_due: Option<Time>,
    /// Since when they are.
    pub awaits_since: Time,
    /// None before the first bytes of a stream.
    pub stream: Option<Stream>,
    /// Frames that wait to be sent.
    pub outgoing: Vec<u8>,
    /// The server's heartbeat interval.
    pub heartbeat: Duration,
    /// When it was last heard of.
    pub heard: Time,
    /// The ping that has no answer, and when it was sent.
    pub ping: Option<(u32, Time)>,
    /// A timer fired late, and this link was given one chance more since it was last heard of.
    pub graced: bool,
    /// When to come back, as an error about the connection said.
    pub window: Option<RetryWindow>,
    /// A poll is under way.
    pub exchanging: bool,
    /// The present exchange is one that the server may hold.
    pub held: bool,
    /// The exchange brought something.
    pub fruitful: bool,
}

impl Link {
    pub fn new(id: AttemptId, transport: Transport, now: Time, timeout: Duration) -> Self {
        Self {
            id,
            transport,
            phase: Phase::Planned,
            token: None,
            token_ends: None,
            asked: now,
            parked: false,
            deadline: now + timeout,
            live_since: now,
            topics: Map::default(),
            subscribe_due: None,
            awaits_since: Time::default(),
            stream: None,
            outgoing: Vec::new(),
            heartbeat: Duration::ZERO,
            heard: now,
            ping: None,
            graced: false,
            window: None,
            exchanging: false,
            held: false,
            fruitful: false,
        }
    }

    /// Forgets all that belongs to the request so far: a new one is made, under a new id.
    pub fn renew(&mut self, id: AttemptId, now: Time, timeout: Duration) {
        let (heartbeat, live_since) = (self.heartbeat, self.live_since);
        *self = Self { heartbeat, live_since, ..Self::new(id, self.transport, now, timeout) };
    }

    /// Forgets the answers of the exchange before: each has its own aliases.
    pub fn begin_exchange(&mut self) {
        self.topics.clear();
        self.exchanging = true;
        self.fruitful = false;
    }

    /// Whether what is asked beside it may be sent: it works, or it did and has nothing to ask for itself.
    pub fn carries(&self) -> bool {
        self.phase == Phase::Welcomed || self.parked
    }

    /// Whether frames can be sent on it.
    pub fn takes_frames(&self) -> bool {
        self.transport.has_frames() && self.phase >= Phase::Opened
    }

    pub fn send(&mut self, frame: ClientFrame) {
        binary::encode_client(&frame, &mut self.outgoing);
    }

    /// What was asked for last of a topic, if it is still wanted.
    pub fn asked(&self, topic: &Topic) -> Option<Asked> {
        self.topics.get(topic)?.asked
    }

    /// The topic that an alias stands for.
    pub fn known(&mut self, alias: u32) -> Option<(&Topic, &mut OnLink)> {
        self.topics.iter_mut().find(|(_, on_link)| on_link.alias.is_some_and(|known| known.number == alias))
    }

    /// An alias stands for a topic from now on, and for no other.
    pub fn name(&mut self, topic: &Topic, alias: Alias) {
        if let Some((_, before)) = self.known(alias.number) {
            before.alias = None;
        }
        if let Some(on_link) = self.topics.get_mut(topic) {
            on_link.alias = Some(alias);
        }
    }

    /// A topic is asked for.
    pub fn ask(&mut self, topic: &Topic, generation: u64, from: From) {
        let on_link = self.topics.get_or_default(topic);
        on_link.asked = Some(Asked { generation, from, paused: false });
        on_link.unanswered += 1;
    }

    /// A topic is no more wanted: what still comes of it is unknown.
    pub fn drop_topic(&mut self, topic: &Topic) {
        let Some(on_link) = self.topics.get_mut(topic) else { return };
        if on_link.unanswered == 0 {
            self.topics.remove(topic);
        } else {
            (on_link.asked, on_link.alias) = (None, None);
        }
    }

    /// An answer about a topic came. Returns the generation that it is the answer to, unless that was
    /// given up since.
    pub fn answered(&mut self, topic: &Topic) -> Option<u64> {
        let on_link = self.topics.get_mut(topic)?;
        on_link.unanswered = on_link.unanswered.checked_sub(1)?;
        if on_link.unanswered > 0 {
            return None;
        }
        let asked = on_link.asked;
        if asked.is_none() {
            self.topics.remove(topic);
        }
        if !self.awaits_any() {
            self.subscribe_due = None;
        }
        Some(asked?.generation)
    }

    /// Whether a subscribe of the topic has had no answer.
    pub fn awaits(&self, topic: &Topic) -> bool {
        self.topics.get(topic).is_some_and(|on_link| on_link.unanswered > 0)
    }

    /// Whether any subscribe has had no answer.
    pub fn awaits_any(&self) -> bool {
        self.topics.iter().any(|(_, on_link)| on_link.unanswered > 0)
    }

    pub fn heard_at(&mut self, now: Time) {
        self.heard = now;
        self.graced = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_the_last_subscribe_counts() {
        let topic: Topic = "room".parse().unwrap();
        let mut link =
            Link::new(AttemptId(1), Transport::WebSocket, Time::from_millis(0), Duration::from_secs(10));
        link.ask(&topic, 1, From::Latest);
        link.drop_topic(&topic);
        link.ask(&topic, 2, From::Latest);
        assert_eq!(link.answered(&topic), None, "the answer to what was given up");
        assert_eq!(link.answered(&topic), Some(2));
        assert_eq!(link.answered(&topic), None, "an answer to nothing");
        link.ask(&topic, 3, From::Latest);
        link.drop_topic(&topic);
        assert_eq!(link.answered(&topic), None);
        assert!(!link.awaits_any());
    }
}
