//! The events as text: what stands on the wire, and what comes back.

use crate::*;

use super::{EventError, encode, encode_raw, encode_retry};

fn decode(name: &str, data: &str) -> Result<Option<ServerFrame>, EventError> {
    super::decode(name, data.as_bytes())
}

/// What a client's parser hands over: the name and the data of every event, and the last id.
fn dispatched(stream: &str) -> (Vec<(String, String)>, String) {
    let (mut events, mut id) = (Vec::new(), String::new());
    for block in stream.split_terminator("\n\n") {
        let (mut name, mut data) = (String::new(), Vec::new());
        for line in block.split('\n') {
            match line.split_once(": ").unwrap() {
                ("event", value) => name = value.to_owned(),
                ("data", value) => data.push(value),
                ("id", value) => id = value.to_owned(),
                ("retry", _) => {}
                other => panic!("{other:?}"),
            }
        }
        events.push((name, data.join("\n")));
    }
    (events, id)
}

fn record(offset: u64, payload: Payload) -> Record {
    Record { offset, time: 5, payload, key: None, from: None, id: None }
}

fn messages(records: Vec<Record>) -> ServerFrame {
    ServerFrame::Messages { alias: 0, records }
}

fn encoded(frame: &ServerFrame) -> String {
    let (mut cursor, mut out) = ("e-1".parse().unwrap(), String::new());
    encode(frame, &mut cursor, &mut out);
    out
}

fn comes_back(frame: &ServerFrame) {
    let (events, _) = dispatched(&encoded(frame));
    assert_eq!(events.len(), 1);
    assert_eq!(decode(&events[0].0, &events[0].1).as_ref(), Ok(&Some(frame.clone())), "{events:?}");
}

#[test]
fn every_record_is_one_event_that_moves_the_cursor() {
    let mut cursor: Cursor = "k3-17.-5".parse().unwrap();
    let mut out = String::new();
    let records = vec![record(18, Payload::json("{}")), record(19, Payload::text("a\nb"))];
    encode(&messages(records), &mut cursor, &mut out);
    assert_eq!(
        out,
        "id: k3-18.-5\ndata: 0 18 5 json\ndata: {}\n\nid: k3-19.-5\ndata: 0 19 5 text\ndata: a\ndata: b\n\n"
    );
    assert_eq!(cursor.to_string(), "k3-19.-5");
}

#[test]
fn payloads_come_back_byte_for_byte() {
    for text in ["", "\n", "a\n", " a", "{\"a\":\n1}", "a\rb", "\r\n", "\u{feff}x", "ü\0", "data: x\n\n"] {
        comes_back(&messages(vec![record(2, Payload::text(text))]));
        comes_back(&messages(vec![record(2, Payload::json(text))]));
        comes_back(&messages(vec![record(2, Payload::bytes(text.as_bytes().to_vec()))]));
    }
    comes_back(&messages(vec![record(2, Payload { kind: Kind::Text, data: vec![0xff].into() })]));
}

#[test]
fn named_words_are_encoded_where_they_must_be() {
    let mut record = record(2, Payload::json("1"));
    record.key = Some("a b%\n=ü".into());
    record.from = Some("".into());
    record.id = PublishId::new("c.7").ok();
    let frame = messages(vec![record]);
    assert_eq!(encoded(&frame), "id: e-2\ndata: 0 2 5 json key=a%20b%25%0A=ü from= id=c.7\ndata: 1\n\n");
    comes_back(&frame);
}

#[test]
fn a_stream_tells_its_cursor_from_the_first_subscription_on() {
    let mut cursor = Cursor::default();
    let mut out = String::new();
    encode_retry(1000, &mut out);
    let (session, server) = ("s 1".into(), "everwire/0.1.0".into());
    let welcome = ServerFrame::Welcome { session, heartbeat: 25_000, limits: Limits::default(), server };
    encode(&welcome, &mut cursor, &mut out);
    let subscribed = ServerFrame::Subscribed {
        topic: Topic::new("room:a").unwrap(),
        alias: 1,
        position: "k3-17".parse().unwrap(),
        recovered: true,
    };
    encode(&subscribed, &mut cursor, &mut out);
    assert_eq!(
        out,
        "retry: 1000\nevent: everwire.welcome\ndata: s%201 25000 65536 1048576 128 everwire/0.1.0\n\n\
         id: 0-0.k3-17\nevent: everwire.subscribed\ndata: 1 room:a k3-17 recovered\n\n"
    );
    comes_back(&welcome);
    comes_back(&subscribed);
}

#[test]
fn a_gap_moves_the_cursor_in_either_format() {
    let position = "k4-0".parse().unwrap();
    let frame = ServerFrame::Gap { alias: 0, from: 18, to: None, reason: GapReason::Epoch, position };
    comes_back(&frame);
    for write in [encode, encode_raw] {
        let (mut cursor, mut out) = ("k3-17".parse().unwrap(), String::new());
        write(&frame, &mut cursor, &mut out);
        assert_eq!(out, "id: k4-0\nevent: everwire.gap\ndata: 0 18 - epoch k4-0\n\n");
    }
    comes_back(&ServerFrame::Gap { alias: 0, from: 18, to: Some(20), reason: GapReason::Evicted, position });
}

