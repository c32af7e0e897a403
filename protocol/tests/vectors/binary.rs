//! Bytes of the binary codec ↔ frames.

use std::fmt::Debug;

use bytes::Bytes;
use everwire_protocol::{
    ClientFrame, ServerFrame,
    binary::{self, DecodeError},
    json,
};

use crate::{Vector, each};

#[test]
fn binary_client_frames() {
    each("binary-client.json", |vector| {
        check(vector, binary::decode_client, binary::encode_client, json::decode_client);
    });
}

#[test]
fn binary_server_frames() {
    each("binary-server.json", |vector| {
        check(vector, binary::decode_server, binary::encode_server, json::decode_server);
    });
}

fn check<T: PartialEq + Debug, E: Debug>(
    vector: &Vector,
    decode: fn(&mut Bytes) -> Result<Option<T>, DecodeError>,
    encode: fn(&T, &mut Vec<u8>),
    meaning: fn(&str) -> Result<Vec<T>, E>,
) {
    let bytes = vector.hex("hex").unwrap();
    let decoded = all(&bytes, decode);
    if let Some(error) = vector.maybe_text("error") {
        assert_eq!(decoded.map_err(name), Err(error.as_str()));
        return;
    }
    let frames = meaning(vector.raw("frames").unwrap()).unwrap();
    assert_eq!(decoded.as_ref(), Ok(&frames));
    if !vector.flag("reads_only") {
        let mut out = Vec::new();
        frames.iter().for_each(|frame| encode(frame, &mut out));
        assert_eq!(out, bytes);
    }
}

/// Every frame of the bytes, up to the first error.
pub fn all<T>(
    bytes: &[u8],
    decode: fn(&mut Bytes) -> Result<Option<T>, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut input = Bytes::copy_from_slice(bytes);
    std::iter::from_fn(|| decode(&mut input).transpose()).collect()
}

pub fn client(bytes: &[u8]) -> Vec<ClientFrame> {
    all(bytes, binary::decode_client).unwrap()
}

pub fn server(bytes: &[u8]) -> Vec<ServerFrame> {
    all(bytes, binary::decode_server).unwrap()
}

fn name(error: DecodeError) -> &'static str {
    match error {
        DecodeError::Truncated => "truncated",
        DecodeError::Varint => "varint",
        DecodeError::Utf8 => "utf8",
        DecodeError::Invalid => "invalid",
        DecodeError::Trailing => "trailing",
    }
}
