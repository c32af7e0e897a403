//! What `ReconnectingWebSocket` decides, alone in its module: the state machine of `everwire_core::dropin`, and nothing of a
//! browser. The npm package's `everwire/websocket` stands on this; its host (`pkg/src/socket.ts`) has the platform's socket, the
//! timer and the page, and does what it is told.
//!
//! Only numbers cross the border. An input is a call of [`input`], and what follows from it is what [`next`] says until there is nothing
//! more. So the module imports nothing and needs no glue, and is as small as can be.
//!
//! Times are milliseconds. A number that is `undefined` in JavaScript is `NaN` by the time it is here, and means the default.

mod heap;
mod machine;
#[cfg(test)]
mod tests;

use std::{cell::RefCell, process::abort};

use everwire_core::Places;
use wasm_bindgen::prelude::*;

use machine::{Input, Machine, Options, Output};

/// All that is in the module.
struct Module {
    machines: Places<Machine>,
    output: Output,
}

thread_local! {
    static MODULE: RefCell<Module> = const { RefCell::new(Module { machines: Places::new(), output: Output::NONE }) };
}

/// Makes a machine that does nothing before it is told to connect, and returns its number. After `silence` the host is to send its ping, where
/// it has one (`pings`), and after `patience` more a link that stays silent is dead.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "a number costs nothing to pass, the name of an option does")]
pub fn create(
    seed: f64,
    max_retries: f64,
    connect_timeout: f64,
    backoff_base: f64,
    backoff_max: f64,
    pings: bool,
    silence: f64,
    patience: f64,
    messages: f64,
    bytes: f64,
) -> usize {
    let times = [connect_timeout, backoff_base, backoff_max, silence, patience];
    let machine = Machine::new(Options { seed, max_retries, times, pings, messages, bytes });
    lend(|Module { machines, .. }| machines.insert(machine))
}

/// Gives a machine an input, and returns its answer. What the numbers say depends on `what`: see [`Machine::handle`]. `monotonic` and `wall` are what the two
/// clocks show.
#[wasm_bindgen]
pub fn input(machine: usize, monotonic: f64, wall: f64, what: u8, a: u32, b: f64, flag: bool) -> u8 {
    lend(|Module { machines, .. }| {
        let Some(machine) = machines.get(machine) else { return machine::OVER };
        machine.read_clock(monotonic, wall);
        machine.handle(Input { what, a, b, flag })
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

/// The first number of what is next.
#[wasm_bindgen]
pub fn detail() -> f64 {
    lend(|Module { output, .. }| output.detail)
}

/// The second one.
#[wasm_bindgen]
pub fn more() -> f64 {
    lend(|Module { output, .. }| output.more)
}

/// Returns what a machine does now: 0 it connects, 1 it is open, 2 it is closing, 3 it is closed. `detail` says how many bytes wait for a link.
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
