//! What a pure part must not touch even where no dependency shows it: clocks and global randomness in the core and
//! the protocol, the web and the runtime in the server's log.

use super::{Problem, tree};
use tree::Tree;

const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "UNIX_EPOCH", "thread::sleep"];
/// Without a seed, or of the whole thread. `fastrand::Rng::with_seed` is what is meant.
const GLOBAL_RANDOM: &[&str] = &["Rng::new()", "fastrand::seed", "RandomState", "thread_rng"];
const NOT_IN_THE_LOG: &[&str] = &["axum", "redis", "rusqlite", "tokio"];

const LOG: &[&str] = &["server/src/log/", "server/src/log.rs"];
const PURE: &[&str] = &["sdk/core/src/", "protocol/src/"];

pub fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.rust_below(PURE) {
        for (number, line) in tree::code(text) {
            if CLOCKS.iter().any(|word| line.contains(word)) {
                problems.push(Problem::new(
                    path,
                    number,
                    "no clock here: the time is passed in (invariant 7)",
                ));
            }
            if GLOBAL_RANDOM.iter().any(|word| line.contains(word)) || calls_global_fastrand(line) {
                problems.push(Problem::new(
                    path,
                    number,
                    "no global randomness here: a seed is passed in (invariant 7)",
                ));
            }
        }
    }
    for (path, text) in tree.rust_below(LOG) {
        for (number, line) in tree::code(text) {
            if let Some(word) = NOT_IN_THE_LOG.iter().find(|word| is_named(line, word)) {
                problems.push(Problem::new(path, number, format!("the log is pure: no {word} in it")));
            }
        }
    }
    problems
}

/// `fastrand::u64(..)` and its like draw from the thread's own generator.
fn calls_global_fastrand(line: &str) -> bool {
    line.split("fastrand::").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Whether a path in the line starts with that crate.
fn is_named(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        !line.as_bytes().get(at.wrapping_sub(1)).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, line: &str) -> bool {
        !check(&Tree::from(&[(path, line)])).is_empty()
    }

    #[test]
    fn a_clock_in_the_core_is_caught() {
        assert!(broken("sdk/core/src/session.rs", "let now = std::time::Instant::now();"));
        assert!(broken("protocol/src/lib.rs", "SystemTime::now()"));
        assert!(!broken("sdk/src/driver.rs", "Instant::now()"));
        assert!(!broken("sdk/core/src/session.rs", "// not Instant::now: it is passed in"));
    }

    #[test]
    fn global_randomness_in_the_core_is_caught_and_a_seeded_one_is_not() {
        assert!(broken("sdk/core/src/backoff.rs", "fastrand::u64(0..5)"));
        assert!(broken("sdk/core/src/backoff.rs", "let rng = fastrand::Rng::new();"));
        assert!(!broken("sdk/core/src/backoff.rs", "let rng = fastrand::Rng::with_seed(seed);"));
    }

    #[test]
    fn the_servers_log_knows_no_web_and_no_runtime() {
        assert!(broken("server/src/log/mod.rs", "use tokio::sync::Notify;"));
        assert!(broken("server/src/log/mod.rs", "use axum::body::Bytes;"));
        assert!(!broken("server/src/http/mod.rs", "use axum::body::Bytes;"));
        assert!(!broken("server/src/log/mod.rs", "use not_tokio::Thing;"));
    }
}
