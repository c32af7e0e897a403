//! A WebSocket, its clock and its alarm: what it is told, and what it wants done, by numbers. It knows nothing of who does it.

use std::time::Duration;

use everwire_core::{
    Alarm, Arm, AttemptId, Clock, HIDDEN_FAILURES, Time, TimerName,
    dropin::{
        Heartbeat, ReadyState, Retry, SendError, WebSocket, WebSocketConfig, WebSocketEvent, WebSocketOutput,
    },
};

/// What [`Machine::look`] says of what is closed.
pub(crate) const CLOSED: u8 = 3;

/// What a message is answered with when it is over.
pub(crate) const OVER: u8 = 2;

/// What to call the message that breaks the silence; those of the app are numbered from 1.
const PING: u32 = 0;

/// A WebSocket without its socket. What is reported is of the socket that it wanted last.
pub(crate) struct Machine {
    socket: WebSocket<u32>,
    /// What the host tries or has.
    attempt: Option<AttemptId>,
    clock: Clock,
    alarm: Alarm,
}

/// What a machine is made of; see [`create`](crate::create).
pub(crate) struct Options {
    pub seed: f64,
    pub max_retries: f64,
    pub times: [f64; 5],
    pub pings: bool,
    pub messages: f64,
    pub bytes: f64,
}

/// An input. What an input has no use for is anything.
pub(crate) struct Input {
    pub what: u8,
    pub a: u32,
    pub b: f64,
    pub flag: bool,
}

/// What goes with what is to be done.
pub(crate) struct Output {
    pub detail: f64,
    pub more: f64,
}

impl Machine {
    pub(crate) fn new(options: Options) -> Self {
        let Options { seed, max_retries, times, pings, messages, bytes } = options;
        let [connect_timeout, backoff_base, backoff_max, silence, patience] = times;
        let mut config = WebSocketConfig::default();
        // Infinity is as good as any number that is never reached.
        config.reconnect.max_retries = (max_retries >= 0.0).then_some(max_retries as u32);
        set(&mut config.reconnect.connect_timeout, connect_timeout);
        set(&mut config.reconnect.backoff.first, backoff_base);
        set(&mut config.reconnect.backoff.base, backoff_base);
        set(&mut config.reconnect.backoff.max, backoff_max);
        if let Some(interval) = milliseconds(silence) {
            let timeout = milliseconds(patience).unwrap_or(interval);
            config.heartbeat = Some(Heartbeat { message: pings.then_some(PING), interval, timeout });
        }
        if messages >= 0.0 {
            config.outbox_messages = messages as usize;
        }
        if bytes >= 0.0 {
            config.outbox_bytes = bytes as usize;
        }
        Self {
            socket: WebSocket::new(config, seed as u64),
            attempt: None,
            clock: Clock::NEW,
            alarm: Alarm::default(),
        }
    }

    pub(crate) fn read_clock(&mut self, monotonic: f64, wall: f64) {
        self.clock = self.clock.read(monotonic, wall);
    }

    fn now(&self) -> Time {
        Time::from_millis(self.clock.now())
    }

    /// Does what an input says: 0 the network has gone, 1 it is there, 2 the page has slept or is seen, 3 it is put aside; 4 the timer
    /// has fired; 5 start, or give up what there is and start anew; 6 the host sends the message `a` of `b` bytes when it is told to: 0, there is no room: 1,
    /// it is over: 2; 7 close for good, with the code `a`, 0 for none: the host has looked at it, and keeps the reason. Of the socket: 8 it is open; 9 there can
    /// be none, and never will be (`flag`); 10 a message came, 1 when it is for the app; 11 it has closed with the code `a`, cleanly (`flag`), and no other may
    /// follow (`b` over 0), while the host keeps the reason for what it is told next.
    pub(crate) fn handle(&mut self, input: Input) -> u8 {
        let Input { what, a, b, flag } = input;
        let now = self.now();
        let socket = &mut self.socket;
        match what {
            0 => socket.handle_offline(),
            1 => socket.handle_online(now),
            2 => socket.handle_wakeup(now),
            3 => socket.handle_suspend(now),
            4 => {
                self.alarm.fired();
                socket.handle_timeout(now);
            }
            5 => socket.reconnect(now),
            6 => {
                return match socket.send(a, b as usize) {
                    Ok(()) => 0,
                    Err(SendError::Full) => 1,
                    Err(SendError::Closed) => OVER,
                };
            }
            7 => {
                let code = a as u16;
                // Fails only where the code is no app's.
                let _ = socket.close(now, (code > 0).then_some(code), "");
            }
            _ => {
                let Some(attempt) = self.attempt else { return 0 };
                match what {
                    8 => socket.handle_opened(now, attempt),
                    9 => socket.handle_unable(now, attempt, flag),
                    10 => return socket.handle_message(now, attempt).into(),
                    _ => {
                        self.attempt = None;
                        socket.handle_closed(now, attempt, a as u16, String::new(), flag, b > 0.0);
                    }
                }
            }
        }
        0
    }

