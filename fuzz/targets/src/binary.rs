//! Messages of the binary codec. What decodes must encode, and decode to the same again; and the other codecs must
//! be able to carry it, because a server passes on over one transport what came in over another.

use bytes::Bytes;
use everwire_protocol::{ClientFrame, ServerFrame, binary as codec, binary::DecodeError};

use crate::{event, json};

/// Reads bytes as a client's message, and as a server's.
pub fn binary(data: &[u8]) {
    if let Ok(frames) = client_frames(data) {
        client_round_trip(&frames);
        json::client_round_trip(&frames);
    }
    if let Ok(frames) = server_frames(data) {
        server_round_trip(&frames);
        json::server_round_trip(&frames);
        event::stream_round_trip(&frames);
    }
}

fn client_frames(data: &[u8]) -> Result<Vec<ClientFrame>, DecodeError> {
    let mut input = Bytes::copy_from_slice(data);
    std::iter::from_fn(|| codec::decode_client(&mut input).transpose()).collect()
}

fn server_frames(data: &[u8]) -> Result<Vec<ServerFrame>, DecodeError> {
    let mut input = Bytes::copy_from_slice(data);
    std::iter::from_fn(|| codec::decode_server(&mut input).transpose()).collect()
}

/// Frames come back from the codec as they went.
pub(crate) fn client_round_trip(frames: &[ClientFrame]) {
    let mut out = Vec::new();
    frames.iter().for_each(|frame| codec::encode_client(frame, &mut out));
    assert_eq!(client_frames(&out).as_deref(), Ok(frames));
}

/// Frames come back from the codec as they went.
pub(crate) fn server_round_trip(frames: &[ServerFrame]) {
    let mut out = Vec::new();
    frames.iter().for_each(|frame| codec::encode_server(frame, &mut out));
    assert_eq!(server_frames(&out).as_deref(), Ok(frames));
}
