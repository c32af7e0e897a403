//! What `ResumableEventSource` decides, alone in its module: the state machine of `everwire_core::dropin` with its parser, and
//! nothing of a browser. The npm package's `everwire/eventsource` stands on this; its host (`pkg/src/stream.ts`) makes the requests
//! and has the timer and the page, and does what it is told. So the module has no closures and few imports, and is as
//! small as can be.
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
        EventSource, EventSourceConfig, EventSourceEvent, EventSourceOutput, FailureKind, ReadyState,
        Refusal, Retry,
    },
};
use wasm_bindgen::prelude::*;

/// Two kilobytes of brotli smaller than Rust's own.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn monotonic() -> f64;

    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn wall() -> f64;

    /// Who makes the requests. It must not throw.
    pub type Host;

    /// What to do: 0 tell of an open; 1 of an error of the kind `detail`, after which it is tried again in `more` milliseconds
    /// (`Infinity`: when the network or the page is back, `NaN`: never); 2 make the request `detail`; 3 abort it; 4 start
    /// the timer with `detail` to go, in place of the one that runs; 5 stop it. Kinds: 0 the network, 1 no answer in time,
    /// 2 silence, 3 a refusal, 4 an event that is too long, 5 a request that can't be made, 6 another stream takes its place.
    #[wasm_bindgen(method)]
    fn act(this: &Host, what: u8, detail: f64, more: f64);

    /// An event of the stream: its type, its data, the id of the last one that had one.
    #[wasm_bindgen(method)]
    fn message(this: &Host, name: &JsValue, data: &JsValue, id: &JsValue);

    /// A string of what should be UTF-8.
    #[wasm_bindgen(method)]
    fn text(this: &Host, bytes: &[u8]) -> JsValue;

    /// Whether there is a page, and nobody sees it.
    #[wasm_bindgen(method)]
    fn hidden(this: &Host) -> bool;
}

/// The event source without its requests.
#[wasm_bindgen]
pub struct SourceMachine {
    host: Host,
    parts: RefCell<Parts>,
    settling: Cell<bool>,
}

struct Parts {
    source: EventSource,
    /// The stream, and the one that is asked for beside it.
    open: Vec<AttemptId>,
    clock: Clock,
    alarm: Alarm,
}

#[wasm_bindgen]
impl SourceMachine {
    /// One that does nothing before it is told to connect. `id` is where to go on from, in UTF-8.
    #[wasm_bindgen(constructor)]
    #[expect(
        clippy::too_many_arguments,
        reason = "a number costs nothing to pass, the name of an option does"
    )]
    pub fn new(
        host: Host,
        seed: f64,
        id: &[u8],
        max_retries: f64,
        connect_timeout: f64,
        backoff_base: f64,
        backoff_max: f64,
        heartbeat_timeout: f64,
    ) -> Self {
        let mut config = EventSourceConfig::default();
        // Infinity, which is no number of retries, means what `None` does.
        config.reconnect.max_retries =
            number(max_retries).filter(|_| max_retries.is_finite()).map(|most| most as u32);
        set(&mut config.reconnect.connect_timeout, connect_timeout);
        set(&mut config.reconnect.backoff.first, backoff_base);
        set(&mut config.reconnect.backoff.base, backoff_base);
        set(&mut config.reconnect.backoff.max, backoff_max);
        config.heartbeat_timeout = number(heartbeat_timeout).map(Duration::from_millis);
        let source = EventSource::new(config, id, seed as u64);
        let parts = Parts { source, open: Vec::new(), clock: Clock::NEW, alarm: Alarm::default() };
        Self { host, parts: RefCell::new(parts), settling: Cell::new(false) }
    }

    /// 0 connecting, 1 open, 2 closed.
    pub fn state(&self) -> u8 {
        match lend(&self.parts).source.ready_state() {
            ReadyState::Connecting => 0,
            ReadyState::Open => 1,
            ReadyState::Closing | ReadyState::Closed => 2,
        }
    }

    /// The id of the last event that had one, a string.
    pub fn id(&self) -> JsValue {
        self.host.text(lend(&self.parts).source.last_event_id())
    }

    /// Starts, or gives up what there is and starts anew, from where it is.
    pub fn reconnect(&self) {
        let mut parts = self.take();
        let now = parts.now();
        parts.source.reconnect(now);
        self.done(parts);
    }

    /// Closes for good. Nothing is told of it.
    pub fn close(&self) {
        let mut parts = self.take();
        parts.source.close();
        self.done(parts);
    }

    /// The head of a request's answer is there, with its content's type in UTF-8. Returns whether its body is a stream, to be handed in
    /// by `chunk`; of what is none, the host reads the beginning and tells it as `refused`.
    pub fn head(&self, request: u32, status: u16, content_type: &[u8]) -> bool {
        let mut parts = self.take();
        let mut streams = false;
        if let Some((now, attempt)) = parts.asked(request) {
            let content_type = String::from_utf8_lossy(content_type);
            streams = parts.source.handle_head(now, attempt, status, Some(&content_type));
        }
        self.done(parts);
        streams
    }

    /// The answer is no stream. `wait` is what the server asks for; `retriable` when the app wants to try again.
    pub fn refused(&self, request: u32, wait: f64, retriable: bool) {
        let mut parts = self.take();
        if let Some((now, attempt)) = parts.asked(request) {
            let retry_after = number(wait).map(Duration::from_millis);
            let refusal = Refusal { retry_after, ..Refusal::default() };
            parts.source.handle_refused(now, attempt, refusal, retriable);
        }
        self.done(parts);
    }

    /// A piece of the stream. Each event goes out before the next one is read: the app may close in between.
    pub fn chunk(&self, request: u32, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let mut parts = self.take();
            let mut message = None;
            if let Some((now, attempt)) = parts.asked(request) {
                let event = parts.source.handle_chunk(now, attempt, &mut rest);
                message =
                    event.map(|event| [event.name, event.data, event.id].map(|bytes| self.host.text(bytes)));
            }
            self.done(parts);
            let Some([name, data, id]) = message else { break };
            self.host.message(&name, &data, &id);
        }
    }

    /// The stream has ended, or there was no answer.
    pub fn ended(&self, request: u32) {
        let mut parts = self.take();
        if let Some((now, attempt)) = parts.asked(request) {
            parts.source.handle_closed(now, attempt);
        }
        self.done(parts);
    }

    /// The request can't be made, and never can when `fatal`.
    pub fn unable(&self, request: u32, fatal: bool) {
        let mut parts = self.take();
        if let Some((now, attempt)) = parts.asked(request) {
            parts.source.handle_unable(now, attempt, fatal);
        }
        self.done(parts);
    }

    /// The app takes nothing for now, and the host reads nothing; or both go on.
    pub fn pause(&self, paused: bool) {
        let mut parts = self.take();
        let now = parts.now();
        if paused {
            parts.source.handle_pause();
        } else {
            parts.source.handle_resume(now);
        }
        self.done(parts);
    }

    /// The network has gone (0) or is there (1); the page has slept or is seen (2), or is put aside (3).
    pub fn changed(&self, what: u8) {
        let mut parts = self.take();
        let now = parts.now();
        match what {
            0 => parts.source.handle_offline(),
            1 => parts.source.handle_online(now),
            2 => parts.source.handle_wakeup(now),
            _ => parts.source.handle_suspend(now),
        }
        self.done(parts);
    }

    /// The timer has fired.
    pub fn fired(&self) {
        let mut parts = self.take();
        let now = parts.now();
        parts.alarm.fired();
        parts.source.handle_timeout(now);
        self.done(parts);
    }
}

