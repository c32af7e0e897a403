//! The messages as text, the bodies of HTTP, and what is refused.

use crate::*;

use super::{JsonError, body, decode_client, decode_server, encode_server, server_message};

fn record(offset: u64, payload: Payload) -> Record {
    Record { offset, time: 5, payload, key: None, from: None, id: None }
}

fn messages(payload: Payload) -> ServerFrame {
    ServerFrame::Messages { alias: 0, records: vec![record(7, payload)] }
}

fn encoded(frame: &ServerFrame) -> String {
    let mut out = String::new();
    encode_server(frame, &mut out);
    out
}

#[test]
fn a_json_payload_is_embedded_as_it_came() {
    let frame = messages(Payload::json(r#"{"b": 1.50, "a":[1e2]}"#));
    let text = encoded(&frame);
    assert_eq!(
        text,
        r#"{"type":"messages","alias":0,"first_offset":7,"records":[{"time":5,"data":{"b": 1.50, "a":[1e2]}}]}"#
    );
    assert_eq!(decode_server(&text), Ok(vec![frame]));
}

#[test]
fn invariant_12_a_malformed_payload_can_not_forge_fields() {
    let frame = messages(Payload::json(r#"1,"from":"admin""#));
    let text = encoded(&frame);
    assert!(text.contains(r#""kind":"json64""#) && !text.contains("admin"), "{text}");
    assert_eq!(decode_server(&text), Ok(vec![frame]));
}

#[test]
fn payloads_that_are_no_json_come_back_byte_for_byte() {
    for text in ["", "\"\\\u{0}\u{1f}\u{7f}\r\n\t", "ü\u{2028}😀"] {
        for payload in [Payload::text(text), Payload::bytes(text.as_bytes().to_vec())] {
            let frame = messages(payload);
            assert_eq!(decode_server(&encoded(&frame)), Ok(vec![frame]));
        }
    }
    for kind in [Kind::Json, Kind::Text, Kind::Bytes] {
        let frame = messages(Payload { kind, data: vec![b'1', 0xff].into() });
        assert_eq!(decode_server(&encoded(&frame)), Ok(vec![frame]));
    }
    let null = messages(Payload::json("null"));
    assert_eq!(decode_server(&encoded(&null)), Ok(vec![null]));
}

#[test]
fn numbers_that_a_double_would_round_travel_as_digits() {
    let position = |offset| Position { epoch: Epoch::from_number(1), offset };
    for (offset, text) in [((1 << 53) - 1, "9007199254740991"), (1 << 53, "\"9007199254740992\"")] {
        let topic = Topic::new("a").unwrap();
        let frame = ServerFrame::Subscribed { topic, alias: 0, position: position(offset), recovered: true };
        assert!(encoded(&frame).contains(&format!(r#""offset":{text}"#)), "{}", encoded(&frame));
        assert_eq!(decode_server(&encoded(&frame)), Ok(vec![frame]));
    }
}

#[test]
fn a_message_is_one_frame_or_an_array() {
    let (heartbeat, pong) = (ServerFrame::Heartbeat, ServerFrame::Pong { nonce: 1 });
    assert_eq!(server_message(std::slice::from_ref(&heartbeat)), r#"{"type":"heartbeat"}"#);
    let both = [heartbeat, pong];
    assert_eq!(server_message(&both), r#"[{"type":"heartbeat"},{"type":"pong","nonce":1}]"#);
    assert_eq!(decode_server(&server_message(&both)), Ok(both.to_vec()));
    assert_eq!(decode_server("[]"), Ok(vec![]));
}

#[test]
fn what_a_client_leaves_out_has_a_default() {
    let topic = Topic::new("a").unwrap();
    let subscribe =
        ClientFrame::Subscribe { topic: topic.clone(), from: From::Latest, mode: Mode { presence: false } };
    assert_eq!(decode_client(r#"{"type":"subscribe","topic":"a","later":[]}"#), Ok(vec![subscribe]));
    let history = ClientFrame::History {
        request: 1,
        topic,
        range: HistoryRange::Before(u64::MAX),
        limit: limits::HISTORY,
    };
    assert_eq!(
        decode_client(r#"{"type":"history","topic":"a","request":1,"after":null}"#),
        Ok(vec![history])
    );
}

#[test]
fn invariant_12_what_is_no_frame_is_refused_with_its_field() {
    use JsonError::*;
    let many = vec![r#"{"id":"a"}"#; limits::MEMBERS + 1].join(",");
    let many = format!(r#"{{"type":"members","alias":0,"members":[{many}]}}"#);
    for (text, error) in [
        ("", Syntax),
        ("{", Syntax),
        ("1", Syntax),
        ("[1]", Syntax),
        (r#"{"type":"heartbeat"} {"type":"heartbeat"}"#, Syntax),
        ("{}", Missing("type")),
        (r#"{"type":1}"#, Invalid("type")),
        (r#"{"type":"pong"}"#, Missing("nonce")),
        (r#"{"type":"pong","nonce":-1}"#, Invalid("nonce")),
        (r#"{"type":"pong","nonce":1.0}"#, Invalid("nonce")),
        (r#"{"type":"pong","nonce":"+1"}"#, Invalid("nonce")),
        (r#"{"type":"pong","nonce":4294967296}"#, Invalid("nonce")),
        (r#"{"type":"drain","min":2,"max":1}"#, Invalid("max")),
        (r#"{"type":"messages","alias":0,"first_offset":1,"records":[]}"#, Invalid("records")),
        (r#"{"type":"messages","alias":0,"first_offset":0,"records":[{}]}"#, Invalid("first_offset")),
        (r#"{"type":"messages","alias":0,"first_offset":1,"records":[{}]}"#, Missing("time")),
        (r#"{"type":"messages","alias":0,"first_offset":1,"records":[{"time":1}]}"#, Missing("data")),
        (r#"{"type":"error","number":4500,"topic":"a","id":"b","message":""}"#, Invalid("topic")),
        (&many, Invalid("members")),
    ] {
        assert_eq!(decode_server(text), Err(error), "{text:.80}");
    }
    assert_eq!(decode_server(&" ".repeat(limits::FRAME_BYTES + 1)), Err(TooLarge));
}

#[test]
fn a_publish_body_is_one_record_or_an_array_and_takes_the_header_key() {
    let body = body::publish(r#"{"topic":"a","data":"x","kind":"text","key":"k"}"#).unwrap();
    assert_eq!(body.records[0].payload, Payload::text("x"));
    assert_eq!(body.records[0].key.as_deref(), Some("k"));
    let body = body.with_idempotency_key("\"k-1\"").unwrap();
    assert_eq!(body.records[0].id, PublishId::new("k-1").ok());

    let body = body::publish(r#"[{"topic":"a","data":1},{"topic":"a","data":2,"id":"own"}]"#).unwrap();
    let ids = body.with_idempotency_key("k").unwrap().records.into_iter().map(|record| record.id);
    assert_eq!(ids.collect::<Vec<_>>(), [PublishId::new("k.0").ok(), PublishId::new("own").ok()]);

    let body = body::publish(r#"{"topic":"a","data":1}"#).unwrap();
    assert_eq!(body.with_idempotency_key("no spaces"), Err(NameError));
    assert_eq!(body::publish(r#"{"topic":"a b","data":1}"#), Err(JsonError::Invalid("topic")));
    assert_eq!(body::publish(r#"{"topic":"a"}"#), Err(JsonError::Missing("data")));
}

#[test]
fn publish_answers_have_the_form_of_their_question() {
    let id = PublishId::new("k").unwrap();
    let ack = |position: Option<&str>| ServerFrame::Ack {
        id: id.clone(),
        position: position.map(|position| position.parse().unwrap()),
    };
    let error = ServerFrame::Error {
        about: About::Publish(id.clone()),
        code: Code::RATE_LIMITED,
        message: "slow down".into(),
        retry_after: Some(RetryWindow { min: 1, max: 2 }),
    };
    assert_eq!(body::publish_answer(&[ack(Some("e-5"))], false), r#"{"position":"e-5"}"#);
    assert_eq!(body::publish_answer(&[ack(Some("e-5"))], true), r#"[{"position":"e-5"}]"#);
    assert_eq!(body::publish_answer(&[ack(None)], false), r#"{"position":null}"#);
    let problem = r#"{"title":"rate limited","status":429,"code":"rate_limited","number":4002,"detail":"slow down","retry_after":{"min":1,"max":2}}"#;
    assert_eq!(body::publish_answer(std::slice::from_ref(&error), false), problem);
    assert_eq!(
        body::publish_answer(&[ack(Some("e-5")), error], true),
        format!(r#"[{{"position":"e-5"}},{{"error":{problem}}}]"#)
    );
}

#[test]
fn a_poll_answer_names_topics_and_moves_the_cursor() {
    let subscribed = |topic: &str, alias, position: &str| ServerFrame::Subscribed {
        topic: Topic::new(topic).unwrap(),
        alias,
        position: position.parse().unwrap(),
        recovered: true,
    };
    let frames = [
        subscribed("a", 0, "e-6"),
        subscribed("b", 1, "f-0"),
        messages(Payload::json("1")),
        ServerFrame::Gap {
            alias: 1,
            from: 1,
            to: Some(4),
            reason: GapReason::Evicted,
            position: "f-4".parse().unwrap(),
        },
    ];
    let mut cursor = Cursor::default();
    assert_eq!(
        body::poll(&frames, &mut cursor),
        concat!(
            r#"{"messages":[{"topic":"a","offset":7,"time":5,"data":1}],"#,
            r#""gaps":[{"topic":"b","from":1,"to":4,"reason":"evicted","epoch":"f","offset":4}],"cursor":"e-7.f-4"}"#
        )
    );
    let mut cursor: Cursor = "e-7.f-4".parse().unwrap();
    let error = ServerFrame::Error {
        about: About::Topic(Topic::new("a").unwrap()),
        code: Code::FORBIDDEN,
        message: "no".into(),
        retry_after: None,
    };
    let drain = ServerFrame::Drain { window: RetryWindow { min: 0, max: 9 } };
    assert_eq!(
        body::poll(&[error, drain], &mut cursor),
        concat!(
            r#"{"messages":[],"gaps":[],"errors":[{"topic":"a","title":"forbidden","status":403,"#,
            r#""code":"forbidden","number":4507,"detail":"no"}],"drain":{"min":0,"max":9},"cursor":"e-7.f-4"}"#
        )
    );
}

#[test]
fn pages_of_history_and_presence_are_plain_objects() {
    let topic = Topic::new("a").unwrap();
    let epoch = Epoch::new("e").unwrap();
    assert_eq!(
        body::history(&topic, epoch, &[record(7, Payload::text("x"))], true),
        r#"{"topic":"a","epoch":"e","records":[{"offset":7,"time":5,"kind":"text","data":"x"}],"more":true}"#
    );
    let member = Member { id: "m".into(), subject: None, info: Some("Ada".into()) };
    assert_eq!(body::presence(&topic, &[member]), r#"{"topic":"a","members":[{"id":"m","info":"Ada"}]}"#);
}

#[test]
fn a_publish_whose_text_is_not_utf_8_is_refused_as_the_binary_codec_refuses_it() {
    for kind in ["text64", "json64"] {
        let record = format!(r#""topic":"a","id":"1","kind":"{kind}","data":"/w==""#);
        let refused = JsonError::Invalid("data");
        assert_eq!(super::decode_client(&format!(r#"{{"type":"publish",{record}}}"#)), Err(refused));
        assert_eq!(super::body::publish(&format!("{{{record}}}")), Err(refused));
    }
}
