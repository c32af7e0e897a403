//! What `ReconnectingWebSocket` decides, alone in its module: the state machine of `everwire_core::dropin`, and nothing of a
//! browser. The npm package's `everwire/websocket` stands on this; its host (`pkg/src/socket.ts`) has the platform's socket, the
//! timer and the page, and does what it is told. So the module has no closures, no strings and few imports, and is as small
//! as can be.
//!
//! Times are milliseconds. A number that is `undefined` in JavaScript is `NaN` by the time it is here, and means the default.

use std::{
    cell::{Cell, RefCell, RefMut},
    process::abort,
    time::Duration,
};

use everwire_core::{
    Alarm, Arm, AttemptId, Clock, HIDDEN_FAILURES, Time, TimerName,
    dropin::{
        Heartbeat, ReadyState, Retry, SendError, WebSocket, WebSocketConfig, WebSocketEvent, WebSocketOutput,
    },
};
use wasm_bindgen::prelude::*;

/// Two kilobytes of brotli smaller than Rust's own.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// What to call the message that breaks the silence; those of the app are numbered from 1.
const PING: u32 = 0;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn monotonic() -> f64;

    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn wall() -> f64;

    /// Who has the socket. It must not throw.
    pub type Host;

    /// What to do: 0 tell of an open; 1 of an error; 2 of a close with the code `detail`, that is tried again in `more`
    /// milliseconds (`Infinity`: when the network or the page is back, `NaN`: never); 3 connect; 4 send the message `detail`;
    /// 5 close the socket with the code `detail`, if it is not 0; 6 give the socket up; 7 start the timer with
    /// `detail` to go, in place of the one that runs; 8 stop it.
    #[wasm_bindgen(method)]
    fn act(this: &Host, what: u8, detail: f64, more: f64);

    /// Whether there is a page, and nobody sees it.
    #[wasm_bindgen(method)]
    fn hidden(this: &Host) -> bool;
}

/// The WebSocket without its socket. What is reported is of the socket that it wanted last.
#[wasm_bindgen]
pub struct SocketMachine {
    host: Host,
    parts: RefCell<Parts>,
    settling: Cell<bool>,
}

struct Parts {
    socket: WebSocket<u32>,
    /// What the host tries or has.
    attempt: Option<AttemptId>,
    clock: Clock,
    alarm: Alarm,
}

#[wasm_bindgen]
impl SocketMachine {
    /// One that does nothing before it is told to connect. After `silence` the host is to send its ping, where it has one (`pings`),
    /// and after `patience` more a link that stays silent is dead.
    #[wasm_bindgen(constructor)]
    #[expect(
        clippy::too_many_arguments,
        reason = "a number costs nothing to pass, the name of an option does"
    )]
    pub fn new(
        host: Host,
        seed: f64,
        max_retries: f64,
        connect_timeout: f64,
        backoff_base: f64,
        backoff_max: f64,
        pings: bool,
        silence: f64,
        patience: f64,
        messages: f64,
        bytes: f64,
    ) -> Self {
        let mut config = WebSocketConfig::default();
        // Infinity, which is no number of retries, means what `None` does.
        config.reconnect.max_retries =
            number(max_retries).filter(|_| max_retries.is_finite()).map(|most| most as u32);
        set(&mut config.reconnect.connect_timeout, connect_timeout);
        set(&mut config.reconnect.backoff.first, backoff_base);
        set(&mut config.reconnect.backoff.base, backoff_base);
        set(&mut config.reconnect.backoff.max, backoff_max);
        if let Some(silence) = number(silence) {
            let interval = Duration::from_millis(silence);
            let timeout = Duration::from_millis(number(patience).unwrap_or(silence));
            config.heartbeat = Some(Heartbeat { message: pings.then_some(PING), interval, timeout });
        }
        config.outbox_messages = number(messages).map_or(config.outbox_messages, |most| most as usize);
        config.outbox_bytes = number(bytes).map_or(config.outbox_bytes, |most| most as usize);
        let socket = WebSocket::new(config, seed as u64);
        let parts = Parts { socket, attempt: None, clock: Clock::NEW, alarm: Alarm::default() };
        Self { host, parts: RefCell::new(parts), settling: Cell::new(false) }
    }

    /// 0 connecting, 1 open, 2 closing, 3 closed.
    pub fn state(&self) -> u8 {
        match lend(&self.parts).socket.ready_state() {
            ReadyState::Connecting => 0,
            ReadyState::Open => 1,
            ReadyState::Closing => 2,
            ReadyState::Closed => 3,
        }
    }

    /// Bytes that wait for a link.
    pub fn buffered(&self) -> f64 {
        lend(&self.parts).socket.buffered() as f64
    }

    /// Starts, or gives up what there is and starts anew.
    pub fn reconnect(&self) {
        let mut parts = self.take();
        let now = parts.now();
        parts.socket.reconnect(now);
        self.done(parts);
    }

    /// The host sends this message when it is told to: 0. There is no room: 1. It is over: 2.
    pub fn send(&self, message: u32, bytes: f64) -> u8 {
        let mut parts = self.take();
        let sent = parts.socket.send(message, bytes as usize);
        self.done(parts);
        match sent {
            Ok(()) => 0,
            Err(SendError::Full) => 1,
            Err(SendError::Closed) => 2,
        }
    }

    /// Closes for good. The host has looked at the code, 0 for none, and keeps the reason.
    pub fn close(&self, code: u16) {
        let mut parts = self.take();
        let now = parts.now();
        // Fails only where the code is no app's.
        let _ = parts.socket.close(now, (code > 0).then_some(code), "");
        self.done(parts);
    }

    /// The socket is open.
    pub fn opened(&self) {
        let mut parts = self.take();
        if let (now, Some(attempt)) = (parts.now(), parts.attempt) {
            parts.socket.handle_opened(now, attempt);
        }
        self.done(parts);
    }

    /// There can be no socket, and never will be when `fatal`.
    pub fn unable(&self, fatal: bool) {
        let mut parts = self.take();
        if let (now, Some(attempt)) = (parts.now(), parts.attempt) {
            parts.socket.handle_unable(now, attempt, fatal);
        }
        self.done(parts);
    }

    /// A message came. Returns whether it is for the app.
    pub fn heard(&self) -> bool {
        let mut parts = self.take();
        let mut current = false;
        if let (now, Some(attempt)) = (parts.now(), parts.attempt) {
            current = parts.socket.handle_message(now, attempt);
        }
        self.done(parts);
        current
    }

    /// The socket has closed; the host keeps the reason for what it is told next.
    pub fn closed(&self, code: u16, clean: bool, fatal: bool) {
        let mut parts = self.take();
        if let (now, Some(attempt)) = (parts.now(), parts.attempt.take()) {
            parts.socket.handle_closed(now, attempt, code, String::new(), clean, fatal);
        }
        self.done(parts);
    }

    /// The network has gone (0) or is there (1); the page has slept or is seen (2), or is put aside (3).
    pub fn changed(&self, what: u8) {
        let mut parts = self.take();
        let now = parts.now();
        match what {
            0 => parts.socket.handle_offline(),
            1 => parts.socket.handle_online(now),
            2 => parts.socket.handle_wakeup(now),
            _ => parts.socket.handle_suspend(now),
        }
        self.done(parts);
    }

    /// The timer has fired.
    pub fn fired(&self) {
        let mut parts = self.take();
        let now = parts.now();
        parts.alarm.fired();
        parts.socket.handle_timeout(now);
        self.done(parts);
    }
}

