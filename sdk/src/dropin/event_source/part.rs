//! The state machine with the browser's requests.

use std::{
    cell::Cell,
    rc::{Rc, Weak},
    time::Duration,
};

use everwire_core::{
    AttemptId, Time, TimerName,
    dropin::{EventSource, EventSourceEvent, EventSourceOutput, ReadyState, Refusal},
};
use wasm_bindgen::JsValue;
use web_sys::Response;

use super::{Credentials, StreamEvent, StreamMessage, StreamRequest};
use crate::{
    dropin::{
        host::{self, Host, Step},
        url,
    },
    environment::Change,
    transport::body::{Fetch, Got},
};

/// Takes the request that the app makes of the one that it was asked about; `None` when it can make none now.
pub(super) type Answer = Box<dyn FnOnce(Option<StreamRequest>)>;

/// Asks the app for the request.
pub(super) type Prepare = Rc<dyn Fn(StreamRequest, Answer)>;

/// Whether the app wants to try again after a refusal.
pub(super) type IsRetriable = Rc<dyn Fn(&Refusal) -> bool>;

/// So much of a refusal's body is told.
const EXCERPT: usize = 1024;

pub(super) struct Part {
    pub machine: EventSource,
    pub request: StreamRequest,
    pub credentials: Credentials,
    pub prepare: Option<Prepare>,
    pub is_retriable: Option<IsRetriable>,
    pub url: String,
    pub origin: String,
    /// That of the last message.
    pub last_event_id: Rc<str>,
    /// The stream, and the one that is asked for beside it: attempts, with their requests once they are made.
    pub open: Vec<(AttemptId, Option<Fetch>)>,
    /// The app wants nothing to be read for now.
    pub paused: bool,
    /// So much waits for the app that nothing is read for now.
    pub full: bool,
}

impl Part {
    /// As text: what is no UTF-8 in it is replaced, as the standard has it.
    pub fn last_event_id(&self) -> String {
        String::from_utf8_lossy(self.machine.last_event_id()).into_owned()
    }

    pub fn pause(&mut self) {
        self.paused = true;
        self.machine.handle_pause();
    }

    pub fn resume(&mut self, now: Time) {
        if std::mem::take(&mut self.paused) && !self.full {
            self.read_on(now);
        }
    }

    pub fn filled(&mut self) {
        self.full = true;
        self.machine.handle_pause();
    }

    pub fn drained(&mut self, now: Time) {
        if std::mem::take(&mut self.full) && !self.paused {
            self.read_on(now);
        }
    }

    fn read_on(&mut self, now: Time) {
        self.machine.handle_resume(now);
        self.open.iter().filter_map(|(_, fetch)| fetch.as_ref()).for_each(Fetch::read);
    }

    fn reads(&self) -> bool {
        !self.paused && !self.full
    }

    fn connect(&mut self, attempt: AttemptId, request: Option<StreamRequest>, me: &Weak<Host<Self>>) {
        let Some((_, place)) = self.open.iter_mut().find(|(current, _)| *current == attempt) else { return };
        // What can't be made once never can; a hook may know better the next time. Either is told later.
        let request = request.ok_or(JsValue::UNDEFINED).and_then(|request| {
            let url = url::resolve(&request.url).ok_or(JsValue::UNDEFINED)?;
            Ok((url, request.init(self.credentials)?))
        });
        let reading = Reading {
            host: me.clone(),
            attempt,
            unable: request.is_err().then_some(self.prepare.is_none()),
            refusal: Cell::default(),
            excerpt: Cell::default(),
            is_retriable: self.is_retriable.clone(),
        };
        let init = request.map(|(url, init)| {
            self.url = url;
            init
        });
        *place = Some(Fetch::start(&self.url, init, move |got| reading.take(got)));
    }
}

/// Reads one answer.
struct Reading {
    host: Weak<Host<Part>>,
    attempt: AttemptId,
    /// The request can't be made, and whether it never can.
    unable: Option<bool>,
    /// What the answer is, when it is no stream.
    refusal: Cell<Option<Refusal>>,
    excerpt: Cell<Vec<u8>>,
    is_retriable: Option<IsRetriable>,
}

impl Reading {
    /// Returns whether to read on.
    fn take(&self, got: Got<'_>) -> bool {
        let Some(host) = self.host.upgrade() else { return false };
        match got {
            Got::Head(response) => return self.take_head(&host, response),
            Got::Chunk(chunk) => return self.take_chunk(&host, &chunk),
            Got::End | Got::Failed => self.end(&host),
        }
        false
    }

