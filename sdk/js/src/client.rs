//! The classes. Each method takes what it needs out of the object before anything waits, so that an object may
//! be freed while its promises are under way.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use everwire::{Event, Payload, Position, Snapshot, Stats, Status};
use futures::StreamExt;
use js_sys::{Array, Function, JSON, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

use crate::{
    events::{self, events},
    options,
    value::{Record, error, from_error, from_publish_error, get, members, set, text},
};

#[wasm_bindgen]
extern "C" {
    /// A promise, for a function of the page.
    type Thenable;

    #[wasm_bindgen(method)]
    fn then(this: &Thenable, callback: &Function) -> Promise;
}

/// A client. Closes when it is freed, or collected: keep it.
#[wasm_bindgen]
pub struct Client(everwire::Client);

#[wasm_bindgen]
impl Client {
    /// Starts connecting. `url` as in `Client::builder`; `options`: `{token, transports, clientId, info}`, and
    /// times in milliseconds: `{backoffMax, connectTimeout, heartbeatGrace, pingInterval, pollWait, pollInterval}`.
    ///
    /// With the feature `indexeddb` also `persist`, the name of a database (or `true`) in which publishes outlive the
    /// page; with the feature `log` also `debug`, which writes what the client does to the console.
    ///
    /// # Errors
    /// When an option can't be read.
    #[wasm_bindgen(constructor)]
    pub fn new(url: &str, options: &JsValue) -> Result<Client, JsValue> {
        let builder = options::client(everwire::Client::builder(url), options)?;
        #[cfg(feature = "indexeddb")]
        let builder = match options::persist(url, options) {
            Some(name) => builder.persist_outbox(everwire::IndexedDb::new(&name)),
            None => builder,
        };
        Ok(Self(builder.connect()))
    }

    /// Subscribes to a topic. `options`: `{from, presence, conflate, snapshot}`. The callback gets arrays of events,
    /// each with its `type`; the last event may be `failed`. An empty array is the end: the subscription has failed, or the
    /// client is closed.
    ///
    /// A callback that returns `false` is not called again before `Subscription.more`. What comes meanwhile waits, and
    /// beyond the limits of flow control it waits at the server.
    ///
    /// `snapshot` is a function of a position, a string, and gives `{state, position}` or a promise of it, the position
    /// only where it is known; see `Subscribe::snapshot`.
    ///
    /// # Errors
    /// When an option can't be read.
    pub fn subscribe(
        &self,
        topic: &str,
        options: &JsValue,
        callback: Function,
    ) -> Result<Subscription, JsValue> {
        let options::Subscribe { from, presence, conflate, snapshot } = options::subscribe(options)?;
        let hook = snapshot.map(|hook| move |position| load(hook.clone(), position));
        let subscribe = self.0.subscribe_raw(topic).snapshot_from(hook);
        let open = subscribe.from(from).presence(presence).conflate(conflate).open();
        let flow =
            Rc::new(Flow { open: RefCell::new(Some(open)), held: Cell::new(false), waker: Cell::default() });
        let subscription = Subscription(flow.clone());
        spawn_local(async move {
            while let Some(batch) = poll_fn(|context| flow.poll(context)).await {
                let answer = call(&callback, &events(batch));
                flow.held.set(answer.is_some_and(|answer| answer == false));
            }
            if flow.open.borrow().is_some() {
                call(&callback, &Array::new());
            }
        });
        Ok(subscription)
    }

    /// Publishes a value: a `Uint8Array` as bytes, a string as text where `options.kind` is `"text"`, and
    /// everything else as JSON. `options`: `{key, ephemeral, kind}`. The promise is of the position, a string, or
    /// of `undefined` for an ephemeral message; it has the message's `id` as a property.
    pub fn publish(&self, topic: &str, value: &JsValue, options: &JsValue) -> Promise {
        let payload = match payload(value, options) {
            Ok(payload) => payload,
            Err(error) => return Promise::reject(&error),
        };
        let mut publishing = self.0.publish_raw(topic, payload);
        if let Some(key) = text(options, "key") {
            publishing = publishing.key(&key);
        }
        if options::flag(options, "ephemeral") {
            publishing = publishing.ephemeral();
        }
        let id = publishing.id();
        let promise = promise(async {
            let position = publishing.await.map_err(|error| from_publish_error(&error))?;
            Ok(position.map(|position| events::text(&position)).into())
        });
        if let Some(id) = id {
            set(&promise, "id", &id.as_str().into());
        }
        promise
    }

    /// A promise of a page of a topic's records: `{messages, more}`, the messages in columns. `options`:
    /// `{before, after, limit}`.
    pub fn history(&self, topic: &str, options: &JsValue) -> Promise {
        let (range, limit) = options::history(options);
        let page = self.0.history_raw(topic, range, limit);
        promise(async {
            let page = page.await.map_err(|error| from_error(&error))?;
            let record = Record::new();
            record.set("messages", events::messages(page.messages));
            record.set("more", page.more);
            Ok(record.into())
        })
    }

    /// A promise of an array of who is on a topic.
    pub fn presence(&self, topic: &str) -> Promise {
        let answer = self.0.presence(topic);
        promise(async { Ok(members(&answer.await.map_err(|error| from_error(&error))?)) })
    }

    /// What the connection is doing: `{state, transport, reason, code, attempt, retryAt}`, the last in
    /// milliseconds as `performance.now()` counts them. Where tabs share a connection, `transport` is `tab`, and `via`
    /// the transport of the tab that has it.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> JsValue {
        status(&self.0.status())
    }

    /// Calls back with the state, now and at each change.
    pub fn onstate(&self, callback: Function) {
        let mut changes = self.0.state();
        spawn_local(async move {
            while let Some(change) = changes.next().await {
                call(&callback, &status(&change));
            }
        });
    }

    /// Calls back with what becomes of publishes that an earlier page left: `{type: "restored", id, position}`, with
    /// an `error` in place of the position where it failed; and once with `{type: "unpersisted", message}` when
    /// publishes can't be kept.
    #[cfg(feature = "indexeddb")]
    pub fn onrestored(&self, callback: Function) {
        let mut news = self.0.outbox_events();
        spawn_local(async move {
            while let Some(event) = news.next().await {
                call(&callback, &events::outbox(event));
            }
        });
    }

    /// Counters since the start.
    pub fn stats(&self) -> JsValue {
        stats(&self.0.stats(), self.0.conflated())
    }

    /// Uses these transports from now on, the preferred one first: an array of `websocket`, `sse`,
    /// `eventsource`, `longpoll`, `poll`.
    ///
    /// # Errors
    /// When one is not known.
    #[wasm_bindgen(js_name = setTransports)]
    pub fn set_transports(&self, transports: &JsValue) -> Result<(), JsValue> {
        self.0.set_transports(options::transports(transports)?);
        Ok(())
    }

    /// Cuts the connection, and lets it come back.
    pub fn cut(&self) {
        self.0.cut();
    }

    /// Behaves as if the network were away, until called with `false`.
    #[wasm_bindgen(js_name = goOffline)]
    pub fn go_offline(&self, offline: bool) {
        self.0.go_offline(offline);
    }

    /// Ends everything, for good.
    pub fn close(&self) {
        self.0.close();
    }
}