    /// What to do next: 0 nothing; 1 tell of an open; 2 tell of an error; 3 tell of a close with the code `detail`, that is tried again in `more`
    /// milliseconds (`Infinity`: when the network or the page is back, `NaN`: never); 4 connect; 5 send the message `detail`; 6 close the socket with the
    /// code `detail`, if it is not 0; 7 give the socket up; 8 start the timer with `detail` to go, in place of the one that runs; 9 stop it.
    pub(crate) fn next(&mut self, hidden: bool, out: &mut Output) -> u8 {
        loop {
            if let Some(output) = self.socket.poll_output() {
                return self.act(output, out);
            }
            if !self.gives_up_unseen(hidden) {
                return self.arm(out);
            }
            let now = self.now();
            self.socket.handle_suspend(now);
        }
    }

    fn act(&mut self, output: WebSocketOutput<u32>, out: &mut Output) -> u8 {
        match output {
            WebSocketOutput::Event(WebSocketEvent::Open) => 1,
            WebSocketOutput::Event(WebSocketEvent::Error) => 2,
            WebSocketOutput::Event(WebSocketEvent::Close(close)) => {
                out.detail = close.code.into();
                out.more = match close.retry {
                    Retry::In(wait) => wait.as_secs() as f64 * 1e3 + f64::from(wait.subsec_millis()),
                    Retry::WhenBack => f64::INFINITY,
                    Retry::Never => f64::NAN,
                };
                3
            }
            WebSocketOutput::Open { attempt } => {
                self.attempt = Some(attempt);
                4
            }
            WebSocketOutput::Send { message, .. } => {
                out.detail = message.into();
                5
            }
            WebSocketOutput::Close { code, .. } => {
                out.detail = code.unwrap_or_default().into();
                6
            }
            WebSocketOutput::Abandon { .. } => 7,
        }
    }

    fn arm(&mut self, out: &mut Output) -> u8 {
        let due = self.socket.poll_timeout().map(|(due, _)| due);
        match self.alarm.arm(self.clock, due) {
            Arm::Keep => 0,
            Arm::Start(delay) => {
                out.detail = delay.into();
                8
            }
            Arm::Stop => 9,
        }
    }

    /// Whether to stop trying, for a page that nobody sees.
    fn gives_up_unseen(&self, hidden: bool) -> bool {
        let waits = matches!(self.socket.poll_timeout(), Some((_, TimerName::Retry)));
        waits && hidden && self.socket.failures() >= HIDDEN_FAILURES
    }

    pub(crate) fn look(&self, out: &mut Output) -> u8 {
        out.detail = self.socket.buffered() as f64;
        match self.socket.ready_state() {
            ReadyState::Connecting => 0,
            ReadyState::Open => 1,
            ReadyState::Closing => 2,
            ReadyState::Closed => CLOSED,
        }
    }
}

impl Output {
    pub(crate) const NONE: Self = Self { detail: 0.0, more: 0.0 };
}

/// Not in line, as there are many.
#[inline(never)]
fn milliseconds(number: f64) -> Option<Duration> {
    (number >= 0.0).then(|| Duration::from_millis(number as u64))
}

fn set(time: &mut Duration, number: f64) {
    if let Some(given) = milliseconds(number) {
        *time = given;
    }
}
