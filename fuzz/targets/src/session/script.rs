//! Bytes to steps: the first byte of each says which, those after it what it is about. What is missing is zero.
//!
//! Proptest's own way to draw from given bytes gives each part half of what is left, so that nothing is left soon.

use std::time::Duration;

use everwire_core::{
    Closed, Config, FlowConfig, OutboxConfig, Overflow, Transport,
    protocol::{About, Code, From, GapReason, Payload, Position, PublishId, ServerFrame},
};

use super::{
    common::*,
    steps::{Step, name},
};

/// What is left of the bytes.
pub(super) struct Script<'a>(pub &'a [u8]);

impl Script<'_> {
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    fn some<T>(&mut self, most: u8, one: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most)).map(|_| one(self)).collect()
    }

    pub fn config(&mut self) -> Config {
        let overflow = if self.yes() { Overflow::DropOldest } else { Overflow::RefuseNew };
        Config {
            has_token: self.yes(),
            transports: self.some(4, |script| script.one_of(&Transport::ALL)),
            outbox: OutboxConfig { messages: 4, overflow, persist: self.yes(), ..OutboxConfig::default() },
            flow: FlowConfig { messages: 6, bytes: 1_000 },
            ..Config::default()
        }
    }

    /// The next step, until the bytes are used up.
    pub fn step(&mut self) -> Option<Step> {
        if self.0.is_empty() {
            return None;
        }
        let (kind, n) = (self.below(32), self.below(3));
        Some(match kind {
            0 => Step::Pass(u64::from(self.byte()) * 12),
            1 => Step::Pass(u64::from(self.byte()) * 160),
            2 | 3 => Step::Subscribe(n, self.start(), self.yes()),
            4 => Step::Unsubscribe(n),
            5 => Step::Consumed(n, self.below(5).into()),
            6 | 7 => Step::Publish(n, self.yes()),
            8 => Step::Restore(self.some(4, |script| script.id("old"))),
            9 => Step::Forward(self.id("tab"), self.yes()),
            10 | 11 => Step::Hold(n, self.yes()),
            12 => Step::Ask(n),
            13 => Step::SetTransports(self.some(4, |script| script.one_of(&Transport::ALL))),
            14 => Step::Environment(self.below(6)),
            15 => Step::Opened(self.below(4).into()),
            16..=18 => Step::Accept,
            19 => Step::Answer(self.yes().then(|| self.position())),
            20..=22 => Step::Serve(n, i64::from(self.below(5)) - 2, self.below(4).into()),
            23 => Step::Lose(n, i64::from(self.below(5)) - 2, self.below(4).into(), self.yes()),
            24 => Step::Acknowledge,
            25 | 26 => Step::Frames(n.into(), self.some(5, Self::frame)),
            27 => Step::Junk(n.into(), self.some(30, Self::byte)),
            28 => Step::Closed(n.into(), self.closed()),
            29 => {
                let frames = self.yes().then(|| self.some(3, Self::frame));
                Step::Reply(n.into(), frames, self.one_of(&[200, 401, 429, 503]))
            }
            30 => Step::Token(self.below(8) > 0),
            _ => Step::Close,
        })
    }

    fn start(&mut self) -> From {
        match self.below(4) {
            0 => From::Latest,
            1 => From::Earliest,
            2 => From::Last(self.below(9).into()),
            _ => From::Position(self.position()),
        }
    }

    fn position(&mut self) -> Position {
        Position { epoch: epoch(self.one_of(&["x", "y"])), offset: self.below(8).into() }
    }

    fn id(&mut self, of: &str) -> PublishId {
        format!("{of}.{}", self.below(8)).parse().unwrap()
    }

    fn closed(&mut self) -> Closed {
        match self.below(3) {
            0 => Closed::Network,
            1 => Closed::Code(self.one_of(&[1000, 1006, 4000, 4010, 4101, 4200])),
            _ => Closed::Status {
                status: self.one_of(&[200, 204, 401, 429, 500]),
                retry_after: self.yes().then(|| Duration::from_secs(self.below(9).into())),
            },
        }
    }

    fn frame(&mut self) -> ServerFrame {
        let (kind, alias) = (self.below(16), u32::from(self.below(4)));
        match kind {
            0 => welcome(),
            1 | 2 => ServerFrame::Subscribed {
                topic: name(self.below(3)),
                alias,
                position: self.position(),
                recovered: self.yes(),
            },
            3 | 4 => {
                let first = 1 + u64::from(self.below(8));
                messages(alias, first..=first + u64::from(self.below(4)))
            }
            5 | 6 => {
                let (from, evicted, position) = (1 + u64::from(self.below(8)), self.yes(), self.position());
                let reason = if evicted { GapReason::Evicted } else { GapReason::Epoch };
                ServerFrame::Gap {
                    alias,
                    from,
                    to: evicted.then(|| position.offset.max(from)),
                    reason,
                    position,
                }
            }
            7 => ServerFrame::Ephemeral { alias, time: 1, payload: Payload::text("t"), from: None },
            8 => ServerFrame::Members { alias, members: Vec::new() },
            9 => ServerFrame::Ack { id: self.id("old"), position: self.yes().then(|| self.position()) },
            10 => self.error(),
            11 => ServerFrame::Pong { nonce: self.below(9).into() },
            12 => ServerFrame::Expires { after: u32::from(self.byte()) * 1_000 },
            13 => ServerFrame::Drain { window: window(0, 3_000) },
            14 => ServerFrame::Closed { code: self.code(), reason: "c".into() },
            _ => ServerFrame::Presence { request: self.below(9).into(), members: Vec::new() },
        }
    }

    fn error(&mut self) -> ServerFrame {
        let about = match self.below(4) {
            0 => About::Connection,
            1 => About::Topic(name(self.below(3))),
            2 => About::Publish(self.id("old")),
            _ => About::Request(self.below(9).into()),
        };
        let retry_after = self.yes().then(|| window(u32::from(self.byte()) * 20, 5_200));
        ServerFrame::Error { about, code: self.code(), message: "e".into(), retry_after }
    }

    fn code(&mut self) -> Code {
        Code(self.one_of(&[4000, 4002, 4101, 4200, 4505, 4506, 4507]))
    }
}
