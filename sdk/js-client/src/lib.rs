//! What the client decides, alone in its module: the session of `everwire_core` with its codecs, and nothing of a browser. The npm
//! package's `everwire/client` stands on this; its host (`pkg/src/host`) has the transports, the timer, the page and who waits
//! for what, and does what it is told.
//!
//! Only numbers cross the border: bytes are put where [`room`] says. An input is a call of [`input`], and what follows from it is written
//! into one buffer, which the host reads where it lies. So the module imports nothing and needs no glue, and is as small as can be.

mod columns;
mod input;
mod machine;
mod records;
#[cfg(test)]
mod tests;
mod writer;

use std::{cell::RefCell, process::abort};

use everwire_core::Places;
use wasm_bindgen::prelude::*;

use input::Input;
use machine::{Machine, Options};
use writer::Writer;

/// Two kilobytes of brotli smaller than Rust's own.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// All that is in the module.
struct Module {
    machines: Places<Machine>,
    /// What the host brings with its next call.
    bytes: Vec<u8>,
    /// What the last input led to.
    output: Writer,
}

thread_local! {
    static MODULE: RefCell<Module> =
        const { RefCell::new(Module { machines: Places::new(), bytes: Vec::new(), output: Writer::new() }) };
}

/// Where the host is to put so many bytes, before the call that they go with.
#[wasm_bindgen]
pub fn room(length: usize) -> *mut u8 {
    lend(|Module { bytes, .. }| {
        bytes.resize(length, 0);
        bytes.as_mut_ptr()
    })
}

/// Makes a machine that does nothing before it is told to connect, and returns its number; −1 where the client's id is none.
///
/// `seed` and `salt` are 32 random bits each. Times are milliseconds; one that is NaN (`undefined` in JavaScript) has its default.
/// `worked` is the number of a transport that worked `age` ago, where that is not NaN. The bytes are so many numbers of transports, the preferred one first
/// (none stands for the default), so many bytes of the client's id, and, where `has_info`, what the client says of itself.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "a number costs nothing to pass, the name of an option does")]
pub fn create(
    seed: u32,
    salt: u32,
    has_token: bool,
    backoff_max: f64,
    connect_timeout: f64,
    heartbeat_grace: f64,
    ping_interval: f64,
    poll_wait: f64,
    poll_interval: f64,
    worked: f64,
    age: f64,
    transports: usize,
    client_id: usize,
    has_info: bool,
) -> i32 {
    let times = [backoff_max, connect_timeout, heartbeat_grace, ping_interval, poll_wait, poll_interval];
    let seed = u64::from(seed) << 32 | u64::from(salt);
    lend(|Module { machines, bytes, .. }| {
        let bytes = std::mem::take(bytes);
        let (transports, rest) = bytes.split_at(transports.min(bytes.len()));
        let (client_id, info) = rest.split_at(client_id.min(rest.len()));
        let info = has_info.then(|| info.to_vec());
        let options = Options { seed, has_token, times, worked, age, transports, client_id, info };
        Machine::new(options).map_or(-1, |machine| machines.insert(machine) as i32)
    })
}

/// Gives a machine an input, and returns where what follows from it stands: its length first, a number.
///
/// What the numbers and the bytes say depends on `what`: see [`input`](mod@input). What is written: see [`writer`]. It stands until
/// the next call of this module. `monotonic` and `wall` are what the two clocks show; `hidden` is whether there is a page, and nobody
/// sees it.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "a number costs nothing to pass, the name of an option does")]
pub fn input(
    machine: usize,
    what: u8,
    a: f64,
    b: f64,
    c: f64,
    monotonic: f64,
    wall: f64,
    hidden: bool,
) -> *const u8 {
    lend(|Module { machines, bytes, output }| {
        let bytes = std::mem::take(bytes);
        output.begin();
        if let Some(machine) = machines.get(machine) {
            machine.read_clock(monotonic, wall);
            machine.handle(Input { what, a, b, c, bytes }, output);
            machine.settle(hidden, output);
        }
        output.finish()
    })
}

/// Lets go of a machine. Its number may be another's next.
#[wasm_bindgen]
pub fn destroy(machine: usize) {
    lend(|Module { machines, .. }| machines.remove(machine));
}

/// Nobody calls into the module from within, and so nothing is ever lent twice. A panic that could say so would bring the code of all
/// formatting along.
fn lend<T>(to: impl FnOnce(&mut Module) -> T) -> T {
    MODULE.with(|module| to(&mut module.try_borrow_mut().unwrap_or_else(|_| abort())))
}
