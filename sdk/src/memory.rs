//! Which transport worked last, kept over page loads in the browser's local storage, one entry for each
//! server. Believes nothing that it reads: other code of the page writes there too, and the wall clock jumps.
//! Without a storage (a worker, a browser that refuses) it remembers nothing. Decides nothing.

use std::time::Duration;

use everwire_core::Transport;
use wasm_bindgen::prelude::*;
use web_sys::Storage;

use crate::{
    address::Address,
    platform::{get, wall_clock},
};

/// The longest entry that is looked at.
const LONGEST: usize = 64;

/// The entry of one server.
pub(crate) struct Memory {
    storage: Option<Storage>,
    key: String,
}

impl Memory {
    pub(crate) fn new(address: &Address) -> Self {
        // Where it is forbidden, the mere look throws.
        let storage = get(&js_sys::global(), "localStorage").filter(JsValue::is_object);
        Self { storage: storage.map(JsCast::unchecked_into), key: ["everwire:", address.origin()].concat() }
    }

    /// What worked, and how long ago.
    pub(crate) fn recall(&self) -> Option<(Transport, Duration)> {
        let entry = self.storage.as_ref()?.get_item(&self.key).ok()??;
        read(&entry, wall_clock())
    }

    /// A transport works.
    pub(crate) fn keep(&self, transport: Transport) {
        if let Some(storage) = &self.storage {
            // A storage that is full costs a slower start next time, and nothing else.
            let _ = storage.set_item(&self.key, &entry(transport, wall_clock()));
        }
    }
}

/// `websocket 1700000000000`
fn entry(transport: Transport, now: f64) -> String {
    [transport.as_str(), " ", &(now as u64).to_string()].concat()
}

fn read(entry: &str, now: f64) -> Option<(Transport, Duration)> {
    if entry.len() > LONGEST {
        return None;
    }
    let space = entry.bytes().position(|byte| byte == b' ')?;
    let (transport, time) = (entry.get(..space)?, entry.get(space + 1..)?);
    // From the future: one of the two moments is wrong.
    let age = (now as u64).checked_sub(time.parse().ok()?)?;
    Some((transport.parse().ok()?, Duration::from_millis(age)))
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    const NOW: f64 = 1_700_000_000_000.0;

    #[wasm_bindgen_test(unsupported = test)]
    fn every_transport_is_recalled_with_its_age() {
        for transport in Transport::ALL {
            let entry = entry(transport, NOW);
            assert!(entry.len() <= LONGEST);
            assert_eq!(read(&entry, NOW + 5_000.0), Some((transport, Duration::from_secs(5))));
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn invariant_12_what_is_no_entry_is_nothing() {
        let long = ["websocket ", &"0".repeat(LONGEST), "1"].concat();
        for entry in ["", " ", "sse", "sse x", "sse -1", "sse 1e3", "pigeon 1", "sse 1 2", "SSE 1", &long] {
            assert_eq!(read(entry, NOW), None, "{entry}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_wall_clock_that_was_set_back_makes_it_forget() {
        assert_eq!(read(&entry(Transport::Sse, NOW), NOW - 1.0), None);
        assert_eq!(
            read(&entry(Transport::Sse, -5.0), NOW).map(|(transport, _)| transport),
            Some(Transport::Sse)
        );
        assert_eq!(read("sse 0", f64::NAN), Some((Transport::Sse, Duration::ZERO)));
    }
}
