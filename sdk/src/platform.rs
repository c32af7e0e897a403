//! The few globals that windows and workers share: the clock, timers, randomness and `fetch`. Named as
//! globals and not as members of `Window`, so that the same code serves both. Knows nothing of Everwire
//! but its time.

use std::{
    cell::Cell,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use everwire_core::{Alarm, Arm, Clock, Time};
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::RequestInit;

use crate::slot::{Answer, slot};

/// The one kind of callback that this crate hands to the browser: a single signature costs a single
/// trampoline in the wasm.
pub(crate) type Callback = Closure<dyn FnMut(JsValue)>;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_now() -> f64;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_random(buffer: &mut [u8]);

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, milliseconds: i32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);

    #[wasm_bindgen(catch)]
    pub(crate) fn fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;

    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: JsValue;

    #[wasm_bindgen(thread_local_v2, js_namespace = location, js_name = origin)]
    static ORIGIN: String;
}

/// The window, or the worker's scope. (js-sys has one of its own, which looks for it in browsers of long ago.)
pub(crate) fn global() -> JsValue {
    GLOBAL.with(Clone::clone)
}

/// Milliseconds on the browser's monotonic clock, as countdowns in a page need them.
pub(crate) fn milliseconds() -> f64 {
    performance_now()
}

/// Milliseconds since the Unix epoch, as the machine believes: it may jump, both ways.
pub(crate) fn wall_clock() -> f64 {
    date_now()
}

/// A property. `None` where there is none, and where the browser refuses to show it.
pub(crate) fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    if object.is_object() { Reflect::get(object, &name.into()).ok() } else { None }
}

thread_local! {
    static CLOCK: Cell<Clock> = const { Cell::new(Clock::NEW) };
}

/// Now, on the clock that the session lives by.
pub(crate) fn now() -> Time {
    let clock = CLOCK.get().read(performance_now(), date_now());
    CLOCK.set(clock);
    Time::from_millis(clock.now())
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill_random(&mut bytes);
    bytes
}

/// Where the page (or the worker's script) comes from.
pub(crate) fn origin() -> String {
    ORIGIN.with(Clone::clone)
}

/// The driver's one timer. Dropped, it is cleared and its callback is freed.
pub(crate) struct Timer {
    callback: Callback,
    alarm: Alarm,
    /// The browser's name for it, while it runs.
    name: Option<JsValue>,
}

impl Timer {
    pub(crate) fn new(callback: Callback) -> Self {
        Self { callback, alarm: Alarm::default(), name: None }
    }

    /// Makes the timer fire at `due`, or earlier.
    pub(crate) fn arm(&mut self, due: Option<Time>) {
        match self.alarm.arm(CLOCK.get(), due) {
            Arm::Keep => {}
            Arm::Stop => self.clear(),
            Arm::Start(delay) => {
                self.clear();
                self.name = Some(set_timeout(self.callback.as_ref(), delay));
            }
        }
    }

    /// To be called first when the timer has fired.
    pub(crate) fn fired(&mut self) {
        self.alarm.fired();
        self.name = None;
    }

    fn clear(&mut self) {
        if let Some(name) = self.name.take() {
            clear_timeout(&name);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A wait. Dropped, its timer is cleared.
pub(crate) struct Sleep {
    _timer: Timer,
    over: Answer<()>,
}

/// Waits for a time.
pub(crate) fn sleep(duration: Duration) -> Sleep {
    let (filler, over) = slot();
    let mut filler = Some(filler);
    let mut timer = Timer::new(Callback::new(move |_| {
        if let Some(waker) = filler.take().and_then(|filler| filler.fill(())) {
            waker.wake();
        }
    }));
    timer.arm(Some(now() + duration));
    Sleep { _timer: timer, over }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.over).poll(context).map(|_| ())
    }
}
