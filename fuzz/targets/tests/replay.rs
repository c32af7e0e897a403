//! Every input of the committed corpus, on stable and without a fuzzer: what was found once is not found again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test: a panic is a failure")]

use std::{fs, path::Path};

use everwire_fuzz_targets::{TARGETS, inputs};

/// All corpora together, in bytes: they are for a repository, not for an archive.
const CORPUS_BYTES: usize = 300 * 1024;

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

fn corpus(name: &str) -> String {
    file(&format!("corpus/{name}.txt"))
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let inputs = inputs(&corpus(name)).unwrap();
    assert!(!inputs.is_empty());
    for input in inputs {
        if std::panic::catch_unwind(|| (target.run)(&input)).is_err() {
            panic!("{name} fails for b\"{}\"", input.escape_ascii());
        }
    }
}

macro_rules! replayed {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed_and_has_its_fuzzer() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let manifest = file("Cargo.toml");
            let bins = manifest.split("[[bin]]").skip(1);
            let fuzzers: Vec<_> = bins.map(|bin| bin.split('"').nth(1).unwrap()).collect();
            assert_eq!(names, fuzzers);
        }
    };
}

replayed!(binary event json request session sse text);

#[test]
fn the_corpora_are_small() {
    let bytes: usize = TARGETS.iter().map(|target| corpus(target.name).len()).sum();
    assert!(bytes < CORPUS_BYTES, "{bytes} bytes");
}
