//! A Web Lock, held while this lives: by it one client knows whether another one of the same origin still
//! lives. The browser lets go of it when its page dies, however that comes. Knows nothing of what it guards.

use futures::future::{Either, select};
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::{platform::get, slot::slot};

#[wasm_bindgen]
extern "C" {
    type Locks;

    #[wasm_bindgen(method, catch)]
    fn request(this: &Locks, name: &str, options: &Object, granted: &JsValue) -> Result<Promise, JsValue>;
}

/// See the module.
pub(crate) struct Lock {
    release: Function,
}

/// The browser has no locks, or none here.
pub(crate) struct NoLocks;

impl Lock {
    /// Takes the lock, unless somebody holds it.
    pub(crate) async fn try_take(name: &str) -> Result<Option<Self>, NoLocks> {
        let locks = get(&js_sys::global(), "navigator")
            .and_then(|navigator| get(&navigator, "locks"))
            .filter(JsValue::is_object)
            .ok_or(NoLocks)?;
        let options = Object::new();
        let _ = Reflect::set(&options, &"ifAvailable".into(), &JsValue::TRUE);
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let release = release.ok_or(NoLocks)?;

        let (filler, answer) = slot();
        let mut filler = Some(filler);
        // Who returns a promise holds the lock until that is resolved.
        let granted = Closure::<dyn FnMut(JsValue) -> JsValue>::new(move |lock: JsValue| {
            let is_mine = !lock.is_null();
            if let Some(waker) = filler.take().and_then(|filler| filler.fill(is_mine)) {
                waker.wake();
            }
            if is_mine { held.clone().into() } else { JsValue::UNDEFINED }
        });
        let request =
            locks.unchecked_into::<Locks>().request(name, &options, granted.as_ref()).map_err(|_| NoLocks)?;
        // It is settled when the lock is let go of again, or at once where the browser refuses.
        match select(answer, JsFuture::from(request)).await {
            Either::Left((Some(true), _)) => Ok(Some(Self { release })),
            Either::Left(_) | Either::Right((Ok(_), _)) => Ok(None),
            Either::Right((Err(_), _)) => Err(NoLocks),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}
