//! What happens around the client: the network goes and comes, the page is hidden, frozen, kept for
//! going back, shown again. Translates the browser's events into words of the session; knows no
//! transport.

use js_sys::JsString;
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use crate::platform::{self, Callback, get};

/// What the environment tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Online,
    Offline,
    /// The page may have slept: whatever seems alive wants a probe.
    Wakeup,
    /// The page is put aside and must hold nothing open.
    Suspend,
}

impl Change {
    /// Its name, for logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Wakeup => "wakeup",
            Self::Suspend => "suspend",
        }
    }
}

/// Listeners on the global object.
const GLOBAL: [&str; 4] = ["online", "offline", "pagehide", "pageshow"];
/// Listeners on the document, which workers lack.
const DOCUMENT: [&str; 3] = ["visibilitychange", "freeze", "resume"];

/// The listeners; dropped, they are removed.
pub(crate) struct Environment {
    targets: Vec<(EventTarget, &'static [&'static str])>,
    callback: Callback,
}

impl Environment {
    /// Listens, and calls `tell` for each change from now on.
    pub(crate) fn listen(tell: impl Fn(Change) + 'static) -> Self {
        let callback = Callback::new(move |event: JsValue| {
            if let Some(change) = read(&event) {
                tell(change);
            }
        });
        let global = platform::global();
        let mut targets = vec![(global.clone().unchecked_into::<EventTarget>(), &GLOBAL[..])];
        if let Some(document) = get(&global, "document").filter(|document| document.is_object()) {
            targets.push((document.unchecked_into(), &DOCUMENT[..]));
        }
        for (target, names) in &targets {
            for name in *names {
                let _ = target.add_event_listener_with_callback(name, callback.as_ref().unchecked_ref());
            }
        }
        Self { targets, callback }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        for (target, names) in &self.targets {
            for name in *names {
                let _ =
                    target.remove_event_listener_with_callback(name, self.callback.as_ref().unchecked_ref());
            }
        }
    }
}

/// Whether the browser knows that there is no network. Where it can't tell, there is one.
pub(crate) fn is_offline() -> bool {
    get(&platform::global(), "navigator")
        .and_then(|navigator| get(&navigator, "onLine"))
        .is_some_and(|online| online == false)
}

/// Whether there is a page, and nobody sees it.
pub(crate) fn is_hidden() -> bool {
    get(&platform::global(), "document")
        .and_then(|document| get(&document, "hidden"))
        .is_some_and(|hidden| hidden == true)
}

fn read(event: &JsValue) -> Option<Change> {
    let name: JsString = get(event, "type")?.dyn_into().ok()?;
    Some(match String::from(name).as_str() {
        "online" => Change::Online,
        "offline" => Change::Offline,
        "pagehide" | "freeze" => Change::Suspend,
        "resume" => Change::Wakeup,
        // Shown for the first time, the page has not slept.
        "pageshow" => {
            let persisted = get(event, "persisted").is_some_and(|persisted| persisted == true);
            return persisted.then_some(Change::Wakeup);
        }
        _ if is_hidden() => return None,
        _ => Change::Wakeup,
    })
}
