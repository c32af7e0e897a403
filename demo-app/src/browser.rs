//! The few things that the app asks the browser for directly: the clock, the zone, what is stored, frames.
//! Knows nothing of chats and charts.

use leptos::prelude::request_animation_frame;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, HtmlElement, ResizeObserver, Storage};

use crate::format::Zone;

/// Now, in milliseconds since the Unix epoch.
#[must_use]
pub fn now() -> u64 {
    js_sys::Date::now() as u64
}

/// The zone that this browser is in.
#[must_use]
pub fn zone() -> Zone {
    // JavaScript counts from local time to UTC, people the other way.
    Zone(-(js_sys::Date::new_0().get_timezone_offset() as i32))
}

/// An element by its id.
#[must_use]
pub fn element(id: &str) -> Option<HtmlElement> {
    leptos::prelude::document().get_element_by_id(id)?.dyn_into().ok()
}

/// Puts the keyboard's focus on an element by its id, once what was asked of the page has been drawn.
pub fn focus(id: &'static str) {
    request_animation_frame(move || {
        if let Some(element) = element(id) {
            let _ = element.focus();
        }
    });
}

/// What was stored under a name in an earlier visit. None where storage is forbidden, too.
#[must_use]
pub fn stored(name: &str) -> Option<String> {
    storage()?.get_item(name).ok()?
}

/// Stores a text for later visits. Where storage is full or forbidden, this visit goes on without.
pub fn store(name: &str, text: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(name, text);
    }
}

fn storage() -> Option<Storage> {
    leptos::prelude::window().local_storage().ok()?
}

/// Calls back when an element's size changes; stops when dropped.
pub struct SizeWatch {
    observer: ResizeObserver,
    // The observer calls it for as long as this lives.
    _callback: Closure<dyn FnMut()>,
}

impl SizeWatch {
    /// Watches some elements. None where the browser can't.
    #[must_use]
    pub fn new(elements: &[&Element], changed: impl FnMut() + 'static) -> Option<Self> {
        let callback = Closure::<dyn FnMut()>::new(changed);
        let observer = ResizeObserver::new(callback.as_ref().unchecked_ref()).ok()?;
        for element in elements {
            observer.observe(element);
        }
        Some(Self { observer, _callback: callback })
    }
}

impl Drop for SizeWatch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
