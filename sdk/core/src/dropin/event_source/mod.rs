//! The event source that resumes: section 9.2 of the WHATWG HTML standard, and beyond it what apps miss there. The driver
//! makes the requests; the stream is read here.

mod words;

use std::time::Duration;

use super::{
    ReadyState,
    attempts::{Attempts, Retry},
};
use crate::{
    AttemptId, Time, TimerName,
    sse::{Event, Parser},
};

pub use words::{EventSourceConfig, EventSourceEvent, EventSourceOutput, Failure, FailureKind, Refusal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Connecting(AttemptId),
    Open(AttemptId),
    Closed,
}

/// The state machine; see [`dropin`](super).
#[derive(Debug)]
pub struct EventSource {
    config: EventSourceConfig,
    attempts: Attempts,
    phase: Phase,
    /// The request that is made to find out whether the stream still lives.
    probe: Option<AttemptId>,
    parser: Parser,
    heard: Time,
    /// The app takes nothing for now, so silence means nothing.
    paused: bool,
    /// A deadline was passed in sleep, and the stream got its chance.
    graced: bool,
    /// The oldest first. They are few; what a `VecDeque` is better at is paid for by pages.
    outputs: Vec<EventSourceOutput>,
}

impl EventSource {
    /// An event source that does nothing before [`connect`](Self::connect). `last_event_id` is where to go on from, known
    /// from elsewhere; one that holds what no id can hold (NULL, CR, LF) is ignored.
    #[must_use]
    pub fn new(config: EventSourceConfig, last_event_id: &[u8], seed: u64) -> Self {
        let mut parser = Parser::with_limit(config.event_bytes);
        if !last_event_id.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            parser.set_last_event_id(last_event_id);
        }
        Self {
            attempts: Attempts::new(config.reconnect, seed),
            config,
            phase: Phase::Waiting,
            probe: None,
            parser,
            heard: Time::default(),
            paused: false,
            graced: false,
            outputs: Vec::new(),
        }
    }

    /// What it does now.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        match self.phase {
            Phase::Waiting | Phase::Connecting(_) => ReadyState::Connecting,
            Phase::Open(_) => ReadyState::Open,
            Phase::Closed => ReadyState::Closed,
        }
    }

    /// The id of the last event that had one, for `Last-Event-ID`: in UTF-8, and left out when empty.
    #[must_use]
    pub fn last_event_id(&self) -> &[u8] {
        self.parser.last_event_id()
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.attempts.failures()
    }

    /// Starts. While offline, it waits.
    pub fn connect(&mut self, now: Time) {
        if self.phase == Phase::Waiting {
            let attempt = self.attempts.begin(now);
            self.open(attempt);
        }
    }

    /// Closes for good, and tells nothing of it.
    pub fn close(&mut self) {
        self.outputs.retain(|output| matches!(output, EventSourceOutput::Close { .. }));
        self.end_requests();
        self.phase = Phase::Closed;
        self.attempts.timers.clear();
    }

    /// The app wants a new stream in place of this one, at once.
    pub fn reconnect(&mut self, now: Time) {
        match self.phase {
            Phase::Open(_) | Phase::Connecting(_) => self.replace(now),
            Phase::Waiting => self.connect(now),
            Phase::Closed => {}
        }
    }

    /// The answer's head came. Returns whether its body is to be handed in by [`handle_chunk`](Self::handle_chunk);
    /// otherwise the beginning of the body, which says why, goes to [`handle_refused`](Self::handle_refused).
    pub fn handle_head(
        &mut self,
        now: Time,
        attempt: AttemptId,
        status: u16,
        content_type: Option<&str>,
    ) -> bool {
        if status != 200 || !content_type.is_some_and(is_event_stream) {
            return false;
        }
        if self.probe == Some(attempt) {
            // It takes the place of the stream that has stayed silent.
            if let Phase::Open(silent) = self.phase {
                self.outputs.push(EventSourceOutput::Close { attempt: silent });
            }
            self.probe = None;
        } else if self.phase == Phase::Connecting(attempt) {
            self.outputs.push(EventSourceOutput::Event(EventSourceEvent::Open));
        } else {
            return false;
        }
        self.phase = Phase::Open(attempt);
        self.parser.reset();
        self.attempts.opened(now);
        self.listened(now);
        true
    }

    /// The answer was none of a stream. `retriable` when the app wants to try again nevertheless; the standard never does.
    pub fn handle_refused(&mut self, now: Time, attempt: AttemptId, refusal: Refusal, retriable: bool) {
        if self.probe == Some(attempt) {
            // The network works, and that is all that this says of the stream.
            self.end_probe();
            self.listened(now);
        } else if self.phase == Phase::Connecting(attempt) {
            let asked = refusal.retry_after;
            self.failed(now, FailureKind::Refused(refusal), asked, !retriable);
        }
    }

    /// Bytes of the stream came. Returns the next event in them, and takes off `chunk` what was read: to be called again
    /// until `chunk` is empty.
    pub fn handle_chunk(&mut self, now: Time, attempt: AttemptId, chunk: &mut &[u8]) -> Option<Event<'_>> {
        if self.phase != Phase::Open(attempt) {
            *chunk = &[];
            return None;
        }
        if !chunk.is_empty() {
            self.listened(now);
            self.end_probe();
        }
        match self.parser.advance(chunk) {
            Ok(complete) => {
                // A server that says when to come back may end each stream: that is its way, and no failure.
                if complete && self.parser.retry().is_some() {
                    self.attempts.healthy();
                }
                complete.then(|| self.parser.event())
            }
            Err(_) => {
                *chunk = &[];
                self.failed(now, FailureKind::TooLong, None, true);
                None
            }
        }
    }

    /// The stream ended, or the attempt found no answer.
    pub fn handle_closed(&mut self, now: Time, attempt: AttemptId) {
        if self.probe == Some(attempt) {
            // The stream has what is left of the probe's time to show that it lives.
            self.probe = None;
            self.outputs.push(EventSourceOutput::Close { attempt });
        } else if matches!(self.phase, Phase::Connecting(current) | Phase::Open(current) if current == attempt)
        {
            self.failed(now, FailureKind::Network, None, false);
        }
    }

    /// The request could not be made. `fatal` when it never can.
    pub fn handle_unable(&mut self, now: Time, attempt: AttemptId, fatal: bool) {
        if self.phase == Phase::Connecting(attempt) {
            self.failed(now, FailureKind::Request, None, fatal);
        } else {
            self.handle_closed(now, attempt);
        }
    }

    /// The app takes nothing for now, and the driver reads nothing.
    pub fn handle_pause(&mut self) {
        self.paused = true;
        self.attempts.timers.stop(TimerName::Heartbeat);
        self.end_probe();
    }

    /// The app takes what comes, and the driver reads on.
    pub fn handle_resume(&mut self, now: Time) {
        self.paused = false;
        if matches!(self.phase, Phase::Open(_)) {
            self.listened(now);
        }
    }

    /// There is no network. A stream stays until it is known to be dead.
    pub fn handle_offline(&mut self) {
        self.attempts.go_offline();
    }

    /// There is a network, and it may be another one.
    pub fn handle_online(&mut self, now: Time) {
        let was_gone = self.attempts.go_online();
        if was_gone && matches!(self.phase, Phase::Connecting(_)) {
            self.replace(now);
        } else {
            self.back(now);
        }
    }

    /// The page is there again: a stream is probed, a wait is cut short.
    pub fn handle_wakeup(&mut self, now: Time) {
        self.attempts.wake_up();
        self.back(now);
    }

    /// The page is put aside: nothing may be open, and nothing is tried until [`handle_wakeup`](Self::handle_wakeup).
    pub fn handle_suspend(&mut self, now: Time) {
        self.attempts.suspend();
        if matches!(self.phase, Phase::Open(_) | Phase::Connecting(_)) {
            self.replace(now);
        }
    }

    /// Time has passed: acts on every deadline that is due.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.attempts.timers.next().is_some_and(|(at, _)| self.attempts.is_late(at, now)) {
            self.doubt(now);
        }
        // The bound is for a configuration of zeroes.
        for _ in 0..TimerName::ALL.len() {
            let Some((at, name)) = self.attempts.timers.take_due(now) else { break };
            let late = self.attempts.is_late(at, now);
            match name {
                TimerName::Retry => self.connect(now),
                TimerName::Healthy => self.attempts.healthy(),
                TimerName::Heartbeat | TimerName::Probe
                    if late && !std::mem::replace(&mut self.graced, true) =>
                {
                    self.attempts.timers.set(name, now + self.attempts.config.probe_timeout);
                }
                TimerName::Connect => self.failed(now, FailureKind::ConnectTimeout, None, false),
                _ => self.failed(now, FailureKind::Silent, None, false),
            }
        }
    }

    /// What to do next, oldest first.
    pub fn poll_output(&mut self) -> Option<EventSourceOutput> {
        if self.outputs.is_empty() { None } else { Some(self.outputs.remove(0)) }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next, and what for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, TimerName)> {
        self.attempts.timers.next()
    }

    fn open(&mut self, attempt: Option<AttemptId>) {
        if let Some(attempt) = attempt {
            self.phase = Phase::Connecting(attempt);
            self.outputs.push(EventSourceOutput::Open { attempt });
        }
    }

    fn back(&mut self, now: Time) {
        if self.phase == Phase::Waiting {
            let attempt = self.attempts.come_back(now);
            self.open(attempt);
        } else {
            self.doubt(now);
        }
    }

    /// Silence is counted from here.
    fn listened(&mut self, now: Time) {
        self.heard = now;
        self.graced = false;
        self.attempts.timers.stop(TimerName::Probe);
        if let Some(timeout) = self.config.heartbeat_timeout.filter(|_| !self.paused) {
            self.attempts.timers.set(TimerName::Heartbeat, now + timeout);
        }
    }

    /// The stream is in doubt: asks for it a second time, from where it is. One without ids can't be asked for without a
    /// loss, and one that has just been heard of is in no doubt.
    fn doubt(&mut self, now: Time) {
        let timeout = self.attempts.config.probe_timeout;
        let resumable = self.config.probes && !self.parser.last_event_id().is_empty();
        let probing = self.attempts.timers.get(TimerName::Probe).is_some();
        if matches!(self.phase, Phase::Open(_))
            && resumable
            && !probing
            && !self.paused
            && now.since(self.heard) >= timeout
        {
            let attempt = self.attempts.new_attempt();
            self.probe = Some(attempt);
            self.outputs.push(EventSourceOutput::Open { attempt });
            self.attempts.timers.set(TimerName::Probe, now + timeout);
        }
    }

    fn end_probe(&mut self) {
        self.attempts.timers.stop(TimerName::Probe);
        if let Some(attempt) = self.probe.take() {
            self.outputs.push(EventSourceOutput::Close { attempt });
        }
    }

    fn end_requests(&mut self) {
        self.end_probe();
        if let Phase::Open(attempt) | Phase::Connecting(attempt) = self.phase {
            self.outputs.push(EventSourceOutput::Close { attempt });
        }
    }

    fn replace(&mut self, now: Time) {
        self.end_requests();
        let retry = self.attempts.replaced(now);
        self.ended(FailureKind::Replaced, retry);
    }

    fn failed(&mut self, now: Time, kind: FailureKind, asked: Option<Duration>, fatal: bool) {
        self.end_requests();
        // No attempt comes before the reconnection time that the stream has set.
        let asked = asked.max(self.parser.retry().map(Duration::from_millis));
        let retry = if fatal { Retry::Never } else { self.attempts.failed(now, asked) };
        self.ended(kind, retry);
    }

    fn ended(&mut self, kind: FailureKind, retry: Retry) {
        self.phase = Phase::Waiting;
        if retry == Retry::Never {
            self.phase = Phase::Closed;
            self.attempts.timers.clear();
        }
        self.outputs.push(EventSourceOutput::Event(EventSourceEvent::Error(Failure { kind, retry })));
    }
}

/// Whether a content type is `text/event-stream`, with any parameters.
fn is_event_stream(content_type: &str) -> bool {
    let essence = content_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}
