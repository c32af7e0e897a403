//! The `ResumableEventSource` alone, as small as can be: what `everwire/eventsource` of the npm package loads.
//!
//! Here is all that decides: the standard's rules, its parser, attempts, backoff, the page's life, which refusals are tried
//! again. The TypeScript face is an `EventTarget` with the standard's members and constants; it reads options into the
//! constructor's arguments, turns what it is told into events, and keeps the app's functions. Times are milliseconds. A
//! number that is `undefined` in JavaScript is `NaN` by the time it is here, and means the default: so an option costs
//! no name in this module.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use everwire::dropin::{
    Credentials, Failure, FailureKind, ReadyState, Refusal, ResumableEventSource, Retry, StreamEvent,
    StreamRequest,
};
use js_sys::Array;
use wasm_bindgen::prelude::*;

/// Two kilobytes of brotli smaller than Rust's own.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[wasm_bindgen]
extern "C" {
    /// The face, which must not throw. It is held until the last event has been told.
    #[derive(Clone)]
    pub type Face;

    /// There is a stream, for the first time or again.
    #[wasm_bindgen(method)]
    fn opened(this: &Face);

    /// An event of the stream: its type, its data, and the id of the last event that had one.
    #[wasm_bindgen(method)]
    fn message(this: &Face, event: &str, data: &str, id: &str);

    /// The stream was lost, or there was none to be had: why (0 the network, 1 no answer in time, 2 silence, 3 a refusal,
    /// 4 an event that is too long, 5 a request that can't be made, 6 another stream takes its place), when the next
    /// attempt is (in so many milliseconds, or -1 when the network or the page is back, or -2 never), and of a refusal its
    /// status, its content's type and the beginning of its body.
    #[wasm_bindgen(method)]
    fn failed(this: &Face, why: u8, retry: f64, status: u16, content_type: Option<&str>, body: &str);

    /// Wants the request of an attempt, where the constructor was told to ask; the face answers by `provide` with the same
    /// number.
    #[wasm_bindgen(method)]
    fn ask(this: &Face, number: u32, id: &str);

    /// Whether the app wants to try again after a refusal.
    #[wasm_bindgen(method)]
    fn retries(this: &Face, status: u16, content_type: Option<&str>, body: &str) -> bool;
}

/// The face until the end: after that nothing of JavaScript's is held, and its collector can do its work.
type Held = Rc<RefCell<Option<Face>>>;

/// The newest question for a request: its number, and what takes the answer.
type Asked = Rc<Cell<(u32, Option<(StreamRequest, Answer)>)>>;

type Answer = Box<dyn FnOnce(Option<StreamRequest>)>;

/// The event source. Freed, it closes.
#[wasm_bindgen]
pub struct Source {
    source: ResumableEventSource,
    held: Held,
    asked: Asked,
}