impl SourceMachine {
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
            let output = lend(&self.parts).source.poll_output();
            let (what, detail, more) = match output {
                None if self.gives_up_unseen() => continue,
                None => break,
                Some(EventSourceOutput::Event(EventSourceEvent::Open)) => (0, 0.0, 0.0),
                Some(EventSourceOutput::Event(EventSourceEvent::Error(failure))) => {
                    let kind = match failure.kind {
                        FailureKind::Network => 0,
                        FailureKind::ConnectTimeout => 1,
                        FailureKind::Silent => 2,
                        FailureKind::Refused(_) => 3,
                        FailureKind::TooLong => 4,
                        FailureKind::Request => 5,
                        FailureKind::Replaced => 6,
                    };
                    let retry = match failure.retry {
                        Retry::In(wait) => wait.as_secs() as f64 * 1e3 + f64::from(wait.subsec_millis()),
                        Retry::WhenBack => f64::INFINITY,
                        Retry::Never => f64::NAN,
                    };
                    (1, f64::from(kind), retry)
                }
                Some(EventSourceOutput::Open { attempt }) => {
                    lend(&self.parts).open.push(attempt);
                    (2, attempt.as_u32() as f64, 0.0)
                }
                Some(EventSourceOutput::Close { attempt }) => {
                    lend(&self.parts).open.retain(|current| *current != attempt);
                    (3, attempt.as_u32() as f64, 0.0)
                }
            };
            self.host.act(what, detail, more);
        }
        let arm = {
            let mut parts = lend(&self.parts);
            let due = parts.source.poll_timeout().map(|(due, _)| due);
            let clock = parts.clock;
            parts.alarm.arm(clock, due)
        };
        match arm {
            Arm::Keep => {}
            Arm::Start(delay) => self.host.act(4, f64::from(delay), 0.0),
            Arm::Stop => self.host.act(5, 0.0, 0.0),
        }
    }

    /// Stops trying for a page that nobody sees, and returns whether it did.
    fn gives_up_unseen(&self) -> bool {
        let mut parts = lend(&self.parts);
        let waits = matches!(parts.source.poll_timeout(), Some((_, TimerName::Retry)));
        let gives_up = waits && parts.source.failures() >= HIDDEN_FAILURES && self.host.hidden();
        if gives_up {
            let now = parts.now();
            parts.source.handle_suspend(now);
        }
        gives_up
    }
}

impl Parts {
    /// A request that has not been aborted, and the time.
    fn asked(&self, request: u32) -> Option<(Time, AttemptId)> {
        let attempt = self.open.iter().find(|attempt| attempt.as_u32() == request)?;
        Some((self.now(), *attempt))
    }

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
