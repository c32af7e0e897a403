//! The WebSocket that comes back. Messages from the other side don't pass through here, only the news that there was one;
//! those of the app do while they wait, of whatever type the driver sends.

mod words;

use std::time::Duration;

use super::{
    ReadyState,
    attempts::{Attempts, Retry},
};
use crate::{AttemptId, Time, TimerName};

pub use words::{Close, CloseError, Heartbeat, SendError, WebSocketConfig, WebSocketEvent, WebSocketOutput};

/// The code of a link that ended without a close from the other side.
const ABNORMAL: u16 = 1006;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Connecting(AttemptId),
    Open(AttemptId),
    /// With the link whose close is awaited, if there was one.
    Closing(Option<AttemptId>),
    Closed,
}

/// The state machine; see [`dropin`](super).
#[derive(Debug)]
pub struct WebSocket<M> {
    config: WebSocketConfig<M>,
    attempts: Attempts,
    phase: Phase,
    outbox: Vec<M>,
    outbox_bytes: usize,
    /// A deadline was passed in sleep, and the link got its chance.
    graced: bool,
    /// The oldest first. They are few; what a `VecDeque` is better at is paid for by pages.
    outputs: Vec<WebSocketOutput<M>>,
}

impl<M: Clone> WebSocket<M> {
    /// A WebSocket that does nothing before [`connect`](Self::connect).
    #[must_use]
    pub fn new(config: WebSocketConfig<M>, seed: u64) -> Self {
        Self {
            attempts: Attempts::new(config.reconnect, seed),
            config,
            phase: Phase::Waiting,
            outbox: Vec::new(),
            outbox_bytes: 0,
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
            Phase::Closing(_) => ReadyState::Closing,
            Phase::Closed => ReadyState::Closed,
        }
    }

    /// Bytes that wait for a link. As the standard has it, those that never got one stay counted.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.outbox_bytes
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

    /// Sends, or keeps until there is a link.
    ///
    /// # Errors
    /// When there is neither a link nor room, or it is closed.
    pub fn send(&mut self, message: M, bytes: usize) -> Result<(), SendError> {
        match self.phase {
            Phase::Open(attempt) => self.outputs.push(WebSocketOutput::Send { attempt, message }),
            Phase::Closing(_) | Phase::Closed => return Err(SendError::Closed),
            Phase::Waiting | Phase::Connecting(_) => {
                let together = self.outbox_bytes.saturating_add(bytes);
                if self.outbox.len() >= self.config.outbox_messages || together > self.config.outbox_bytes {
                    return Err(SendError::Full);
                }
                self.outbox_bytes = together;
                self.outbox.push(message);
            }
        }
        Ok(())
    }

    /// Closes for good. What waits is not sent any more. The last event is the close, and it comes later.
    ///
    /// # Errors
    /// When code or reason are not what the standard allows.
    pub fn close(&mut self, now: Time, code: Option<u16>, reason: &str) -> Result<(), CloseError> {
        if code.is_some_and(|code| code != 1000 && !(3000..=4999).contains(&code)) {
            return Err(CloseError::Code);
        }
        if reason.len() > 123 {
            return Err(CloseError::Reason);
        }
        let (attempt, wait) = match self.phase {
            Phase::Closing(_) | Phase::Closed => return Ok(()),
            Phase::Open(attempt) => {
                self.outputs.retain(|output| !matches!(output, WebSocketOutput::Event(_)));
                let reason = reason.to_owned();
                self.outputs.push(WebSocketOutput::Close { attempt, code, reason });
                (Some(attempt), self.attempts.config.connect_timeout)
            }
            phase => {
                self.outputs.retain(|output| matches!(output, WebSocketOutput::Abandon { .. }));
                if let Phase::Connecting(attempt) = phase {
                    self.outputs.push(WebSocketOutput::Abandon { attempt });
                }
                (None, Duration::ZERO)
            }
        };
        self.phase = Phase::Closing(attempt);
        self.outbox.clear();
        self.attempts.timers.clear();
        self.attempts.timers.set(TimerName::Close, now + wait);
        Ok(())
    }