#[test]
fn raw_data_is_the_bare_payload() {
    for (payload, data) in [
        (Payload::json("{}"), "{}"),
        (Payload::text("a\r\nb\rc"), "a\ndata: b\ndata: c"),
        (Payload::bytes(vec![1, 2, 255]), "AQL/"),
        (Payload { kind: Kind::Text, data: vec![b'a', 0xff].into() }, "a\u{fffd}"),
    ] {
        let (mut cursor, mut out) = ("k3-17".parse().unwrap(), String::new());
        encode_raw(&messages(vec![record(18, payload.clone())]), &mut cursor, &mut out);
        assert_eq!(out, format!("id: k3-18\ndata: {data}\n\n"));
        out.clear();
        encode_raw(&ServerFrame::Ephemeral { alias: 0, time: 5, payload, from: None }, &mut cursor, &mut out);
        assert_eq!(out, format!("event: everwire.ephemeral\ndata: {data}\n\n"));
    }
}

#[test]
fn all_else_comes_back() {
    let member = |id: &str| Member { id: id.into(), subject: None, info: Some("Ada L".into()) };
    let window = RetryWindow { min: 0, max: 500 };
    for frame in [
        ServerFrame::Heartbeat,
        ServerFrame::Drain { window },
        ServerFrame::Closed { code: Code::EXPIRED, reason: "one hour\nis over, 100 %".into() },
        ServerFrame::Closed { code: Code(4999), reason: "".into() },
        ServerFrame::Ephemeral { alias: 3, time: 9, payload: Payload::json("1"), from: Some("ada".into()) },
        ServerFrame::Members { alias: 0, members: vec![] },
        ServerFrame::Members { alias: 0, members: vec![member("a"), member("b")] },
        ServerFrame::Join { alias: 0, member: member("a") },
        ServerFrame::Leave { alias: 0, member: member("a") },
    ] {
        comes_back(&frame);
    }
    for about in [
        About::Connection,
        About::Topic(Topic::new("a").unwrap()),
        About::Publish(PublishId::new("a").unwrap()),
        About::Request(7),
    ] {
        for retry_after in [None, Some(window)] {
            let message = "no more, 20 a second".into();
            comes_back(&ServerFrame::Error {
                about: about.clone(),
                code: Code::RATE_LIMITED,
                message,
                retry_after,
            });
        }
    }
}

#[test]
fn answers_to_questions_never_travel_here() {
    for frame in [
        ServerFrame::Pong { nonce: 1 },
        ServerFrame::Ack { id: PublishId::new("a").unwrap(), position: None },
        ServerFrame::Presence { request: 1, members: vec![] },
    ] {
        assert_eq!(encoded(&frame), "");
    }
}

#[test]
fn a_later_version_may_add_events_and_named_words() {
    assert_eq!(decode("everwire.later", "x"), Ok(None));
    assert!(matches!(decode("", "0 1 5 json new=1\n{}"), Ok(Some(ServerFrame::Messages { .. }))));
    assert!(matches!(decode("everwire.drain", "0 1 new=1"), Ok(Some(ServerFrame::Drain { .. }))));
}

#[test]
fn invariant_12_what_is_no_frame_is_refused_by_name() {
    use EventError::*;
    let huge = "x".repeat(limits::EVENT_BYTES + 1);
    for (name, data, error) in [
        ("", "", Truncated),
        ("", "0 1 5 json", Truncated),
        ("", "0 1 5\n{}", Truncated),
        ("", "0 0 5 json\n{}", Invalid),
        ("", "0 18446744073709551615 5 json\n{}", Invalid),
        ("", "0 18446744073709551616 5 json\n{}", Invalid),
        ("", "4294967296 1 5 json\n{}", Invalid),
        ("", "0 +1 5 json\n{}", Invalid),
        ("", "0  1 5 json\n{}", Invalid),
        ("", "0 1 5 xml\n{}", Invalid),
        ("", "0 1 5 json word\n{}", Invalid),
        ("", "0 1 5 json key=a key=b\n{}", Invalid),
        ("", "0 1 5 json key=%2\n{}", Invalid),
        ("", "0 1 5 json key=%ff\n{}", Invalid),
        ("", "0 1 5 json id=%20\n{}", Invalid),
        ("", "0 1 5 bytes\nnot base64", Base64),
        ("", &huge, TooLarge),
        ("everwire.welcome", "s 1 2 3", Truncated),
        ("everwire.subscribed", "0 a k3-1 maybe", Invalid),
        ("everwire.subscribed", "0 a k3 fresh", Invalid),
        ("everwire.gap", "0 5 4 evicted k3-1", Invalid),
        ("everwire.drain", "2 1", Invalid),
        ("everwire.closed", "4005", Truncated),
        ("everwire.closed", "65536 x", Invalid),
        ("everwire.join", "0", Truncated),
        ("everwire.join", "0\na\nb", Invalid),
        ("everwire.error", "topic=a 4507", Truncated),
        ("everwire.error", "thing=a 4507\nno", Invalid),
    ] {
        assert_eq!(decode(name, data), Err(error), "{name} {data:.60}");
    }
}
