//! Readers that come and go, pause, are full and start anywhere, over an honest log that grows, evicts and begins
//! new lives, and over links that break: each sees every record once and in order, or a gap, and in the end all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeMap, time::Duration};

use common::*;
use everwire_core::{
    AttemptId, Closed, Config, Event, FlowConfig, SubscriptionId, Transport,
    protocol::{ClientFrame, From, GapReason, Position, ServerFrame},
};
use proptest::{collection::vec, prelude::*};

/// One topic's log, and the one consumer that a link is.
#[derive(Default)]
struct Log {
    life: u32,
    /// The last offset that was evicted, and the last written.
    evicted: u64,
    top: u64,
    aliases: u32,
    /// Alias, the next offset to send less one, and whether it is paused.
    reading: Option<(u32, u64, bool)>,
}

impl Log {
    fn at(&self, offset: u64) -> Position {
        Position { epoch: epoch(&format!("e{}", self.life)), offset }
    }

    /// Whether a start can be known to anybody by now: the name of a life is not foreseen.
    fn has_been(&self, from: From) -> bool {
        let From::Position(start) = from else { return true };
        let is_over = (0..self.life).any(|life| start.epoch == epoch(&format!("e{life}")));
        is_over || start.epoch == self.at(0).epoch && start.offset <= self.top
    }

    fn gap(&self, from: u64, reason: GapReason) -> ServerFrame {
        let to = (reason == GapReason::Evicted).then_some(self.evicted);
        ServerFrame::Gap { alias: self.aliases, from, to, reason, position: self.at(self.evicted) }
    }

    /// The server reads one frame.
    fn take(&mut self, frame: &ClientFrame) -> Vec<ServerFrame> {
        match frame {
            ClientFrame::Subscribe { topic, from, .. } => {
                assert!(self.reading.is_none(), "subscribed twice");
                self.aliases += 1;
                let (offset, gap) = match *from {
                    From::Latest => (self.top, None),
                    From::Earliest => (self.evicted, None),
                    From::Last(n) => (self.top.saturating_sub(n.into()).max(self.evicted), None),
                    From::Position(start) if start.epoch != self.at(0).epoch || start.offset > self.top => {
                        (self.evicted, Some(self.gap(start.offset + 1, GapReason::Epoch)))
                    }
                    From::Position(start) if start.offset < self.evicted => {
                        (self.evicted, Some(self.gap(start.offset + 1, GapReason::Evicted)))
                    }
                    From::Position(start) => (start.offset, None),
                };
                self.reading = Some((self.aliases, offset, false));
                let recovered = matches!(from, From::Position(_)) && gap.is_none();
                let (topic, alias, position) = (topic.clone(), self.aliases, self.at(offset));
                let answer = ServerFrame::Subscribed { topic, alias, position, recovered };
                [answer].into_iter().chain(gap).collect()
            }
            ClientFrame::Unsubscribe { .. } => {
                self.reading = None;
                vec![]
            }
            ClientFrame::Pause { .. } | ClientFrame::Resume { .. } => {
                if let Some((.., paused)) = &mut self.reading {
                    *paused = matches!(frame, ClientFrame::Pause { .. });
                }
                vec![]
            }
            ClientFrame::Ping { nonce } => vec![ServerFrame::Pong { nonce: *nonce }],
            _ => vec![],
        }
    }

    /// The next batch.
    fn pull(&mut self) -> Option<ServerFrame> {
        let (alias, at, _) = self.reading.filter(|(_, at, paused)| !paused && *at < self.top)?;
        if at < self.evicted {
            self.reading = Some((alias, self.evicted, false));
            return Some(self.gap(at + 1, GapReason::Evicted));
        }
        let last = (at + 3).min(self.top);
        self.reading = Some((alias, last, false));
        Some(messages(alias, at + 1..=last))
    }

    /// A new life, with so many records.
    fn begin_anew(&mut self, top: u64) -> Option<ServerFrame> {
        let before = self.reading;
        (self.life, self.evicted, self.top) = (self.life + 1, 0, top);
        let (alias, at, paused) = before?;
        self.reading = Some((alias, 0, paused));
        Some(self.gap(at + 1, GapReason::Epoch))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(From),
    Unsubscribe(usize),
    Hold(usize, bool),
    Consume(usize),
    Write(u64),
    Evict(u64),
    BeginAnew(u64),
    /// The server reads so many frames of those that were sent.
    Read(usize),
    Pull,
    Cut,
}

fn step() -> impl Strategy<Value = Step> {
    let start = prop_oneof![
        Just(From::Latest),
        Just(From::Earliest),
        (0..9_u32).prop_map(From::Last),
        (0..3_u32, 0..9_u64).prop_map(|(life, offset)| From::Position(Position {
            epoch: epoch(&format!("e{life}")),
            offset
        })),
    ];
    prop_oneof![
        5 => start.prop_map(Step::Subscribe),
        1 => (0..5_usize).prop_map(Step::Unsubscribe),
        2 => (0..5_usize, any::<bool>()).prop_map(|(which, held)| Step::Hold(which, held)),
        4 => (0..5_usize).prop_map(Step::Consume),
        6 => (1..6_u64).prop_map(Step::Write),
        1 => (1..6_u64).prop_map(Step::Evict),
        1 => (0..4_u64).prop_map(Step::BeginAnew),
        8 => (1..4_usize).prop_map(Step::Read),
        8 => Just(Step::Pull),
        1 => Just(Step::Cut),
    ]
}

struct Run {
    world: World,
    log: Log,
    link: AttemptId,
    readers: Vec<SubscriptionId>,
    cursors: BTreeMap<SubscriptionId, Position>,
    /// What each has not taken yet.
    waiting: BTreeMap<SubscriptionId, usize>,
}

impl Run {
    fn new() -> Self {
        let flow = FlowConfig { messages: 4, bytes: 1_000 };
        let (world, link) = World::connected_with(Config { flow, ..only(Transport::WebSocket) });
        let log = Log { top: 5, evicted: 1, ..Log::default() };
        let (readers, cursors, waiting) = Default::default();
        Self { world, log, link, readers, cursors, waiting }
    }