    /// The app wants a new link in place of this one, at once.
    pub fn reconnect(&mut self, now: Time) {
        match self.phase {
            Phase::Open(attempt) | Phase::Connecting(attempt) => self.replace(now, attempt),
            Phase::Waiting => self.connect(now),
            Phase::Closing(_) | Phase::Closed => {}
        }
    }

    /// The attempt is open.
    pub fn handle_opened(&mut self, now: Time, attempt: AttemptId) {
        if self.phase != Phase::Connecting(attempt) {
            return;
        }
        self.phase = Phase::Open(attempt);
        self.attempts.opened(now);
        self.outbox_bytes = 0;
        let waiting = std::mem::take(&mut self.outbox);
        self.outputs.extend(waiting.into_iter().map(|message| WebSocketOutput::Send { attempt, message }));
        self.outputs.push(WebSocketOutput::Event(WebSocketEvent::Open));
        self.heard(now);
    }

    /// The attempt could not even begin, and when `fatal`, none ever will. The app is told of it later.
    pub fn handle_unable(&mut self, now: Time, attempt: AttemptId, fatal: bool) {
        if self.phase != Phase::Connecting(attempt) {
            return;
        }
        let mut due = TimerName::Connect;
        if fatal {
            self.phase = Phase::Closing(None);
            self.attempts.timers.clear();
            due = TimerName::Close;
        }
        self.attempts.timers.set(due, now);
    }

    /// A message came. Returns whether it is for the app.
    pub fn handle_message(&mut self, now: Time, attempt: AttemptId) -> bool {
        let current = self.phase == Phase::Open(attempt);
        if current {
            self.heard(now);
        }
        current
    }

    /// A link or an attempt has ended. `fatal` when no other attempt may follow.
    pub fn handle_closed(
        &mut self,
        now: Time,
        attempt: AttemptId,
        code: u16,
        reason: String,
        clean: bool,
        fatal: bool,
    ) {
        let (Phase::Open(current) | Phase::Connecting(current) | Phase::Closing(Some(current))) = self.phase
        else {
            return;
        };
        if current == attempt {
            let over = fatal || matches!(self.phase, Phase::Closing(_));
            let retry = if over { Retry::Never } else { self.attempts.failed(now, None) };
            self.ended(Close { code, reason, was_clean: clean, retry });
        }
    }

    /// There is no network. A link stays until it is known to be dead.
    pub fn handle_offline(&mut self) {
        self.attempts.go_offline();
    }

    /// There is a network, and it may be another one. A link that can't be probed is replaced.
    pub fn handle_online(&mut self, now: Time) {
        let was_gone = self.attempts.go_online();
        match self.phase {
            Phase::Connecting(attempt) if was_gone => self.replace(now, attempt),
            Phase::Open(attempt) if was_gone && !self.can_probe() => self.replace(now, attempt),
            _ => self.back(now),
        }
    }

    /// The page is there again, or the app wants to know: a link is probed, a wait is cut short.
    pub fn handle_wakeup(&mut self, now: Time) {
        self.attempts.wake_up();
        self.back(now);
    }

    /// The page is put aside: nothing may be open, and nothing is tried until [`handle_wakeup`](Self::handle_wakeup).
    pub fn handle_suspend(&mut self, now: Time) {
        self.attempts.suspend();
        if let Phase::Open(attempt) | Phase::Connecting(attempt) = self.phase {
            self.replace(now, attempt);
        }
    }

