//! The event source that resumes: driven by hand, in simulated time, against section 9.2 of the WHATWG HTML standard.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod beyond;
mod standard;

use std::time::Duration;

use everwire_core::{
    AttemptId, Time, TimerName,
    dropin::{
        EventSource, EventSourceConfig as Config, EventSourceEvent, EventSourceOutput, Failure, FailureKind,
        ReadyState, Refusal, Retry,
    },
};

/// A driver that keeps what it was told.
struct World {
    machine: EventSource,
    now: Time,
    /// Attempts, with the last event id that each is made with.
    opened: Vec<(AttemptId, String)>,
    closed: Vec<AttemptId>,
    told: Vec<EventSourceEvent>,
    /// Name, data and last event id.
    events: Vec<(String, String, String)>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl World {
    fn new(config: Config) -> Self {
        Self::from_id(config, "")
    }

    fn from_id(config: Config, id: &str) -> Self {
        let mut world = Self {
            machine: EventSource::new(config, id.as_bytes(), 7),
            now: Time::from_millis(1_000),
            opened: Vec::new(),
            closed: Vec::new(),
            told: Vec::new(),
            events: Vec::new(),
        };
        world.act(EventSource::connect);
        world
    }

    /// With a stream.
    fn open(config: Config) -> Self {
        let mut world = Self::new(config);
        world.accept();
        world.told.clear();
        world
    }

    fn act<R>(&mut self, act: impl FnOnce(&mut EventSource, Time) -> R) -> R {
        let result = act(&mut self.machine, self.now);
        while let Some(output) = self.machine.poll_output() {
            match output {
                EventSourceOutput::Open { attempt } => {
                    self.opened.push((attempt, text(self.machine.last_event_id())));
                }
                EventSourceOutput::Close { attempt } => self.closed.push(attempt),
                EventSourceOutput::Event(event) => self.told.push(event),
            }
        }
        result
    }

    fn attempt(&self) -> AttemptId {
        self.opened.last().expect("an attempt").0
    }

    fn accept(&mut self) -> AttemptId {
        let attempt = self.attempt();
        let taken =
            self.act(|machine, now| machine.handle_head(now, attempt, 200, Some("text/event-stream")));
        assert!(taken);
        attempt
    }

    fn chunk_of(&mut self, attempt: AttemptId, chunk: &str) {
        let mut chunk = chunk.as_bytes();
        loop {
            let read = |machine: &mut EventSource, now| {
                let event = machine.handle_chunk(now, attempt, &mut chunk)?;
                Some((text(event.name), text(event.data), text(event.id)))
            };
            match self.act(read) {
                Some(event) => self.events.push(event),
                None => break,
            }
        }
        assert!(chunk.is_empty());
    }

    fn chunk(&mut self, chunk: &str) {
        self.chunk_of(self.attempt(), chunk);
    }

    fn lose(&mut self) {
        let attempt = self.attempt();
        self.act(|machine, now| machine.handle_closed(now, attempt));
    }

    fn refuse(&mut self, refusal: Refusal, retriable: bool) {
        let attempt = self.attempt();
        let kind = refusal.content_type.clone();
        let taken =
            self.act(|machine, now| machine.handle_head(now, attempt, refusal.status, kind.as_deref()));
        assert!(!taken);
        self.act(|machine, now| machine.handle_refused(now, attempt, refusal, retriable));
    }

    /// Time passes, and every deadline is met in time.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some((due, _)) = self.machine.poll_timeout().filter(|(due, _)| *due <= end) {
            self.now = self.now.max(due);
            self.act(EventSource::handle_timeout);
        }
        self.now = end;
    }

    /// Time passes in sleep.
    fn sleep(&mut self, duration: Duration) {
        self.now = self.now + duration;
        if self.machine.poll_timeout().is_some_and(|(due, _)| due <= self.now) {
            self.act(EventSource::handle_timeout);
        }
    }

    fn failure(&self) -> &Failure {
        match self.told.last() {
            Some(EventSourceEvent::Error(failure)) => failure,
            other => panic!("no failure: {other:?}"),
        }
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn status(status: u16) -> Refusal {
    Refusal { status, content_type: Some("text/event-stream".into()), ..Refusal::default() }
}

fn event(name: &str, data: &str, id: &str) -> (String, String, String) {
    (name.into(), data.into(), id.into())
}