/// An open subscription. Freeing it (or its collection) does not close it: the callback goes on.
#[wasm_bindgen]
pub struct Subscription(Rc<Flow>);

/// What a subscription shares with the task that reads it.
struct Flow {
    /// None when it is closed.
    open: RefCell<Option<everwire::Subscription<Payload, JsValue>>>,
    /// The callback wants nothing for now.
    held: Cell<bool>,
    /// Wakes the task that is held.
    waker: Cell<Option<Waker>>,
}

impl Flow {
    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Vec<Event<Payload, JsValue>>>> {
        match &mut *self.open.borrow_mut() {
            Some(_) if self.held.get() => {
                self.waker.set(Some(context.waker().clone()));
                Poll::Pending
            }
            Some(open) => open.poll_batch(context),
            None => Poll::Ready(None),
        }
    }

    fn go_on(&self) {
        self.held.set(false);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[wasm_bindgen]
impl Subscription {
    /// Unsubscribes: the callback is not called any more.
    pub fn close(&self) {
        let open = self.0.open.borrow_mut().take();
        drop(open);
        self.0.go_on();
    }

    /// Asks for more, after the callback has returned `false`.
    pub fn more(&self) {
        self.0.go_on();
    }

    /// Stops the messages until `resume`. What comes meanwhile stays at the server.
    pub fn pause(&self) {
        if let Some(open) = &*self.0.open.borrow() {
            open.pause();
        }
    }

    /// Goes on from where it was paused.
    pub fn resume(&self) {
        if let Some(open) = &*self.0.open.borrow() {
            open.resume();
        }
    }

    /// How many messages gave way to newer ones of their key.
    #[wasm_bindgen(getter)]
    pub fn conflated(&self) -> f64 {
        self.0.open.borrow().as_ref().map_or(0.0, |open| open.conflated() as f64)
    }
}

/// One promise for every kind of answer: boxed first, so that what makes it is compiled once.
fn promise(answer: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let answer: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> = Box::pin(answer);
    future_to_promise(answer)
}

/// Calls code of the app, for its answer. What it throws becomes an unhandled rejection: seen, and no harm to the client.
fn call(callback: &Function, argument: &JsValue) -> Option<JsValue> {
    let answer = callback.call1(&JsValue::UNDEFINED, argument);
    answer.map_err(|error| Promise::reject(&error)).ok()
}

/// Asks the page's hook, a function that may take its time: from the microtask queue, since it may call into the
/// subscription that asks.
async fn load(hook: Function, position: Position) -> Result<Snapshot<JsValue>, String> {
    let position = JsValue::from(events::text(&position));
    let asked = Promise::resolve(&position).unchecked_into::<Thenable>().then(&hook);
    match JsFuture::from(asked).await {
        Ok(answer) => Ok(Snapshot {
            state: get(&answer, "state").unwrap_or_default(),
            position: text(&answer, "position").and_then(|position| position.parse().ok()),
        }),
        Err(error) => Err(text(&error, "message").unwrap_or_else(|| "the snapshot failed".to_owned())),
    }
}

fn payload(value: &JsValue, options: &JsValue) -> Result<Payload, JsValue> {
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Ok(Payload::bytes(bytes.to_vec()));
    }
    if let Some(text) = value.as_string().filter(|_| text(options, "kind").is_some_and(|kind| kind == "text"))
    {
        return Ok(Payload::text(text));
    }
    // `undefined` and functions have no JSON.
    let json = JSON::stringify(value)?.as_string();
    json.map(Payload::json).ok_or_else(|| error("not a JSON value", "encode", false))
}

fn status(status: &Status) -> JsValue {
    let record = Record::new();
    record.set("state", status.state.as_str());
    record.maybe("transport", status.transport.map(|transport| transport.as_str()));
    record.set("reason", status.reason.as_str());
    record.maybe("code", status.reason.code().map(u32::from));
    record.set("attempt", status.attempt);
    record.maybe("retryAt", status.retry_at);
    #[cfg(feature = "tabs")]
    record.maybe("via", status.via.map(|transport| transport.as_str()));
    record.into()
}

fn stats(stats: &Stats, conflated: u64) -> JsValue {
    let record = Record::new();
    record.maybe("roundTrip", stats.round_trip.map(|time| time.as_millis() as u32));
    record.maybe("timeToDetect", stats.time_to_detect.map(|time| time.as_millis() as u32));
    for (name, value) in [
        ("bytesReceived", stats.bytes_received),
        ("bytesSent", stats.bytes_sent),
        ("messagesReceived", stats.messages_received),
        ("published", stats.published),
        ("acked", stats.acked),
        ("rejected", stats.rejected),
        ("expired", stats.expired),
        ("reconnects", stats.reconnects.total()),
        ("failedAttempts", stats.failed_attempts),
        ("resumes", stats.resumes),
        ("gaps", stats.gaps),
        ("repeats", stats.repeats),
        ("stale", stats.stale),
        ("malformed", stats.malformed),
        ("pauses", stats.pauses),
        ("conflated", conflated),
        ("outboxMessages", stats.outbox_messages as u64),
        ("outboxBytes", stats.outbox_bytes as u64),
    ] {
        record.number(name, value);
    }
    let blocked = stats.blocked.iter().map(|transport| JsValue::from(transport.as_str()));
    record.set("blocked", blocked.collect::<Array>());
    record.into()
}