    /// Time has passed: acts on every deadline that is due.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.attempts.timers.next().is_some_and(|(at, _)| self.attempts.is_late(at, now)) {
            self.probe(now);
        }
        // The bound is for a configuration of zeroes.
        for _ in 0..TimerName::ALL.len() {
            let Some((at, name)) = self.attempts.timers.take_due(now) else { break };
            let late = self.attempts.is_late(at, now);
            match name {
                TimerName::Retry => self.connect(now),
                TimerName::Healthy => self.attempts.healthy(),
                TimerName::Heartbeat => self.break_silence(now),
                TimerName::Probe if late && !std::mem::replace(&mut self.graced, true) => {
                    self.attempts.timers.set(TimerName::Probe, now + self.attempts.config.probe_timeout);
                }
                TimerName::Close => {
                    if let Phase::Closing(Some(attempt)) = self.phase {
                        self.outputs.push(WebSocketOutput::Abandon { attempt });
                    }
                    self.ended(abnormal(Retry::Never));
                }
                // An attempt that hangs, or a link that is silent.
                _ => self.found_dead(now),
            }
        }
    }

    /// What to do next, oldest first.
    pub fn poll_output(&mut self) -> Option<WebSocketOutput<M>> {
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
            self.outputs.push(WebSocketOutput::Open { attempt });
        }
    }

    fn back(&mut self, now: Time) {
        if self.phase == Phase::Waiting {
            let attempt = self.attempts.come_back(now);
            self.open(attempt);
        } else {
            self.probe(now);
        }
    }

    /// Silence is counted from here.
    fn heard(&mut self, now: Time) {
        self.graced = false;
        if let Some(heartbeat) = &self.config.heartbeat {
            self.attempts.timers.stop(TimerName::Probe);
            self.attempts.timers.set(TimerName::Heartbeat, now + heartbeat.interval);
        }
    }

    fn can_probe(&self) -> bool {
        self.config.heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.message.is_some())
    }

    /// The link is in doubt: finds out soon, where there is something to find it out with.
    fn probe(&mut self, now: Time) {
        if matches!(self.phase, Phase::Open(_)) && self.can_probe() {
            let due = now + self.attempts.config.probe_timeout;
            // A probe that is under way may be over sooner, or be just as old as the sleep.
            let under_way = self.attempts.timers.get(TimerName::Probe);
            if under_way.is_none_or(|at| at > due) {
                self.break_silence(now);
                let due = self.attempts.timers.get(TimerName::Probe).map_or(due, |at| at.min(due));
                self.attempts.timers.set(TimerName::Probe, due);
            }
        }
    }

    fn break_silence(&mut self, now: Time) {
        if let (Phase::Open(attempt), Some(heartbeat)) = (self.phase, &self.config.heartbeat) {
            self.attempts.timers.stop(TimerName::Heartbeat);
            self.attempts.timers.set(TimerName::Probe, now + heartbeat.timeout);
            if let Some(message) = heartbeat.message.clone() {
                self.outputs.push(WebSocketOutput::Send { attempt, message });
            }
        }
    }

    fn found_dead(&mut self, now: Time) {
        if let Phase::Open(attempt) | Phase::Connecting(attempt) = self.phase {
            self.outputs.push(WebSocketOutput::Abandon { attempt });
            let retry = self.attempts.failed(now, None);
            self.ended(abnormal(retry));
        }
    }

    fn replace(&mut self, now: Time, attempt: AttemptId) {
        self.outputs.push(WebSocketOutput::Abandon { attempt });
        let retry = self.attempts.replaced(now);
        self.ended(abnormal(retry));
    }

    fn ended(&mut self, close: Close) {
        self.phase = if close.is_final() { Phase::Closed } else { Phase::Waiting };
        if close.is_final() {
            self.outbox.clear();
            self.attempts.timers.clear();
        }
        if !close.was_clean {
            self.outputs.push(WebSocketOutput::Event(WebSocketEvent::Error));
        }
        self.outputs.push(WebSocketOutput::Event(WebSocketEvent::Close(close)));
    }
}

fn abnormal(retry: Retry) -> Close {
    Close { code: ABNORMAL, reason: String::new(), was_clean: false, retry }
}
