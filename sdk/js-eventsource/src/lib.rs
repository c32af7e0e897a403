//! The JavaScript surface of `ResumableEventSource`, alone in its module: nothing of the client is in it. The npm package's
//! `everwire/eventsource` stands on this, and does what the platform's class does by itself: events, handlers, what
//! is thrown.
//!
//! `tell` is called with what happens: `(0)` open, `(1, type, data, lastEventId)` an event, and `(2, kind, retryIn, status,
//! contentType, body)` an error, where `retryIn` is in milliseconds, `Infinity` for when the network or the page is back, and
//! `undefined` for never.

use std::{rc::Rc, time::Duration};

use everwire::dropin::{
    Credentials, FailureKind, ReadyState, Refusal, ResumableEventSource, Retry, StreamEvent, StreamRequest,
};
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::prelude::*;

/// Two kilobytes of brotli smaller than Rust's own.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// An event source that goes on where it was. Closes when it is freed, or collected.
#[wasm_bindgen]
pub struct Source(ResumableEventSource);

#[wasm_bindgen]
impl Source {
    /// Starts. `options`: `{method, headers, body, credentials, lastEventId, heartbeatTimeout, maxRetries, connectTimeout, backoffMax,
    /// retry, prepare}`, `headers` an array of pairs; `retry` is called with a refusal's status, type, wait and body; `prepare` with an
    /// array of URL, method, headers, body and id, and with a function that takes such an array, or nothing.
    #[wasm_bindgen(constructor)]
    pub fn new(url: &str, options: &JsValue, tell: Function) -> Self {
        let mut builder = ResumableEventSource::builder(url);
        if let Some(method) = text(options, "method") {
            builder = builder.method(&method);
        }
        for (name, value) in headers(&get(options, "headers")) {
            builder = builder.header(&name, &value);
        }
        let body = get(options, "body");
        if !body.is_undefined() && !body.is_null() {
            builder = builder.body(body);
        }
        builder = match text(options, "credentials").as_deref() {
            Some("include") => builder.credentials(Credentials::Include),
            Some("omit") => builder.credentials(Credentials::Omit),
            _ => builder,
        };
        if let Some(id) = text(options, "lastEventId") {
            builder = builder.last_event_id(&id);
        }
        if let Some(timeout) = time(options, "heartbeatTimeout") {
            builder = builder.heartbeat_timeout(timeout);
        }
        if let Some(retries) = number(options, "maxRetries").filter(|retries| retries.is_finite()) {
            builder = builder.max_retries(retries as u32);
        }
        if let Some(retry) = function(options, "retry") {
            builder = builder.retry_if(move |refusal| {
                let answer = retry.apply(&JsValue::UNDEFINED, &words(refusal));
                answer.is_ok_and(|retry| retry.is_truthy())
            });
        }
        if let Some(prepare) = function(options, "prepare") {
            builder = builder.prepare_callback(move |request, answer| {
                let given = given(&request);
                let answer =
                    Closure::once_into_js(move |changed: JsValue| answer(changed_to(request, &changed)));
                // What it throws, it would have answered: the attempt's deadline ends it.
                let _ = prepare.call2(&JsValue::UNDEFINED, &given, &answer);
            });
        }
        builder = builder.reconnect(|config| {
            if let Some(timeout) = time(options, "connectTimeout") {
                config.connect_timeout = timeout;
            }
            if let Some(most) = time(options, "backoffMax") {
                config.backoff.max = most;
            }
        });
        let mut last = (Rc::<str>::default(), JsValue::from(""));
        let tell = std::cell::RefCell::new(move |event: &StreamEvent| {
            // Many events have the same id: it crosses over once.
            if let StreamEvent::Message(message) = event
                && !Rc::ptr_eq(&last.0, &message.last_event_id)
            {
                last = (message.last_event_id.clone(), (&*message.last_event_id).into());
            }
            (tell.clone(), arguments(event, &last.1))
        });
        Self(builder.listen(move |event| {
            let (tell, arguments) = tell.borrow_mut()(&event);
            // What an app's listener throws stays in JavaScript.
            let _ = tell.apply(&JsValue::UNDEFINED, &arguments);
        }))
    }

    /// 0 to 2.
    #[wasm_bindgen(getter, js_name = readyState)]
    pub fn ready_state(&self) -> u8 {
        match self.0.ready_state() {
            ReadyState::Connecting => 0,
            ReadyState::Open => 1,
            ReadyState::Closing | ReadyState::Closed => 2,
        }
    }

