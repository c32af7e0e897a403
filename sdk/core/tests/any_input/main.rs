//! Whatever the app, the driver and a lying server do, in any order: nothing panics, and what the app is told
//! keeps the invariants. `fuzz/` plays the same scripts, drawn from its bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod app;
#[path = "../common/mod.rs"]
mod common;
mod run;
mod steps;

use common::*;
use everwire_core::protocol::binary;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn invariants_1_to_5_and_8_hold_for_any_input((config, seed, steps) in steps::script()) {
        run::play(config, seed, steps);
    }
}

#[test]
fn a_frame_decodes_as_it_was_encoded_so_that_the_above_means_something() {
    let mut bytes = encoded(&[welcome(), messages(1, 2..=3)]);
    assert_eq!(binary::decode_server(&mut bytes), Ok(Some(welcome())));
    assert_eq!(binary::decode_server(&mut bytes), Ok(Some(messages(1, 2..=3))));
}