#[wasm_bindgen]
impl Source {
    /// Starts connecting; nothing is told before this has returned. `headers` are names and values in turn; `credentials` go
    /// to the page's own origin (0), to any (1) or to none (2); refusals are tried again never (0), when they say that
    /// they pass (1), or as the face says (2). With `asks` the face is asked before each attempt.
    #[wasm_bindgen(constructor)]
    #[expect(
        clippy::too_many_arguments,
        reason = "a number costs nothing to pass, the name of an option does"
    )]
    pub fn new(
        face: Face,
        url: &str,
        id: &str,
        method: &str,
        headers: &Array,
        body: JsValue,
        credentials: u8,
        asks: bool,
        retries: u8,
        backoff_base: f64,
        backoff_max: f64,
        max_retries: f64,
        connect_timeout: f64,
        heartbeat_timeout: f64,
    ) -> Self {
        let held: Held = Rc::new(RefCell::new(Some(face)));
        let asked = Asked::default();
        let mut builder = ResumableEventSource::builder(url).method(method).last_event_id(id);
        for (name, value) in pairs(headers) {
            builder = builder.header(&name, &value);
        }
        if !body.is_undefined() {
            builder = builder.body(body);
        }
        if asks {
            let (face, asked) = (held.clone(), asked.clone());
            builder = builder.prepare_callback(move |request, answer| {
                let number = asked.take().0.wrapping_add(1);
                let id = request.last_event_id.clone();
                asked.set((number, Some((request, answer))));
                if let Some(face) = look(&face) {
                    face.ask(number, &id);
                }
            });
        }
        if retries > 0 {
            let judge = held.clone();
            builder = builder.retry_if(move |refusal| {
                if retries == 1 {
                    return refusal.is_transient();
                }
                let Refusal { status, content_type, body, .. } = refusal;
                look(&judge).is_some_and(|face| face.retries(*status, content_type.as_deref(), body))
            });
        }
        let teller = held.clone();
        let source = builder
            .credentials(match credentials {
                0 => Credentials::SameOrigin,
                1 => Credentials::Include,
                _ => Credentials::Omit,
            })
            .config(|config| {
                config.heartbeat_timeout = time(heartbeat_timeout);
                let config = &mut config.reconnect;
                config.max_retries = (max_retries >= 0.0).then_some(max_retries as u32);
                set(&mut config.backoff.first, backoff_base);
                set(&mut config.backoff.base, backoff_base);
                set(&mut config.backoff.max, backoff_max);
                set(&mut config.connect_timeout, connect_timeout);
            })
            .listen(move |event| tell(&teller, event));
        Self { source, held, asked }
    }

    /// Answers the question for a request that had this number: with what is to be other than the constructor said, or
    /// without a `url` where the app has none. An older question's answer is dropped.
    pub fn provide(
        &self,
        number: u32,
        url: Option<String>,
        method: Option<String>,
        headers: &Array,
        body: JsValue,
    ) {
        let (newest, asked) = self.asked.take();
        if newest != number {
            self.asked.set((newest, asked));
            return;
        }
        self.asked.set((newest, None));
        let Some((mut request, answer)) = asked else { return };
        let Some(url) = url else { return answer(None) };
        request.url = url;
        request.method = method.unwrap_or(request.method);
        request.headers.extend(pairs(headers));
        if !body.is_undefined() {
            request.body = Some(body);
        }
        answer(Some(request));
    }

    /// As in the standard: 0 connecting, 1 open, 2 closed.
    #[wasm_bindgen(getter, js_name = readyState)]
    pub fn ready_state(&self) -> u8 {
        match self.source.ready_state() {
            ReadyState::Connecting => 0,
            ReadyState::Open => 1,
            ReadyState::Closing | ReadyState::Closed => 2,
        }
    }

    /// The absolute URL of the last attempt; empty before the first one.
    #[wasm_bindgen(getter)]
    pub fn url(&self) -> String {
        self.source.url()
    }

    /// The origin of the stream that is or was open last.
    #[wasm_bindgen(getter)]
    pub fn origin(&self) -> String {
        self.source.origin()
    }

    /// Where it goes on from.
    #[wasm_bindgen(getter, js_name = lastEventId)]
    pub fn last_event_id(&self) -> String {
        self.source.last_event_id()
    }

    /// Closes for good. Nothing follows.
    pub fn close(&self) {
        self.held.take();
        self.source.close();
    }

    /// Gives up the stream, or the wait for one, and asks for it again at once, from where it is.
    pub fn reconnect(&self) {
        self.source.reconnect();
    }

    /// Reads nothing more until `resume`: the network tells the server to wait.
    pub fn pause(&self) {
        self.source.pause();
    }

    /// Reads on.
    pub fn resume(&self) {
        self.source.resume();
    }
}

fn tell(held: &Held, event: StreamEvent) {
    let Some(face) = look(held) else { return };
    match event {
        StreamEvent::Open => face.opened(),
        StreamEvent::Message(message) => face.message(&message.event, &message.data, &message.last_event_id),
        StreamEvent::Error(failure) => {
            if failure.is_fatal() {
                held.take();
            }
            tell_failure(&face, failure);
        }
    }
}

fn tell_failure(face: &Face, failure: Failure) {
    let retry = match failure.retry {
        Retry::In(wait) => wait.as_millis() as u64 as f64,
        Retry::WhenBack => -1.0,
        Retry::Never => -2.0,
    };
    let mut refusal = Refusal::default();
    let why = match failure.kind {
        FailureKind::Network => 0,
        FailureKind::ConnectTimeout => 1,
        FailureKind::Silent => 2,
        FailureKind::Refused(answer) => {
            refusal = answer;
            3
        }
        FailureKind::TooLong => 4,
        FailureKind::Request => 5,
        FailureKind::Replaced => 6,
    };
    face.failed(why, retry, refusal.status, refusal.content_type.as_deref(), &refusal.body);
}

/// The face, for a call into it: nothing is borrowed meanwhile.
fn look(held: &Held) -> Option<Face> {
    held.try_borrow().ok()?.clone()
}

/// Names and values that come in turn.
fn pairs(flat: &Array) -> Vec<(String, String)> {
    let text = |index| flat.get(index).as_string().unwrap_or_default();
    (0..flat.length() / 2).map(|pair| (text(2 * pair), text(2 * pair + 1))).collect()
}

fn time(milliseconds: f64) -> Option<Duration> {
    (milliseconds >= 0.0).then(|| Duration::from_millis(milliseconds as u64))
}

fn set(time_or_default: &mut Duration, milliseconds: f64) {
    if let Some(given) = time(milliseconds) {
        *time_or_default = given;
    }
}
