//! One run: the steps done to a session, and everything that it says to its app checked. Shared with the fuzzer.

use std::time::Duration;

use bytes::Bytes;
use everwire_core::{
    AttemptId, Config, HttpResponse, Output, Publish, Reason, RequestId, Session, StoredPublish,
    SubscribeOptions, Time, Transport,
    protocol::{From, GapReason, HistoryRange, Position, PublishId, ServerFrame},
};

use super::{
    app::App,
    common::*,
    steps::{Step, name},
};

/// Plays a script, and closes the session at its end.
pub fn play(config: Config, seed: u64, steps: Vec<Step>) {
    let keeps = config.outbox.persist;
    let session = Session::new(config, "me".parse().unwrap(), seed);
    let now = Time::from_millis(5);
    let mut run =
        Run { session, now, keeps, app: App::default(), attempts: Vec::new(), requests: Vec::new() };
    run.session.connect(now);
    run.drain();
    steps.into_iter().for_each(|step| run.step(step));
    run.step(Step::Close);
    assert!(run.app.closed && run.app.published.is_empty());
    assert_eq!(run.session.poll_timeout(), None);
    run.step(Step::Environment(0));
    run.step(Step::Environment(2));
    run.step(Step::Pass(1_000_000));
}

/// A session, and what it asked for.
struct Run {
    session: Session,
    now: Time,
    /// It keeps publishes for a later page.
    keeps: bool,
    app: App,
    attempts: Vec<(AttemptId, Transport)>,
    requests: Vec<RequestId>,
}