    /// Of the stream that is or was open last, after redirects.
    #[wasm_bindgen(getter)]
    pub fn origin(&self) -> String {
        self.0.origin()
    }

    /// Where it goes on from.
    #[wasm_bindgen(getter, js_name = lastEventId)]
    pub fn last_event_id(&self) -> String {
        self.0.last_event_id()
    }

    /// Closes for good.
    pub fn close(&self) {
        self.0.close();
    }

    /// Gives up the stream, or the wait for one, and asks for it again at once.
    pub fn reconnect(&self) {
        self.0.reconnect();
    }

    /// Reads nothing more until `resume`.
    pub fn pause(&self) {
        self.0.pause();
    }

    /// Reads on.
    pub fn resume(&self) {
        self.0.resume();
    }
}

fn arguments(event: &StreamEvent, last_event_id: &JsValue) -> Array {
    match event {
        StreamEvent::Open => Array::of1(&0.into()),
        StreamEvent::Message(message) => {
            Array::of4(&1.into(), &(&*message.event).into(), &(&*message.data).into(), last_event_id)
        }
        StreamEvent::Error(failure) => {
            let (name, refusal) = match &failure.kind {
                FailureKind::Network => ("network", None),
                FailureKind::ConnectTimeout => ("connect-timeout", None),
                FailureKind::Silent => ("silent", None),
                FailureKind::Refused(refusal) => ("refused", Some(refusal)),
                FailureKind::TooLong => ("too-long", None),
                FailureKind::Request => ("request", None),
                FailureKind::Replaced => ("replaced", None),
            };
            let retry = match failure.retry {
                Retry::In(wait) => (wait.as_millis() as f64).into(),
                Retry::WhenBack => f64::INFINITY.into(),
                Retry::Never => JsValue::UNDEFINED,
            };
            let start = Array::of3(&2.into(), &name.into(), &retry);
            refusal.map_or(start.clone(), |refusal| start.concat(&words(refusal)))
        }
    }
}

/// Status, content type, wait in milliseconds, body.
fn words(refusal: &Refusal) -> Array {
    let wait = refusal.retry_after.map(|wait| wait.as_millis() as f64);
    Array::of4(
        &refusal.status.into(),
        &refusal.content_type.as_deref().into(),
        &wait.into(),
        &(&*refusal.body).into(),
    )
}

fn given(request: &StreamRequest) -> JsValue {
    let pairs = request.headers.iter().map(|(name, value)| Array::of2(&(&**name).into(), &(&**value).into()));
    let given = Array::of4(
        &(&*request.url).into(),
        &(&*request.method).into(),
        &pairs.collect::<Array>().into(),
        &request.body.clone().unwrap_or_default(),
    );
    given.push(&(&*request.last_event_id).into());
    given.into()
}

/// `None` when the app has no request now.
fn changed_to(request: StreamRequest, changed: &JsValue) -> Option<StreamRequest> {
    let changed: &Array = changed.dyn_ref()?;
    let body = changed.get(3);
    Some(StreamRequest {
        url: changed.get(0).as_string()?,
        method: changed.get(1).as_string()?,
        headers: headers(&changed.get(2)),
        body: (!body.is_undefined() && !body.is_null()).then_some(body),
        ..request
    })
}

fn headers(pairs: &JsValue) -> Vec<(String, String)> {
    let Some(pairs) = pairs.dyn_ref::<Array>() else { return Vec::new() };
    let pair = |pair: JsValue| {
        let pair: Array = pair.dyn_into().ok()?;
        Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
    };
    pairs.iter().filter_map(pair).collect()
}

fn get(options: &JsValue, name: &str) -> JsValue {
    Reflect::get(options, &name.into()).unwrap_or_default()
}

fn text(options: &JsValue, name: &str) -> Option<String> {
    get(options, name).as_string()
}

fn number(options: &JsValue, name: &str) -> Option<f64> {
    get(options, name).as_f64()
}

fn time(options: &JsValue, name: &str) -> Option<Duration> {
    number(options, name).map(|milliseconds| Duration::from_millis(milliseconds as u64))
}

fn function(options: &JsValue, name: &str) -> Option<Function> {
    get(options, name).dyn_into().ok()
}
