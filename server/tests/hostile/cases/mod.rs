//! The cases, by what they attack.

mod asks;
mod bodies;
mod floods;
mod frames;
mod heads;
mod origins;
mod slow;
mod tokens;

use crate::bench::Bench;

/// Something hostile, and what must come of it.
pub struct Case {
    pub what: &'static str,
    pub got: &'static str,
    pub run: fn(&Bench) -> String,
}

const fn case(what: &'static str, got: &'static str, run: fn(&Bench) -> String) -> Case {
    Case { what, got, run }
}

/// All of them, in the order of the table.
pub fn all() -> impl Iterator<Item = (&'static str, &'static [Case])> {
    [
        ("Heads of requests", heads::CASES),
        ("Slowness", slow::CASES),
        ("Bodies", bodies::CASES),
        ("Topics, cursors, parameters", asks::CASES),
        ("Tokens and tickets", tokens::CASES),
        ("Origins and hosts", origins::CASES),
        ("WebSocket frames", frames::CASES),
        ("Floods", floods::CASES),
    ]
    .into_iter()
}