impl Run {
    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.session.poll_output() {
            outputs += 1;
            assert!(outputs < 10_000, "invariant 5: the outputs have an end");
            match output {
                Output::Open { attempt, transport, .. } => {
                    assert!(!self.app.closed);
                    self.attempts.push((attempt, transport));
                    assert!(self.attempts.len() < 100_000);
                }
                Output::Event(event) => self.app.told(&event),
                Output::Request { id, .. } => self.requests.push(id),
                Output::Save(stored) => self.app.save(stored.id),
                Output::Forget(id) => self.app.forget(&id),
                _ => {}
            }
        }
        for id in self.app.subscribed.keys() {
            // `App::cursors` is made of events alone, so this is what a resume would go on from.
            assert_eq!(self.session.position(*id), self.app.cursors.get(id).copied());
        }
    }

    /// One of the newest attempts: old ones are reported on too.
    fn attempt(&self, which: usize) -> Option<(AttemptId, Transport)> {
        self.attempts.iter().rev().nth(which / 2).copied()
    }

    fn frames(&mut self, which: usize, frames: &[ServerFrame]) {
        let Some((id, transport)) = self.attempt(which) else { return };
        let now = self.now;
        match transport {
            Transport::WebSocket | Transport::Tab => self.session.handle_message(now, id, encoded(frames)),
            Transport::Sse => self.session.handle_chunk(now, id, streamed(frames).into()),
            Transport::EventSource => {
                let mut parser = everwire_core::sse::Parser::new();
                let text = streamed(frames);
                let mut rest = text.as_bytes();
                while let Some(event) = parser.next_event(&mut rest).unwrap() {
                    self.session.handle_event(now, id, &event.name(), &event.data());
                }
            }
            _ => self.session.handle_response(now, id, response(frames)),
        }
    }

    /// Opens and welcomes the newest attempt.
    fn accept(&mut self) {
        if let Some((id, _)) = self.attempt(0) {
            self.session.handle_opened(self.now, id);
            self.drain();
            self.frames(0, &[vec![welcome()], self.answers(None)].concat());
        }
    }

    /// An answer for each topic, under the number that is its place in `name`.
    fn answers(&self, elsewhere: Option<Position>) -> Vec<ServerFrame> {
        let answer = |n: u8| {
            let cursor = self.app.cursor(&name(n));
            let position = elsewhere.or(cursor).unwrap_or(at("x-3"));
            ServerFrame::Subscribed { topic: name(n), alias: n.into(), position, recovered: cursor.is_some() }
        };
        (0..3).filter(|n| self.app.reader(&name(*n)).is_some()).map(answer).collect()
    }

    /// Says something about a topic, in a poll together with what stands before all else there.
    fn about_topic(&mut self, frame: ServerFrame) {
        let is_poll = self
            .attempt(0)
            .is_some_and(|(_, transport)| matches!(transport, Transport::LongPoll | Transport::Poll));
        let before = if is_poll { [vec![welcome()], self.answers(None)].concat() } else { vec![] };
        self.frames(0, &[before, vec![frame]].concat());
    }

    /// The next offset of a topic, or one near it.
    fn near(&self, n: u8, shift: i64) -> Option<(Position, u64)> {
        let cursor = self.app.cursor(&name(n))?;
        Some((cursor, (cursor.offset + 1).saturating_add_signed(shift).max(1)))
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        let mut fired = 0;
        while let Some((at, name)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            fired += 1;
            assert!(fired < 10_000, "a timer spins: {name:?}");
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn step(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Pass(millis) => self.pass(millis),
            Step::Subscribe(n, from, presence) => {
                if let Ok(id) = self.session.subscribe(now, name(n), SubscribeOptions { from, presence }) {
                    self.app.subscribed.insert(id, name(n));
                    if let From::Position(position) = from {
                        // What the app hands in is what it has been given, by an earlier page.
                        self.app.cursors.insert(id, position);
                    }
                }
            }
            Step::Unsubscribe(n) => {
                let Some(id) = self.app.reader(&name(n)) else { return };
                self.session.unsubscribe(now, id);
                self.app.subscribed.remove(&id);
                self.app.cursors.remove(&id);
            }
            Step::Consumed(n, messages) => {
                let Some(id) = self.app.reader(&name(n)) else { return };
                self.session.consumed(now, id, messages, messages * 2);
            }
            Step::Publish(n, ephemeral) => {
                let publish = Publish { topic: name(n), ephemeral, ..said("a", "text") };
                if let Ok(id) = self.session.publish(now, publish) {
                    assert!(self.app.published.insert(id));
                }
            }
            Step::Restore(ids) => {
                // A store gives what it has once: what waits here is not in it a second time.
                let waits = |id: &PublishId| self.app.published.contains(id);
                let ids: Vec<_> = ids.into_iter().filter(|id| !waits(id) && !self.app.closed).collect();
                let stored = |id: &PublishId| StoredPublish {
                    id: id.clone(),
                    publish: said("a", "restored"),
                    expires_in: Duration::from_secs(9),
                };
                self.app.published.extend(ids.iter().cloned());
                if self.keeps {
                    self.app.kept.extend(ids.iter().cloned());
                }
                self.session.restore(now, ids.iter().map(stored).collect());
            }
            Step::Forward(id, ephemeral) => {
                let publish = Publish { ephemeral, ..said("b", "forwarded") };
                if self.session.forward(now, id.clone(), publish).is_ok() {
                    self.app.published.insert(id);
                }
            }
            Step::Hold(n, held) => {
                let Some(id) = self.app.reader(&name(n)) else { return };
                if held { self.session.pause(now, id) } else { self.session.resume(now, id) }
            }
            Step::Ask(n) if n == 0 => {
                let id = self.session.presence(now, name(n));
                self.app.questions.insert(id);
            }
            Step::Ask(n) => {
                let id = self.session.history(now, name(n), HistoryRange::Before(9), 3);
                self.app.questions.insert(id);
            }
            Step::SetTransports(transports) => self.session.set_transports(now, transports),
            Step::Environment(n) => match n {
                0 => self.session.handle_online(now),
                1 => self.session.handle_offline(now),
                2 => self.session.handle_wakeup(now),
                3 => self.session.handle_suspend(now),
                4 => self.session.reconnect(now, Reason::Asked),
                _ => self.now = self.now + Duration::from_secs(100),
            },
            Step::Opened(which) => {
                if let Some((id, _)) = self.attempt(which) {
                    self.session.handle_opened(now, id);
                }
            }
            Step::Accept => self.accept(),
            Step::Answer(elsewhere) => self.frames(0, &self.answers(elsewhere)),
            Step::Serve(n, shift, more) => {
                if let Some((_, first)) = self.near(n, shift) {
                    self.about_topic(messages(n.into(), first..=first + more));
                }
            }
            Step::Lose(n, shift, more, evicted) => {
                let Some((cursor, from)) = self.near(n, shift) else { return };
                let to = evicted.then_some(from + more);
                let other = if cursor.epoch == epoch("x") { "y" } else { "x" };
                let (reason, position) = match to {
                    Some(to) => (GapReason::Evicted, Position { offset: to, ..cursor }),
                    None => (GapReason::Epoch, Position { epoch: epoch(other), offset: more }),
                };
                self.about_topic(ServerFrame::Gap { alias: n.into(), from, to, reason, position });
            }
            Step::Acknowledge => {
                let acks = self.app.published.iter().take(2).cloned();
                let acks: Vec<_> = acks.map(|id| ServerFrame::Ack { id, position: None }).collect();
                if let Some(id) = self.requests.last().copied() {
                    self.session.handle_reply(now, id, Some(response(&acks)));
                    self.drain();
                }
                self.frames(0, &acks);
            }
            Step::Frames(which, frames) => self.frames(which, &frames),
            Step::Junk(which, bytes) => {
                let Some((id, _)) = self.attempt(which) else { return };
                let body = Bytes::from(bytes);
                self.session.handle_message(now, id, body.clone());
                self.session.handle_chunk(now, id, body.clone());
                self.session.handle_event(now, id, "everwire.gap", &String::from_utf8_lossy(&body));
                self.session.handle_response(now, id, HttpResponse { status: 200, retry_after: None, body });
            }
            Step::Closed(which, closed) => {
                if let Some((id, _)) = self.attempt(which) {
                    self.session.handle_closed(now, id, closed);
                }
            }
            Step::Reply(which, frames, status) => {
                let Some(id) = self.requests.iter().rev().nth(which).copied() else { return };
                let body = |frames: Vec<ServerFrame>| encoded(&frames);
                let response =
                    frames.map(|frames| HttpResponse { status, retry_after: None, body: body(frames) });
                self.session.handle_reply(now, id, response);
            }
            Step::Token(given) => {
                let token = if given { Ok(Some("t".into())) } else { Err(()) };
                self.session.handle_token(now, token);
            }
            Step::Close => self.session.close(now),
        }
        self.drain();
    }
}
