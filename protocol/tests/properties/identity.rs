//! Encode → decode is identity, for one frame and for many in one message.

use everwire_protocol::{Cursor, From, ServerFrame, binary, event, json};
use proptest::{collection::vec, prelude::*};

use crate::{client_frames, events, server_frames, strategies};

proptest! {
    #[test]
    fn client_frames_come_back_from_binary(frames in vec(strategies::client_frame(), 0..5)) {
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| binary::encode_client(frame, &mut bytes));
        prop_assert_eq!(client_frames(&bytes), Ok(frames));
    }

    #[test]
    fn server_frames_come_back_from_binary(frames in vec(strategies::server_frame(), 0..5)) {
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| binary::encode_server(frame, &mut bytes));
        prop_assert_eq!(server_frames(&bytes), Ok(frames));
    }

    #[test]
    fn client_frames_come_back_from_json(frames in vec(strategies::client_frame(), 0..5)) {
        prop_assert_eq!(json::decode_client(&json::client_message(&frames)), Ok(frames));
    }

    #[test]
    fn server_frames_come_back_from_json(frames in vec(strategies::server_frame(), 0..5)) {
        prop_assert_eq!(json::decode_server(&json::server_message(&frames)), Ok(frames));
    }

    #[test]
    fn any_json_parser_can_read_a_json_message(frames in vec(strategies::server_frame(), 1..5)) {
        let message = json::server_message(&frames);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&message).is_ok(), "{}", message);
    }

    #[test]
    fn server_frames_come_back_from_events(
        frames in vec(strategies::event_frame(), 0..5),
        cursor in strategies::cursor(),
    ) {
        let (mut moved, mut followed, mut stream) = (cursor.clone(), cursor, String::new());
        for frame in &frames {
            event::encode(frame, &mut moved, &mut stream);
            followed.follow(frame);
        }
        let (events, last_id) = events(&stream);
        let heard: Vec<_> =
            events.iter().map(|(name, data)| event::decode(name, data.as_bytes()).unwrap().unwrap()).collect();
        prop_assert_eq!(heard, frames.into_iter().flat_map(one_record_each).collect::<Vec<_>>());
        prop_assert_eq!(&moved, &followed);
        if let Some(id) = last_id {
            prop_assert_eq!(id.parse::<Cursor>(), Ok(moved));
        }
    }

    #[test]
    fn a_raw_stream_has_the_same_events_and_ids(
        frames in vec(strategies::event_frame(), 0..5),
        cursor in strategies::cursor(),
    ) {
        let (mut cursor, mut raw_cursor) = (cursor.clone(), cursor);
        let (mut stream, mut raw) = (String::new(), String::new());
        for frame in &frames {
            event::encode(frame, &mut cursor, &mut stream);
            event::encode_raw(frame, &mut raw_cursor, &mut raw);
        }
        let ((events, id), (raw_events, raw_id)) = (crate::events(&stream), crate::events(&raw));
        let names = |events: Vec<(String, String)>| events.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        prop_assert_eq!(names(events), names(raw_events));
        prop_assert_eq!(id, raw_id);
    }

    #[test]
    fn records_kept_encoded_make_the_same_frame(frame in strategies::event_frame()) {
        if let ServerFrame::Messages { alias, records } = &frame {
            let mut bodies = Vec::new();
            records.iter().for_each(|record| binary::encode_record(record, &mut bodies));
            let (mut pieced, mut whole) = (Vec::new(), Vec::new());
            binary::encode_messages_header(*alias, records[0].offset, records.len(), bodies.len(), &mut pieced);
            pieced.extend(bodies);
            binary::encode_server(&frame, &mut whole);
            prop_assert_eq!(pieced, whole);
        }
    }

    #[test]
    fn cursors_and_starts_come_back_from_text(cursor in strategies::cursor(), start in strategies::start()) {
        prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        prop_assert_eq!(start.to_string().parse::<From>(), Ok(start));
    }
}

/// What `messages` are over events.
fn one_record_each(frame: ServerFrame) -> Vec<ServerFrame> {
    match frame {
        ServerFrame::Messages { alias, records } => {
            records.into_iter().map(|record| ServerFrame::Messages { alias, records: vec![record] }).collect()
        }
        other => vec![other],
    }
}
