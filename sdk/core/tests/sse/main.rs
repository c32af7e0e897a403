//! The parser of event streams says what the standard's algorithm says, for any stream, however it is cut.

#![allow(clippy::unwrap_used, reason = "a test: a panic is a failure")]

mod standard;

use everwire_core::sse::Parser;
use proptest::prelude::*;
use standard::{Dispatched, Stream};

fn parsed<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Stream {
    let (mut parser, mut events) = (Parser::new(), Vec::new());
    for mut chunk in chunks {
        while let Some(event) = parser.next_event(&mut chunk).unwrap() {
            events.push(Dispatched {
                name: event.name().into_owned(),
                data: event.data().into_owned(),
                last_event_id: event.id().into_owned(),
            });
        }
    }
    let last_event_id = String::from_utf8_lossy(parser.last_event_id()).into_owned();
    Stream { events, last_event_id, reconnection_time: parser.retry() }
}

/// Parts that mean something, and bytes that don't.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => prop::sample::select(vec![
            &b"data"[..], b"id", b"event", b"retry", b":", b": ", b"\n", b"\r", b"\r\n", b"\n\n", b"\0",
            b"\xef\xbb\xbf", b"7", b"x", "é".as_bytes(), b"\xf0\x9f", b"\x92\xa9",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_stream_reads_as_the_standard_says_however_it_is_chunked(
        bytes in stream(),
        cuts in prop::collection::vec(0..200_usize, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        let expected = standard::read(&bytes);
        prop_assert_eq!(&parsed(chunks), &expected);
        prop_assert_eq!(&parsed(bytes.chunks(1)), &expected);
        prop_assert_eq!(&parsed([&bytes[..]]), &expected);
    }
}

#[test]
fn the_standards_own_examples_read_as_it_says() {
    let event = |data: &str, last_event_id: &str| Dispatched {
        name: "message".into(),
        data: data.into(),
        last_event_id: last_event_id.into(),
    };
    let stock = standard::read(b"data: YHOO\ndata: +2\ndata: 10\n\n");
    assert_eq!(stock.events, [event("YHOO\n+2\n10", "")]);
    let blocks = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event";
    assert_eq!(standard::read(blocks).events, [event("first event", "1"), event("second event", "")]);
    assert_eq!(standard::read(b"data\n\ndata\ndata\n\ndata:").events, [event("", ""), event("\n", "")]);
}
