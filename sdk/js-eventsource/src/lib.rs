//! What `ResumableEventSource` decides, alone in its module: the state machine of `everwire_core::dropin` with its parser, and
//! nothing of a browser. The npm package's `everwire/eventsource` stands on this; its host (`pkg/src/stream.ts`) makes the requests
//! and has the timer and the page, and does what it is told.
//!
//! Only numbers cross the border: bytes are put where [`room`] says, and text is read where it lies. An input is a call of [`input`], and
//! what follows from it is what [`next`] says until there is nothing more. So the module imports nothing and needs no glue, and is as small
//! as can be.
//!
//! Times are milliseconds. A number that is `undefined` in JavaScript is `NaN` by the time it is here, and means the default.

mod heap;
mod machine;
#[cfg(test)]
mod tests;

use std::{cell::RefCell, process::abort};

use everwire_core::Places;
use wasm_bindgen::prelude::*;

use machine::{Input, Machine, Output};

/// All that is in the module.
struct Module {
    machines: Places<Machine>,
    /// What the host brings with its next call.
    bytes: Vec<u8>,
    output: Output,
}

thread_local! {
    static MODULE: RefCell<Module> =
        const { RefCell::new(Module { machines: Places::new(), bytes: Vec::new(), output: Output::NONE }) };
}

/// Where the host is to put so many bytes, before the call that they go with.
#[wasm_bindgen]
pub fn room(length: usize) -> *mut u8 {
    lend(|Module { bytes, .. }| {
        bytes.resize(length, 0);
        bytes.as_mut_ptr()
    })
}

/// Makes a machine that does nothing before it is told to connect, and returns its number. The bytes are the id to go on from, in UTF-8.
#[wasm_bindgen]
pub fn create(
    seed: f64,
    max_retries: f64,
    connect_timeout: f64,
    backoff_base: f64,
    backoff_max: f64,
    heartbeat_timeout: f64,
) -> usize {
    lend(|Module { machines, bytes, .. }| {
        let times = [connect_timeout, backoff_base, backoff_max, heartbeat_timeout];
        machines.insert(Machine::new(seed, max_retries, times, bytes))
    })
}

/// Gives a machine an input, and returns whether the answer that it tells of is a stream. What the numbers and the bytes say
/// depends on `what`: see [`Machine::handle`]. `monotonic` and `wall` are what the two clocks show.
#[wasm_bindgen]
pub fn input(
    machine: usize,
    monotonic: f64,
    wall: f64,
    what: u8,
    request: u32,
    number: f64,
    flag: bool,
) -> bool {
    lend(|Module { machines, bytes, .. }| {
        let Some(machine) = machines.get(machine) else { return false };
        machine.read_clock(monotonic, wall);
        machine.handle(Input { what, request, number, flag, bytes })
    })
}

/// What the host is to do next, after an input and after what was next before: see [`Machine::next`]. 0 when there is nothing more. `hidden` is whether there is a
/// page, and nobody sees it.
#[wasm_bindgen]
pub fn next(machine: usize, monotonic: f64, wall: f64, hidden: bool) -> u8 {
    lend(|Module { machines, output, .. }| {
        let Some(machine) = machines.get(machine) else { return 0 };
        machine.read_clock(monotonic, wall);
        machine.next(hidden, output)
    })
}

/// The first number of what is next; of a text, where it stands until the next call.
#[wasm_bindgen]
pub fn detail() -> f64 {
    lend(|Module { output, .. }| output.detail)
}

/// The second one; of a text, its length.
#[wasm_bindgen]
pub fn more() -> f64 {
    lend(|Module { output, .. }| output.more)
}

/// Returns what a machine does now: 0 it connects, 1 it is open, 2 it is closed. The text is the id of the last event that had one.
#[wasm_bindgen]
pub fn look(machine: usize) -> u8 {
    lend(|Module { machines, output, .. }| match machines.get(machine) {
        Some(machine) => machine.look(output),
        None => machine::CLOSED,
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
