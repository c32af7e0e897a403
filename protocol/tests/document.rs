//! The specification tells the truth: its tables and examples against the code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what helps a test may fail as the test may")]

use std::{fs, path::Path};

use bytes::Bytes;
use everwire_protocol::*;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    fs::read_to_string(path).unwrap()
}

/// The cells of each row whose first cell is such, without spaces and back quotes.
fn rows(document: &str, first: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect()
    };
    let tables = document.lines().filter(|line| line.starts_with('|'));
    tables.map(cells).filter(|row| first(&row[0])).collect()
}

/// The lines of all code blocks with this label.
fn blocks<'a>(document: &'a str, label: &str) -> Vec<&'a str> {
    let fence = format!("```{label}\n");
    let found: Vec<_> = document
        .split(&fence)
        .skip(1)
        .flat_map(|rest| rest.split("```").next())
        .flat_map(str::lines)
        .collect();
    assert!(!found.is_empty(), "no `{label}`");
    found
}

#[test]
fn the_table_of_codes_is_the_codes() {
    let document = document();
    let told = rows(&document, |first| first.len() == 4 && first.parse::<u16>().is_ok());
    let told: Vec<Vec<String>> = told.into_iter().map(|row| row[..4].to_vec()).collect();
    let known = Code::ALL.iter().map(|code| {
        let action = match code.action() {
            Action::Retry => "retry",
            Action::RetryWithToken => "retry_with_token",
            Action::RetryInWindow => "retry_in_window",
            Action::Stop => "stop",
        };
        vec![code.0.to_string(), code.name().to_owned(), code.status().to_string(), action.to_owned()]
    });
    assert_eq!(told, known.collect::<Vec<_>>());
}

#[test]
fn the_table_of_limits_is_the_limits() {
    let document = document();
    let known = [
        ("TOPIC_BYTES", limits::TOPIC_BYTES),
        ("CLIENT_ID_BYTES", limits::CLIENT_ID_BYTES),
        ("PUBLISH_ID_BYTES", limits::PUBLISH_ID_BYTES),
        ("EPOCH_BYTES", limits::EPOCH_BYTES),
        ("KEY_BYTES", limits::KEY_BYTES),
        ("SUBJECT_BYTES", limits::SUBJECT_BYTES),
        ("INFO_BYTES", limits::INFO_BYTES),
        ("TOKEN_BYTES", limits::TOKEN_BYTES),
        ("MESSAGE_BYTES", limits::MESSAGE_BYTES),
        ("PAYLOAD_BYTES", limits::PAYLOAD_BYTES),
        ("JSON_DEPTH", limits::JSON_DEPTH),
        ("BATCH_BYTES", limits::BATCH_BYTES),
        ("FRAME_BYTES", limits::FRAME_BYTES),
        ("EVENT_BYTES", limits::EVENT_BYTES),
        ("TOPICS", limits::TOPICS),
        ("RECORDS", limits::RECORDS),
        ("MEMBERS", limits::MEMBERS),
        ("HISTORY", limits::HISTORY as usize),
        ("CURSOR_HEADER_BYTES", limits::CURSOR_HEADER_BYTES),
    ];
    let all = rows(&document, |_| true);
    let told: Vec<(&str, usize)> = all
        .iter()
        .filter(|row| row.len() == 3)
        .filter_map(|row| Some((row[2].as_str(), row[1].parse().ok()?)))
        .collect();
    assert_eq!(told, known);
}

#[test]
fn every_event_is_in_the_table() {
    let document = document();
    for name in event::NAMES {
        assert!(document.lines().any(|line| line.starts_with("| `") && line.contains(name)), "{name}");
    }
}

