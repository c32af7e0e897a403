//! What holds for every frame and for every input: encode → decode is identity in all three codecs, and
//! no input does harm (invariant 12).

#![allow(clippy::unwrap_used, clippy::panic, reason = "what helps a test may fail as the test may")]

mod hostile;
mod identity;
mod strategies;

use bytes::Bytes;
use everwire_protocol::{ClientFrame, ServerFrame, binary, binary::DecodeError};

/// Every frame of a binary message, up to the first error.
fn client_frames(bytes: &[u8]) -> Result<Vec<ClientFrame>, DecodeError> {
    let mut input = Bytes::copy_from_slice(bytes);
    std::iter::from_fn(|| binary::decode_client(&mut input).transpose()).collect()
}

/// Every frame of a binary message, up to the first error.
fn server_frames(bytes: &[u8]) -> Result<Vec<ServerFrame>, DecodeError> {
    let mut input = Bytes::copy_from_slice(bytes);
    std::iter::from_fn(|| binary::decode_server(&mut input).transpose()).collect()
}

/// A client's parser in small: the names and data of a well-formed stream's events, and its last id.
fn events(stream: &str) -> (Vec<(String, String)>, Option<String>) {
    let (mut events, mut last_id) = (Vec::new(), None);
    for block in stream.split_terminator("\n\n") {
        let (mut name, mut data) = (String::new(), Vec::new());
        for line in block.split('\n') {
            match line.split_once(": ").unwrap() {
                ("event", value) => name = value.to_owned(),
                ("data", value) => data.push(value),
                ("id", value) => last_id = Some(value.to_owned()),
                other => panic!("{other:?}"),
            }
        }
        events.push((name, data.join("\n")));
    }
    (events, last_id)
}