    fn reader(&self, which: usize) -> Option<SubscriptionId> {
        (!self.readers.is_empty()).then(|| self.readers[which % self.readers.len()])
    }

    fn look(&mut self) {
        while let Some(event) = self.world.events.pop_front() {
            match event {
                Event::Subscribed { subscription, position, .. } => {
                    self.cursors.entry(subscription).or_insert(position);
                }
                Event::Messages { subscription, epoch, records } => {
                    let cursor = self.cursors.get_mut(&subscription).unwrap();
                    assert_eq!(cursor.epoch, epoch, "invariant 1");
                    for record in &records {
                        assert_eq!(record.offset, cursor.offset + 1, "invariants 1, 2 and 3");
                        cursor.offset = record.offset;
                    }
                    *self.waiting.entry(subscription).or_default() += records.len();
                    assert!(self.waiting[&subscription] <= 11, "invariant 5");
                }
                Event::Gap { subscription, from, to, reason, position } => {
                    let cursor = self.cursors.get_mut(&subscription).unwrap();
                    assert_eq!(from, cursor.offset + 1, "invariant 1");
                    let lost_all = reason == GapReason::Epoch && to.is_none();
                    assert!(lost_all || to == Some(position.offset) && cursor.epoch == position.epoch);
                    assert!(position.offset <= self.log.evicted || position.epoch != self.log.at(0).epoch);
                    *cursor = position;
                }
                _ => {}
            }
        }
        for id in &self.readers {
            assert_eq!(self.world.session.position(*id), self.cursors.get(id).copied());
        }
    }

    fn say(&mut self, frames: &[ServerFrame]) {
        self.world.frames(self.link, frames);
        self.look();
    }

    fn read(&mut self, count: usize) {
        for _ in 0..count {
            let Some((on, frame)) = self.world.sent.pop_front() else { return };
            if on == self.link {
                let answers = self.log.take(&frame);
                self.say(&answers);
            }
        }
    }

    fn consume(&mut self, id: SubscriptionId) {
        let taken = self.waiting.remove(&id).unwrap_or_default();
        self.world.act(|session, now| session.consumed(now, id, taken, taken * 2));
        self.look();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Subscribe(from) if self.readers.len() < 5 && self.log.has_been(from) => {
                let id = self.world.subscribe("room", from);
                self.readers.push(id);
                if let From::Position(position) = from {
                    self.cursors.insert(id, position);
                }
            }
            Step::Subscribe(_) => {}
            Step::Unsubscribe(which) => {
                let Some(id) = self.reader(which) else { return };
                self.readers.retain(|other| *other != id);
                self.world.act(|session, now| session.unsubscribe(now, id));
            }
            Step::Hold(which, held) => {
                let Some(id) = self.reader(which) else { return };
                let hold = if held { everwire_core::Session::pause } else { everwire_core::Session::resume };
                self.world.act(|session, now| hold(session, now, id));
            }
            Step::Consume(which) => {
                if let Some(id) = self.reader(which) {
                    self.consume(id);
                }
            }
            Step::Write(count) => self.log.top += count,
            Step::Evict(count) => self.log.evicted = (self.log.evicted + count).min(self.log.top),
            Step::BeginAnew(top) => {
                let gap = self.log.begin_anew(top);
                self.say(&Vec::from_iter(gap));
            }
            Step::Read(count) => self.read(count),
            Step::Pull => {
                let batch = self.log.pull();
                self.say(&Vec::from_iter(batch));
            }
            Step::Cut => {
                let link = self.link;
                self.world.act(|session, now| session.handle_closed(now, link, Closed::Network));
                self.log.reading = None;
                self.link = self.world.accept();
            }
        }
        self.look();
    }

    /// Everybody takes what there is, until nothing more happens.
    fn settle(&mut self) {
        self.log.top += 1;
        for id in self.readers.clone() {
            self.world.act(|session, now| session.resume(now, id));
        }
        for _ in 0..300 {
            self.read(usize::MAX);
            self.readers.clone().into_iter().for_each(|id| self.consume(id));
            let batch = self.log.pull();
            if batch.is_none() && self.world.sent.is_empty() {
                break;
            }
            self.say(&Vec::from_iter(batch));
        }
        for id in &self.readers {
            assert_eq!(
                self.cursors.get(id),
                Some(&self.log.at(self.log.top)),
                "{id:?} has not come to the end"
            );
        }
        assert!(self.world.session.stats().reconnects.malformed == 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn invariants_1_to_3_hold_for_each_reader_and_all_come_to_the_end(steps in vec(step(), 0..80)) {
        let mut run = Run::new();
        steps.into_iter().for_each(|step| run.step(step));
        run.settle();
        run.world.pass(Duration::from_millis(1));
    }
}
