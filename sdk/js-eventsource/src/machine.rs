//! An event source, its clock and its alarm: what it is told, and what it wants done, by numbers. It knows nothing of who does it.

use std::{mem::take, time::Duration};

use everwire_core::{
    Alarm, Arm, AttemptId, Clock, HIDDEN_FAILURES, Time, TimerName,
    dropin::{
        EventSource, EventSourceConfig, EventSourceEvent, EventSourceOutput, FailureKind, ReadyState,
        Refusal, Retry,
    },
};

/// What [`Machine::look`] says of what is closed.
pub(crate) const CLOSED: u8 = 2;

/// An event source without its requests.
pub(crate) struct Machine {
    source: EventSource,
    clock: Clock,
    alarm: Alarm,
    /// A piece of the stream, how much of it has been read, and whose it is.
    chunk: Vec<u8>,
    read: usize,
    of: AttemptId,
}

/// An input. What an input has no use for is anything.
pub(crate) struct Input<'a> {
    pub what: u8,
    pub request: u32,
    pub number: f64,
    pub flag: bool,
    pub bytes: &'a mut Vec<u8>,
}

/// What goes with what is to be done.
pub(crate) struct Output {
    pub detail: f64,
    pub more: f64,
    text: Vec<u8>,
}

impl Machine {
    pub(crate) fn new(seed: f64, max_retries: f64, times: [f64; 4], id: &[u8]) -> Self {
        let [connect_timeout, backoff_base, backoff_max, heartbeat_timeout] = times;
        let mut config = EventSourceConfig::default();
        // Infinity is as good as any number that is never reached.
        config.reconnect.max_retries = (max_retries >= 0.0).then_some(max_retries as u32);
        set(&mut config.reconnect.connect_timeout, connect_timeout);
        set(&mut config.reconnect.backoff.first, backoff_base);
        set(&mut config.reconnect.backoff.base, backoff_base);
        set(&mut config.reconnect.backoff.max, backoff_max);
        config.heartbeat_timeout = milliseconds(heartbeat_timeout);
        Self {
            source: EventSource::new(config, id, seed as u64),
            clock: Clock::NEW,
            alarm: Alarm::default(),
            chunk: Vec::new(),
            read: 0,
            of: AttemptId::new(0),
        }
    }

    pub(crate) fn read_clock(&mut self, monotonic: f64, wall: f64) {
        self.clock = self.clock.read(monotonic, wall);
    }

    fn now(&self) -> Time {
        Time::from_millis(self.clock.now())
    }

    /// Does what an input says: 0 the network has gone, 1 it is there, 2 the page has slept or is seen, 3 it is put aside; 4 the timer
    /// has fired; 5 start, or give up what there is and start anew, from where it is; 6 the app takes nothing for now (`flag`) and the host reads nothing, or
    /// both go on. Of a request: 7 the head of its answer is there, its status the number, its content's type the bytes: true when its body is a stream, to be
    /// brought as 8, while of what is none the host reads the beginning; 8 a piece of the stream; 9 the answer is no stream, the
    /// number is what the server asks for as a wait, and the app wants to try again (`flag`); 10 it has ended, or there was no answer; 11 it can't be made,
    /// and never can (`flag`).
    pub(crate) fn handle(&mut self, input: Input<'_>) -> bool {
        let Input { what, request, number, flag, bytes } = input;
        let (now, attempt) = (self.now(), AttemptId::new(request));
        let source = &mut self.source;
        match what {
            0 => source.handle_offline(),
            1 => source.handle_online(now),
            2 => source.handle_wakeup(now),
            3 => source.handle_suspend(now),
            4 => {
                self.alarm.fired();
                source.handle_timeout(now);
            }
            5 => source.reconnect(now),
            6 if flag => source.handle_pause(),
            6 => source.handle_resume(now),
            7 => {
                // Only what is ASCII in it counts. Letter by letter is smaller than to look whether all is UTF-8.
                let mut content_type = String::new();
                for byte in bytes.iter() {
                    content_type.push(if byte.is_ascii() { char::from(*byte) } else { '?' });
                }
                return source.handle_head(now, attempt, number as u16, Some(&content_type));
            }
            8 => (self.chunk, self.read, self.of) = (take(bytes), 0, attempt),
            9 => {
                let refusal = Refusal { retry_after: milliseconds(number), ..Refusal::default() };
                source.handle_refused(now, attempt, refusal, flag);
            }
            10 => source.handle_closed(now, attempt),
            _ => source.handle_unable(now, attempt, flag),
        }
        false
    }

