//! Hostile input, against the real binary over real sockets: what each case sends, and the code that it must get.
//! All of them run three times over; then the servers still answer, none has panicked, and their memory is flat. The
//! table of it is `docs/hostile-input.md`: `EVERWIRE_WRITE=1 cargo test -p everwire-server --test hostile` writes it,
//! and a run without that fails where it is not as it was seen.
#![cfg(target_os = "linux")] // The floods come from addresses of 127.0.0.0/8, and memory is read from /proc.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, reason = "what was measured")]

mod bench;
#[path = "../parts/binary.rs"]
mod binary;
mod cases;
mod http;
mod table;
mod tokens;
mod websocket;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bench::Bench;
use cases::Case;

/// The first round warms the servers up: what they take then, they may keep.
const ROUNDS: usize = 3;
/// Cases mostly wait.
const AT_ONCE: usize = 8;
/// What the memory of a server may grow by after the first round: buffers that wait for their use, not what clients
/// sent, of which there is a hundred times as much.
const GROWTH: u64 = 24 << 20;

#[test]
fn invariant_12_hostile_input_gets_its_code_and_the_server_lives_on() {
    let bench = Bench::start();
    let mut warm = Vec::new();
    for round in 0..ROUNDS {
        let wrong = run_all(&bench);
        assert!(wrong.is_empty(), "round {round}:\n{}", wrong.join("\n"));
        bench.assert_lives();
        if round == 0 {
            warm = bench.memory();
        }
    }
    for (before, after) in warm.into_iter().zip(bench.memory()) {
        println!("resident after the first round: {before} bytes, and after the last: {after}");
        assert!(after < before + GROWTH, "memory grew from {before} to {after} bytes");
    }
    bench.end();
    table::check();
}

/// Runs every case; answers what was not as it should be.
fn run_all(bench: &Bench) -> Vec<String> {
    let cases: Vec<&Case> = cases::all().flat_map(|(_, cases)| cases).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let got = (case.run)(bench);
                    if got != case.got {
                        let line = format!("{}: got {got:?} in place of {:?}", case.what, case.got);
                        wrong.lock().expect("is not poisoned").push(line);
                    }
                }
            });
        }
    });
    wrong.into_inner().expect("is not poisoned")
}
