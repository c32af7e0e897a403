//! The client's session: bytes stand for a script of inputs, played as the property test of `sdk/core` plays its own,
//! with everything checked that it checks.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "most modules are the tests of another crate"
)]

#[path = "../../../../sdk/core/tests/any_input/app.rs"]
mod app;
#[path = "../../../../sdk/core/tests/common/mod.rs"]
mod common;
#[path = "../../../../sdk/core/tests/any_input/run.rs"]
mod run;
mod script;
#[path = "../../../../sdk/core/tests/any_input/steps.rs"]
mod steps;

/// Plays the script that the bytes are.
pub fn session(data: &[u8]) {
    let mut script = script::Script(data);
    let (config, seed) = (script.config(), script.byte().into());
    run::play(config, seed, std::iter::from_fn(|| script.step()).collect());
}
