//! A Web Lock that is waited for: who leads holds one, and each tab holds one that tells that it lives, since the
//! browser lets go of both when a page dies, however that comes. Knows nothing of what a lock stands for.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::AbortController;

use crate::platform::get;

#[wasm_bindgen]
extern "C" {
    type Locks;

    #[wasm_bindgen(method, catch)]
    fn request(this: &Locks, name: &str, options: &Object, granted: &JsValue) -> Result<Promise, JsValue>;
}

/// A lock, held or waited for. Dropped, it is let go of, and nothing more is heard of it.
pub(super) struct Claim {
    aborts: AbortController,
    release: Function,
    _granted: Closure<dyn FnMut(JsValue) -> JsValue>,
}

impl Claim {
    /// Waits for the lock. Calls `granted` when it has it, and `refused` when it will never: always later. `None`
    /// where there are no locks.
    pub(super) fn new(
        name: &str,
        granted: impl Fn() + 'static,
        refused: impl FnOnce() + 'static,
    ) -> Option<Self> {
        let navigator = get(&js_sys::global(), "navigator")?;
        let locks = get(&navigator, "locks").filter(JsValue::is_object)?;
        let aborts = AbortController::new().ok()?;
        let options = Object::new();
        let _ = Reflect::set(&options, &"signal".into(), &aborts.signal());
        let mut release = None;
        // Who returns a promise holds the lock until that is resolved.
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let release = release?;
        let granted = Closure::<dyn FnMut(JsValue) -> JsValue>::new(move |_| {
            granted();
            held.clone().into()
        });
        let request = locks.unchecked_into::<Locks>().request(name, &options, granted.as_ref()).ok()?;
        let given_up = aborts.clone();
        spawn_local(async move {
            if JsFuture::from(request).await.is_err() && !given_up.signal().aborted() {
                refused();
            }
        });
        Some(Self { aborts, release, _granted: granted })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = self.release.call0(&JsValue::UNDEFINED);
        // No effect on one that was granted.
        self.aborts.abort();
    }
}