    fn take_head(&self, host: &Host<Part>, response: &Response) -> bool {
        let (attempt, status) = (self.attempt, response.status());
        let header = |name| response.headers().get(name).ok().flatten();
        let content_type = header("content-type");
        let streams = host.input(|part, now| {
            let streams = part.machine.handle_head(now, attempt, status, content_type.as_deref());
            if streams {
                part.origin = url::origin(&response.url()).to_owned();
            }
            streams
        });
        if !streams {
            let retry_after = header("retry-after").and_then(|text| read_retry_after(&text));
            self.refusal.set(Some(Refusal { status, content_type, retry_after, body: String::new() }));
            if status == 200 {
                // What is wrong is known, and the body may have no end.
                self.end(host);
                return false;
            }
        }
        // A stream that comes while nothing is read is not read either: else each one would bring a piece more.
        !streams || host.look(|part| part.reads())
    }

    fn take_chunk(&self, host: &Host<Part>, mut chunk: &[u8]) -> bool {
        if let Some(refusal) = self.refusal.take() {
            let mut excerpt = self.excerpt.take();
            let left = EXCERPT.saturating_sub(excerpt.len());
            excerpt.extend(chunk.iter().take(left));
            self.excerpt.set(excerpt);
            let more = chunk.len() < left;
            self.refusal.set(Some(refusal));
            if !more {
                self.end(host);
            }
            return more;
        }
        // Each event goes out before the next one is read: the app may close in between.
        while let Some(message) = host.input(|part, now| {
            let event = part.machine.handle_chunk(now, self.attempt, &mut chunk)?;
            let id = event.id();
            if *part.last_event_id != *id {
                part.last_event_id = (*id).into();
            }
            Some(StreamMessage {
                event: event.name().into_owned(),
                data: event.data().into_owned(),
                last_event_id: part.last_event_id.clone(),
            })
        }) {
            host.tell(StreamEvent::Message(message));
        }
        host.look(|part| part.reads())
    }

    fn end(&self, host: &Host<Part>) {
        let (attempt, unable) = (self.attempt, self.unable);
        let Some(mut refusal) = self.refusal.take() else {
            host.input(|part, now| match unable {
                Some(fatal) => part.machine.handle_unable(now, attempt, fatal),
                None => part.machine.handle_closed(now, attempt),
            });
            return;
        };
        refusal.body = String::from_utf8_lossy(&self.excerpt.take()).into_owned();
        let retriable = self.is_retriable.as_ref().is_some_and(|is_retriable| is_retriable(&refusal));
        host.input(|part, now| part.machine.handle_refused(now, attempt, refusal, retriable));
    }
}

/// Seconds, or a date.
fn read_retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let left = js_sys::Date::parse(text) - js_sys::Date::now();
    // What is no date is no number, and what is past is no wait.
    (left > 0.0).then(|| Duration::from_millis(left as u64))
}

impl host::Part for Part {
    type Event = StreamEvent;

    fn step(&mut self, _: Time, me: &Weak<Host<Self>>) -> Step<Self::Event> {
        match self.machine.poll_output() {
            None => return Step::Idle,
            Some(EventSourceOutput::Event(EventSourceEvent::Open)) => return Step::Tell(StreamEvent::Open),
            Some(EventSourceOutput::Event(EventSourceEvent::Error(failure))) => {
                return Step::Tell(StreamEvent::Error(failure));
            }
            Some(EventSourceOutput::Open { attempt }) => {
                self.open.push((attempt, None));
                let last_event_id = self.last_event_id();
                let request = StreamRequest { last_event_id, ..self.request.clone() };
                if let Some(prepare) = self.prepare.clone() {
                    let me = me.clone();
                    let answer: Answer = Box::new(move |request| {
                        if let Some(host) = me.clone().upgrade() {
                            host.input(|part, _| part.connect(attempt, request, &me));
                        }
                    });
                    return Step::Ask(Box::new(move || prepare(request, answer)));
                }
                self.connect(attempt, Some(request), me);
            }
            Some(EventSourceOutput::Close { attempt }) => {
                self.open.retain(|(current, _)| *current != attempt)
            }
        }
        Step::Done
    }

    fn timeout(&self) -> Option<Time> {
        self.machine.poll_timeout().map(|(due, _)| due)
    }

    fn handle_timeout(&mut self, now: Time) {
        self.machine.handle_timeout(now);
    }

    fn handle_change(&mut self, now: Time, change: Change) {
        match change {
            Change::Online => self.machine.handle_online(now),
            Change::Offline => self.machine.handle_offline(),
            Change::Wakeup => self.machine.handle_wakeup(now),
            Change::Suspend => self.machine.handle_suspend(now),
        }
    }

    fn failures(&self) -> u32 {
        match self.machine.poll_timeout() {
            Some((_, TimerName::Retry)) => self.machine.failures(),
            _ => 0,
        }
    }

    fn is_over(&self) -> bool {
        self.machine.ready_state() == ReadyState::Closed
    }
}
