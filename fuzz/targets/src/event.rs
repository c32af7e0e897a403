//! Events of a stream. What decodes must encode, come through the client's parser, and decode to the same again; the
//! cursor that the ids tell must be where the frames lead.

use everwire_core::sse::Parser;
use everwire_protocol::{Cursor, ServerFrame, event as codec};

/// Reads a text as the data of an event; the first byte says of which.
pub fn event(data: &[u8]) {
    let Some((&which, data)) = data.split_first() else { return };
    let name = codec::NAMES.get(usize::from(which)).copied().unwrap_or_default();
    if let Ok(Some(frame)) = codec::decode(name, data) {
        stream_round_trip(&[frame]);
    }
}

/// Frames come back from a stream as they went: records one by one, and without those that never travel so.
pub(crate) fn stream_round_trip(frames: &[ServerFrame]) {
    let (mut cursor, mut followed, mut stream) = (Cursor::default(), Cursor::default(), String::new());
    for frame in frames {
        codec::encode(frame, &mut cursor, &mut stream);
        codec::encode_raw(frame, &mut Cursor::default(), &mut String::new());
        followed.follow(frame);
    }
    assert_eq!(cursor, followed);
    let mut parser = Parser::new();
    let (mut rest, mut heard, mut last_id) = (stream.as_bytes(), Vec::new(), String::new());
    while let Ok(Some(event)) = parser.next_event(&mut rest) {
        match codec::decode(&event.name(), event.data) {
            Ok(Some(frame)) => heard.push(frame),
            other => panic!("{other:?} of {event:?} in {stream:?}"),
        }
        last_id = event.id().into_owned();
    }
    assert_eq!(heard, frames.iter().flat_map(as_events).collect::<Vec<_>>(), "{stream}");
    if !last_id.is_empty() {
        assert_eq!(last_id.parse(), Ok(cursor));
    }
}

/// What a frame is over events.
fn as_events(frame: &ServerFrame) -> Vec<ServerFrame> {
    match frame {
        ServerFrame::Messages { alias, records } => {
            let one = |record| ServerFrame::Messages { alias: *alias, records: vec![record] };
            records.iter().cloned().map(one).collect()
        }
        ServerFrame::Ack { .. }
        | ServerFrame::Presence { .. }
        | ServerFrame::History { .. }
        | ServerFrame::Pong { .. } => Vec::new(),
        other => vec![other.clone()],
    }
}