impl SocketMachine {
    /// For an input, with the time that it is; then [`done`](Self::done).
    fn take(&self) -> RefMut<'_, Parts> {
        let mut parts = lend(&self.parts);
        parts.clock = parts.clock.read(monotonic(), wall());
        parts
    }

    /// Does all that follows from an input. What comes while the host acts waits its turn.
    fn done(&self, parts: RefMut<'_, Parts>) {
        drop(parts);
        if !self.settling.replace(true) {
            self.settle();
            self.settling.set(false);
        }
    }

    fn settle(&self) {
        loop {
            let output = lend(&self.parts).socket.poll_output();
            let (what, detail, more) = match output {
                None if self.gives_up_unseen() => continue,
                None => break,
                Some(WebSocketOutput::Event(WebSocketEvent::Open)) => (0, 0.0, 0.0),
                Some(WebSocketOutput::Event(WebSocketEvent::Error)) => (1, 0.0, 0.0),
                Some(WebSocketOutput::Event(WebSocketEvent::Close(close))) => {
                    let retry = match close.retry {
                        Retry::In(wait) => wait.as_secs() as f64 * 1e3 + f64::from(wait.subsec_millis()),
                        Retry::WhenBack => f64::INFINITY,
                        Retry::Never => f64::NAN,
                    };
                    (2, f64::from(close.code), retry)
                }
                Some(WebSocketOutput::Open { attempt }) => {
                    lend(&self.parts).attempt = Some(attempt);
                    (3, 0.0, 0.0)
                }
                Some(WebSocketOutput::Send { message, .. }) => (4, f64::from(message), 0.0),
                Some(WebSocketOutput::Close { code, .. }) => (5, f64::from(code.unwrap_or_default()), 0.0),
                Some(WebSocketOutput::Abandon { .. }) => (6, 0.0, 0.0),
            };
            self.host.act(what, detail, more);
        }
        let arm = {
            let mut parts = lend(&self.parts);
            let due = parts.socket.poll_timeout().map(|(due, _)| due);
            let clock = parts.clock;
            parts.alarm.arm(clock, due)
        };
        match arm {
            Arm::Keep => {}
            Arm::Start(delay) => self.host.act(7, f64::from(delay), 0.0),
            Arm::Stop => self.host.act(8, 0.0, 0.0),
        }
    }

    /// Stops trying for a page that nobody sees, and returns whether it did.
    fn gives_up_unseen(&self) -> bool {
        let mut parts = lend(&self.parts);
        let waits = matches!(parts.socket.poll_timeout(), Some((_, TimerName::Retry)));
        let gives_up = waits && parts.socket.failures() >= HIDDEN_FAILURES && self.host.hidden();
        if gives_up {
            let now = parts.now();
            parts.socket.handle_suspend(now);
        }
        gives_up
    }
}

impl Parts {
    fn now(&self) -> Time {
        Time::from_millis(self.clock.now())
    }
}

/// Nothing is lent while the host acts, and so never twice. A panic that could say so would bring the code of all formatting along.
fn lend<T>(cell: &RefCell<T>) -> RefMut<'_, T> {
    cell.try_borrow_mut().unwrap_or_else(|_| abort())
}

fn number(value: f64) -> Option<u64> {
    (value >= 0.0).then_some(value as u64)
}

fn set(time: &mut Duration, milliseconds: f64) {
    if let Some(given) = number(milliseconds) {
        *time = Duration::from_millis(given);
    }
}
