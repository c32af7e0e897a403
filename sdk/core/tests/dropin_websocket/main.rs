//! The WebSocket that comes back: driven by hand, in simulated time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod doubt;
mod links;

use std::time::Duration;

use everwire_core::{
    AttemptId, Time, TimerName,
    dropin::{
        Close, CloseError, Heartbeat, ReadyState, Retry, SendError, WebSocket, WebSocketConfig,
        WebSocketEvent, WebSocketOutput,
    },
};

type Config = WebSocketConfig<&'static str>;

/// A driver that keeps what it was told.
struct World {
    machine: WebSocket<&'static str>,
    now: Time,
    opened: Vec<AttemptId>,
    sent: Vec<(AttemptId, &'static str)>,
    closed: Vec<(AttemptId, Option<u16>, String)>,
    abandoned: Vec<AttemptId>,
    events: Vec<WebSocketEvent>,
}

impl World {
    fn new(config: Config) -> Self {
        let mut world = Self {
            machine: WebSocket::new(config, 7),
            now: Time::from_millis(1_000),
            opened: Vec::new(),
            sent: Vec::new(),
            closed: Vec::new(),
            abandoned: Vec::new(),
            events: Vec::new(),
        };
        world.act(WebSocket::connect);
        world
    }

    /// With a link.
    fn open(config: Config) -> Self {
        let mut world = Self::new(config);
        world.accept();
        world.events.clear();
        world
    }

    fn act<R>(&mut self, act: impl FnOnce(&mut WebSocket<&'static str>, Time) -> R) -> R {
        let result = act(&mut self.machine, self.now);
        while let Some(output) = self.machine.poll_output() {
            match output {
                WebSocketOutput::Open { attempt } => self.opened.push(attempt),
                WebSocketOutput::Send { attempt, message } => self.sent.push((attempt, message)),
                WebSocketOutput::Close { attempt, code, reason } => self.closed.push((attempt, code, reason)),
                WebSocketOutput::Abandon { attempt } => self.abandoned.push(attempt),
                WebSocketOutput::Event(event) => self.events.push(event),
            }
        }
        result
    }

    fn attempt(&self) -> AttemptId {
        *self.opened.last().expect("an attempt")
    }

    fn accept(&mut self) -> AttemptId {
        let attempt = self.attempt();
        self.act(|machine, now| machine.handle_opened(now, attempt));
        attempt
    }

    fn lose(&mut self) {
        let attempt = self.attempt();
        self.act(|machine, now| machine.handle_closed(now, attempt, 1006, String::new(), false, false));
    }

    /// Time passes, and every deadline is met in time.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some((due, _)) = self.machine.poll_timeout().filter(|(due, _)| *due <= end) {
            self.now = self.now.max(due);
            self.act(WebSocket::handle_timeout);
        }
        self.now = end;
    }

    /// Time passes in sleep.
    fn sleep(&mut self, duration: Duration) {
        self.now = self.now + duration;
        if self.machine.poll_timeout().is_some_and(|(due, _)| due <= self.now) {
            self.act(WebSocket::handle_timeout);
        }
    }

    fn retry(&self) -> Retry {
        let close = |event: &WebSocketEvent| match event {
            WebSocketEvent::Close(close) => Some(close.retry),
            _ => None,
        };
        self.events.iter().rev().find_map(close).expect("a close")
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn with_heartbeat(message: Option<&'static str>) -> Config {
    let heartbeat = Heartbeat { message, interval: seconds(20), timeout: seconds(5) };
    Config { heartbeat: Some(heartbeat), ..Config::default() }
}

fn abnormal(retry: Retry) -> WebSocketEvent {
    WebSocketEvent::Close(Close { code: 1006, reason: String::new(), was_clean: false, retry })
}
