//! All codecs against the golden vectors of `protocol/vectors`, which were written from the specification
//! and not by these codecs. See the README there for what each field means.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what helps a test may fail as the test may")]

mod actions;
mod binary;
mod bodies;
mod events;
mod json;
mod names;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, value::RawValue};

/// One vector: its fields by name, unparsed, so that the bytes of embedded payloads stay as they are.
struct Vector(BTreeMap<String, Box<RawValue>>);

impl Vector {
    fn raw(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(|value| value.get())
    }

    fn value(&self, field: &str) -> Option<Value> {
        self.raw(field).map(|text| serde_json::from_str(text).unwrap())
    }

    fn maybe_text(&self, field: &str) -> Option<String> {
        self.value(field).map(|value| value.as_str().unwrap().to_owned())
    }

    fn text(&self, field: &str) -> String {
        self.maybe_text(field).unwrap_or_else(|| panic!("no `{field}` in {:?}", self.0))
    }

    fn number(&self, field: &str) -> Option<u16> {
        self.value(field).map(|value| value.as_u64().unwrap().try_into().unwrap())
    }

    fn flag(&self, field: &str) -> bool {
        self.value(field).is_some_and(|value| value.as_bool().unwrap())
    }

    fn hex(&self, field: &str) -> Option<Vec<u8>> {
        let digits = self.maybe_text(field)?;
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        Some((0..digits.len()).step_by(2).map(byte).collect())
    }
}

/// Runs a check over each vector of a file, and names those that fail it.
fn each(file: &str, check: impl Fn(&Vector) + std::panic::RefUnwindSafe) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let vectors: Vec<BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(!vectors.is_empty());
    let failed: Vec<String> = vectors
        .into_iter()
        .map(Vector)
        .filter(|vector| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(vector))).is_err())
        .map(|vector| vector.text("name"))
        .collect();
    assert!(failed.is_empty(), "{file}: {failed:#?}");
}