#[test]
fn every_path_parameter_and_media_type_is_named() {
    let document = document();
    for name in [
        http::WS_PATH,
        http::SSE_PATH,
        http::POLL_PATH,
        http::PUBLISH_PATH,
        http::TOPICS_PATH,
        http::TICKET_PATH,
        http::WS_BINARY,
        http::WS_JSON,
        http::MEDIA_BINARY,
    ] {
        assert!(document.contains(name), "{name}");
    }
    for name in [
        http::TOPIC,
        http::FROM,
        http::PRESENCE,
        http::CLIENT_ID,
        http::INFO,
        http::FORMAT,
        http::TICKET,
        http::CURSOR,
        http::TIMEOUT,
        http::LAST_EVENT_ID,
        http::BEFORE,
        http::AFTER,
        http::LIMIT,
    ] {
        assert!(document.contains(&format!("`{name}`")), "{name}");
    }
}

/// The bytes of one example: hex digits, each line up to its comment.
fn hex(lines: &[&str]) -> Bytes {
    let digits = lines.iter().filter_map(|line| line.split('#').next()).flat_map(str::split_whitespace);
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

#[test]
fn the_binary_examples_are_frames() {
    let document = document();
    let client = binary::decode_client(&mut hex(&blocks(&document, "hex client")));
    assert_eq!(client, Ok(Some(ClientFrame::Ping { nonce: 300 })));
    let record = Record {
        offset: 18,
        time: 1_700_000_000_000,
        payload: Payload::json(r#"{"a":1}"#),
        key: None,
        from: None,
        id: PublishId::new("c.7").ok(),
    };
    let server = binary::decode_server(&mut hex(&blocks(&document, "hex server")));
    assert_eq!(server, Ok(Some(ServerFrame::Messages { alias: 0, records: vec![record] })));
}

#[test]
fn the_json_examples_are_what_the_codec_writes() {
    let document = document();
    for line in blocks(&document, "json client") {
        assert_eq!(json::client_message(&json::decode_client(line).unwrap()), line);
    }
    for line in blocks(&document, "json server") {
        assert_eq!(json::server_message(&json::decode_server(line).unwrap()), line);
    }
    for line in blocks(&document, "json problem").into_iter().chain(blocks(&document, "json poll")) {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn the_events_of_the_example_are_frames_and_its_ids_cursors() {
    let document = document();
    let stream = blocks(&document, "events").join("\n");
    let mut cursor = Cursor(vec![Position::NONE; 2]);
    for event in stream.trim_end().split("\n\n") {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let data: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let frame =
            event::decode(field("event: ").unwrap_or_default(), data.join("\n").as_bytes()).unwrap().unwrap();
        let mut written = String::new();
        event::encode(&frame, &mut cursor, &mut written);
        let without_retry: Vec<_> = event.lines().filter(|line| !line.starts_with("retry")).collect();
        assert_eq!(written.trim_end(), without_retry.join("\n"));
    }
}

/// The type byte of the one frame in these bytes.
fn type_byte(frame: &[u8]) -> u8 {
    let length = frame.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    frame[length]
}

#[test]
fn every_frame_has_an_example_and_its_type_in_a_table() {
    let document = document();
    let mut types = std::collections::BTreeMap::new();
    for frame in blocks(&document, "json client").iter().flat_map(|line| json::decode_client(line).unwrap()) {
        let (mut bytes, mut text) = (Vec::new(), String::new());
        binary::encode_client(&frame, &mut bytes);
        json::encode_client(&frame, &mut text);
        types.insert(type_byte(&bytes), text);
    }
    for frame in blocks(&document, "json server").iter().flat_map(|line| json::decode_server(line).unwrap()) {
        let (mut bytes, mut text) = (Vec::new(), String::new());
        binary::encode_server(&frame, &mut bytes);
        json::encode_server(&frame, &mut text);
        types.insert(type_byte(&bytes), text);
    }
    assert_eq!(
        types.keys().copied().collect::<Vec<_>>(),
        (0x01..=0x0a).chain(0x81..=0x91).collect::<Vec<_>>()
    );
    for (number, text) in types {
        let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
        let row = format!("| `{number:#04x}` | {} |", frame["type"].as_str().unwrap());
        assert!(document.contains(&row), "{row}");
    }
}
