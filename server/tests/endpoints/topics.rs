//! History and presence over HTTP, in both forms.

use everwire_protocol::{ServerFrame, binary, http::MEDIA_BINARY};

use crate::support::{Tested, start};

async fn frame(server: &Tested, path: &str) -> ServerFrame {
    let request = server.http.get(server.url(path)).header("accept", MEDIA_BINARY);
    let mut body = request.send().await.expect("answers").bytes().await.expect("a body");
    binary::decode_server(&mut body).expect("a frame").expect("one frame")
}

#[tokio::test]
async fn pages_of_history_lie_on_either_side_of_an_offset() {
    let server = start().await;
    for n in 1..=10 {
        server.publish("a/b:c", n).await;
    }
    for (query, offsets, more) in [
        ("", 1..=10, false),
        ("?limit=3", 8..=10, true),
        ("?before=5&limit=2", 3..=4, true),
        ("?after=5&limit=2", 6..=7, true),
        ("?after=8", 9..=10, false),
    ] {
        let page = server.json(&format!("/v1/topics/a%2Fb%3Ac/history{query}")).await;
        let records = page["records"].as_array().expect("records");
        let got: Vec<_> = records.iter().filter_map(|record| record["offset"].as_u64()).collect();
        assert_eq!((got, page["more"].as_bool()), (offsets.collect(), Some(more)), "{query}");
    }
    let frame = frame(&server, "/v1/topics/a%2Fb:c/history?limit=1").await;
    assert!(
        matches!(frame, ServerFrame::History { request: 0, records, more: true, .. } if records[0].offset == 10)
    );
}

#[tokio::test]
async fn questions_that_cannot_be_read_are_problems() {
    let server = start().await;
    for (path, code) in [
        ("/v1/topics/a/history?before=1&after=1", "bad_request"),
        ("/v1/topics/a/history?before=x", "bad_request"),
        ("/v1/topics/a/history?limit=-1", "bad_request"),
        ("/v1/topics/a%20b/history", "bad_topic"),
        ("/v1/topics/%ff/presence", "bad_topic"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), 400, "{path}");
        let problem: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(problem["code"], code, "{path}");
    }
}

#[tokio::test]
async fn presence_lists_the_members() {
    let server = start().await;
    assert_eq!(server.json("/v1/topics/a/presence").await["members"].as_array().map(Vec::len), Some(0));
    let mut ws = server.ws().await;
    ws.subscribe_present("a").await;
    while !matches!(ws.next().await, ServerFrame::Members { .. }) {}
    let members = server.json("/v1/topics/a/presence").await;
    assert_eq!(members["members"][0]["info"], "ada");
    assert_ne!(members["members"][0]["id"], "ada", "the client id is the client's secret");
    let frame = frame(&server, "/v1/topics/a/presence").await;
    assert!(matches!(frame, ServerFrame::Presence { request: 0, members } if members.len() == 1));
}
