//! A request by `fetch` and the body of its answer, piece by piece, at the pace of whoever reads. Knows nothing of what is
//! asked for.

use std::{
    cell::{Cell, OnceCell},
    rc::{Rc, Weak},
};

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{
    AbortController, ReadableStreamDefaultReader, ReadableStreamReadResult, RequestInit, Response,
};

use crate::platform::{self, Callback};

/// The browser hands over what has come meanwhile, however much that is: it goes in by pieces, and the app takes what is
/// in each before the next. More at once would look like an app that does not keep up.
const PIECE: u32 = 32 * 1024;

/// What comes of a request, in this order.
pub(crate) enum Got<'a> {
    Head(&'a Response),
    Chunk(Vec<u8>),
    /// The body has come to its end.
    End,
    /// There is no answer, or it broke off.
    Failed,
}

/// A request under way. Dropped, it is aborted, and nothing of it is heard any more.
pub(crate) struct Fetch(Rc<Pump>);

struct Pump {
    aborts: Option<AbortController>,
    silenced: Cell<bool>,
    reader: OnceCell<ReadableStreamDefaultReader>,
    /// What the browser has handed over and is not told yet.
    rest: Cell<Option<Uint8Array>>,
    /// The answer's head has come.
    headed: Cell<bool>,
    /// For a promise that is kept, and for one that is broken.
    callbacks: [Callback; 2],
    /// Itself, while the browser holds the callbacks: they can't be taken back from a promise.
    pending: Cell<Option<Rc<Pump>>>,
    /// Returns whether to read on, which it never wants after the end or a failure.
    tell: Box<dyn Fn(Got<'_>) -> bool>,
}

impl Fetch {
    /// Sends the request. What comes of it is told later, never from in here; after each piece `tell` says whether it wants
    /// more now, or will [`read`](Self::read) later.
    pub(crate) fn start(
        url: &str,
        init: Result<RequestInit, JsValue>,
        tell: impl Fn(Got<'_>) -> bool + 'static,
    ) -> Self {
        let aborts = AbortController::new().ok();
        let promise = init.and_then(|init| {
            init.set_signal(aborts.as_ref().map(AbortController::signal).as_ref());
            platform::fetch(url, &init)
        });
        let promise = promise.unwrap_or_else(|error| Promise::reject(&error));
        let pump = Rc::new_cyclic(|me: &Weak<Pump>| {
            let (kept, broken) = (me.clone(), me.clone());
            Pump {
                aborts,
                silenced: Cell::new(false),
                reader: OnceCell::new(),
                rest: Cell::new(None),
                headed: Cell::new(false),
                callbacks: [
                    Callback::new(move |value| settled(&kept, Some(value))),
                    Callback::new(move |_| settled(&broken, None)),
                ],
                pending: Cell::new(None),
                tell: Box::new(tell),
            }
        });
        pump.await_promise(&promise);
        Self(pump)
    }

    /// Reads on after a pause.
    pub(crate) fn read(&self) {
        self.0.read();
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.silenced.set(true);
        if let Some(controller) = &self.0.aborts {
            controller.abort();
        }
    }
}

fn settled(pump: &Weak<Pump>, value: Option<JsValue>) {
    let Some(pump) = pump.upgrade() else { return };
    drop(pump.pending.take());
    pump.take(value);
}

impl Pump {
    fn await_promise(self: &Rc<Self>, promise: &Promise) {
        let [kept, broken] = &self.callbacks;
        let _ = promise.then2(kept, broken);
        self.pending.set(Some(self.clone()));
    }

    fn take(self: &Rc<Self>, value: Option<JsValue>) {
        if self.silenced.get() {
            return;
        }
        let more = match value {
            None => (self.tell)(Got::Failed),
            Some(value) if self.headed.replace(true) => match self.chunk(value) {
                Some(chunk) => {
                    let piece = chunk.subarray(0, PIECE).to_vec();
                    if chunk.length() > PIECE {
                        self.rest.set(Some(chunk.subarray(PIECE, chunk.length())));
                    }
                    (self.tell)(Got::Chunk(piece))
                }
                None => (self.tell)(Got::End),
            },
            Some(value) => {
                let response: Response = value.unchecked_into();
                if let Some(body) = response.body() {
                    let _ = self.reader.set(body.get_reader().unchecked_into());
                }
                (self.tell)(Got::Head(&response))
            }
        };
        if more {
            self.read();
        }
    }

    /// What is left of the last chunk, or the next one; `None` at the end.
    fn chunk(&self, value: JsValue) -> Option<Uint8Array> {
        self.rest.take().or_else(|| {
            let result: ReadableStreamReadResult = value.unchecked_into();
            let ended = self.reader.get().is_none() || result.get_done().unwrap_or(false);
            (!ended).then(|| result.get_value().unchecked_into())
        })
    }

    fn read(self: &Rc<Self>) {
        let pending = self.pending.take();
        let reads = pending.is_some();
        self.pending.set(pending);
        if reads || self.silenced.get() {
            return;
        }
        let rest = self.rest.take();
        let waits = rest.is_some();
        self.rest.set(rest);
        match self.reader.get() {
            Some(reader) if !waits => self.await_promise(reader.read().unchecked_ref()),
            // The rest of a chunk, told when the app has had its turn. Or an answer without a body, which has come to its
            // end: told later, like everything else.
            _ => self.await_promise(&Promise::resolve(&JsValue::UNDEFINED)),
        }
    }
}
