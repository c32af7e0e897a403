//! The platform's own `EventSource`, for where streams are missing. It may open a connection and read it,
//! and no more: at its first error it is closed, since the session decides on reconnecting.

use std::rc::Weak;

use everwire_core::{AttemptId, Closed};
use wasm_bindgen::prelude::*;
use web_sys::MessageEvent;

use crate::{driver::Driver, log::note, platform::Callback};

/// Every name that an event of ours may have; the platform hands over only what is listened to.
const NAMES: [&str; 13] = [
    "message",
    "everwire.welcome",
    "everwire.subscribed",
    "everwire.gap",
    "everwire.heartbeat",
    "everwire.drain",
    "everwire.expires",
    "everwire.closed",
    "everwire.ephemeral",
    "everwire.members",
    "everwire.join",
    "everwire.leave",
    "everwire.error",
];

/// An open event source with its callbacks.
pub(super) struct EventSource {
    source: web_sys::EventSource,
    callbacks: [Callback; 3],
}

impl EventSource {
    /// Connects; `None` when the browser refuses to.
    pub(super) fn open(url: &str, attempt: AttemptId, driver: &Weak<Driver>) -> Option<Self> {
        let source = web_sys::EventSource::new(url).ok()?;

        let me = driver.clone();
        let opened = Callback::new(move |_| {
            if let Some(driver) = me.upgrade() {
                driver.opened(attempt);
            }
        });
        let me = driver.clone();
        let event = Callback::new(move |event: JsValue| {
            let event: MessageEvent = event.unchecked_into();
            if let (Some(driver), Some(data)) = (me.upgrade(), event.data().as_string()) {
                let name = event.type_();
                driver.input(|inner, now| {
                    note!(
                        now,
                        "event",
                        attempt = attempt.as_u32(),
                        event = name.as_str(),
                        bytes = data.len()
                    );
                    inner.session.handle_event(now, attempt, &name, &data);
                });
            }
        });
        let me = driver.clone();
        // Ended, so dropped, so closed: before the platform gets to reconnecting.
        let failed = Callback::new(move |_| {
            if let Some(driver) = me.upgrade() {
                driver.ended(attempt, Closed::Network);
            }
        });
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        source.set_onerror(Some(failed.as_ref().unchecked_ref()));
        for name in NAMES {
            let _ = source.add_event_listener_with_callback(name, event.as_ref().unchecked_ref());
        }
        Some(Self { source, callbacks: [opened, event, failed] })
    }
}

impl Drop for EventSource {
    fn drop(&mut self) {
        // A closed source dispatches nothing more, but a task that is queued already still might.
        for name in NAMES {
            let _ = self
                .source
                .remove_event_listener_with_callback(name, self.callbacks[1].as_ref().unchecked_ref());
        }
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}