    /// What to do next: 0 nothing; 1 tell of an open; 2 tell of an error of the kind `detail`, after which it is tried again in `more` milliseconds
    /// (`Infinity`: when the network or the page is back, `NaN`: never); 3 make the request `detail`; 4 abort it; 5 start the timer with `detail` to
    /// go, in place of the one that runs; 6 stop it; 7 tell of an event: the text is its type, the id of the last one that had one, its data, with line
    /// feeds between. Kinds: 0 the network, 1 no answer in time, 2 silence, 3 a refusal, 4 an event that is too long, 5 a request that can't be made, 6
    /// another stream takes its place.
    ///
    /// Each event goes out before the next one is read: the app may close, or want another stream, in between.
    pub(crate) fn next(&mut self, hidden: bool, out: &mut Output) -> u8 {
        loop {
            if let Some(output) = self.source.poll_output() {
                return act(output, out);
            }
            let now = self.now();
            if self.gives_up_unseen(hidden) {
                self.source.handle_suspend(now);
                continue;
            }
            let mut rest = self.chunk.get(self.read..).unwrap_or_default();
            if rest.is_empty() {
                self.chunk = Vec::new();
                return self.arm(out);
            }
            let event = self.source.handle_chunk(now, self.of, &mut rest);
            self.read = self.chunk.len() - rest.len();
            if let Some(event) = event {
                out.put(&[event.name, b"\n", event.id, b"\n", event.data]);
                return 7;
            }
        }
    }

    fn arm(&mut self, out: &mut Output) -> u8 {
        let due = self.source.poll_timeout().map(|(due, _)| due);
        match self.alarm.arm(self.clock, due) {
            Arm::Keep => 0,
            Arm::Start(delay) => {
                out.detail = delay.into();
                5
            }
            Arm::Stop => 6,
        }
    }

    /// Whether to stop trying, for a page that nobody sees.
    fn gives_up_unseen(&self, hidden: bool) -> bool {
        let waits = matches!(self.source.poll_timeout(), Some((_, TimerName::Retry)));
        waits && hidden && self.source.failures() >= HIDDEN_FAILURES
    }

    pub(crate) fn look(&self, out: &mut Output) -> u8 {
        out.put(&[self.source.last_event_id()]);
        match self.source.ready_state() {
            ReadyState::Connecting => 0,
            ReadyState::Open => 1,
            ReadyState::Closing | ReadyState::Closed => CLOSED,
        }
    }
}

fn act(output: EventSourceOutput, out: &mut Output) -> u8 {
    match output {
        EventSourceOutput::Event(EventSourceEvent::Open) => 1,
        EventSourceOutput::Event(EventSourceEvent::Error(failure)) => {
            let kind: u8 = match failure.kind {
                FailureKind::Network => 0,
                FailureKind::ConnectTimeout => 1,
                FailureKind::Silent => 2,
                FailureKind::Refused(_) => 3,
                FailureKind::TooLong => 4,
                FailureKind::Request => 5,
                FailureKind::Replaced => 6,
            };
            out.detail = kind.into();
            out.more = match failure.retry {
                Retry::In(wait) => wait.as_secs() as f64 * 1e3 + f64::from(wait.subsec_millis()),
                Retry::WhenBack => f64::INFINITY,
                Retry::Never => f64::NAN,
            };
            2
        }
        EventSourceOutput::Open { attempt } => {
            out.detail = attempt.as_u32().into();
            3
        }
        EventSourceOutput::Close { attempt } => {
            out.detail = attempt.as_u32().into();
            4
        }
    }
}

impl Output {
    pub(crate) const NONE: Self = Self { detail: 0.0, more: 0.0, text: Vec::new() };

    #[cfg(test)]
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Writes a text of these parts.
    fn put(&mut self, parts: &[&[u8]]) {
        self.text.clear();
        parts.iter().for_each(|part| self.text.extend_from_slice(part));
        self.detail = self.text.as_ptr() as usize as f64;
        self.more = self.text.len() as f64;
    }
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
