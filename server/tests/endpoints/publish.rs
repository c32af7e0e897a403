//! Publishing by POST: one, many, by key, in both forms, and what is refused.

use everwire_protocol::{ClientFrame, Code, Payload, ServerFrame, binary, http::MEDIA_BINARY, limits};

use crate::support::{Tested, config, publish_frame, start, start_with};

async fn problem(answer: reqwest::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = answer.json().await.expect("JSON");
    (status, problem["code"].as_str().expect("a code").to_owned())
}

async fn text(answer: reqwest::Response) -> String {
    assert_eq!(answer.status(), 200);
    answer.text().await.expect("a body")
}

#[tokio::test]
async fn one_record_gets_its_position() {
    let server = start().await;
    assert_eq!(server.publish("room:general", 1).await.offset, 1);
    assert_eq!(server.publish("room:general", 2).await.offset, 2);
}

#[tokio::test]
async fn an_array_gets_an_array_in_its_order() {
    let server = start().await;
    let body = r#"[{"topic":"a","data":1},{"topic":"$no","data":2},{"topic":"a","data":3,"ephemeral":true}]"#;
    let answer: serde_json::Value =
        serde_json::from_str(&text(server.post_publish(body, None).await).await).expect("JSON");
    assert!(answer[0]["position"].as_str().is_some_and(|position| position.ends_with("-1")));
    assert_eq!(answer[1]["error"]["code"], "forbidden");
    assert!(answer[2]["position"].is_null());
}

#[tokio::test]
async fn invariant_4_the_same_key_gets_the_first_answer_again() {
    let server = start().await;
    let one = r#"{"topic":"a","data":1}"#;
    let many = r#"[{"topic":"a","data":2},{"topic":"a","data":3}]"#;
    for (body, key) in [(one, "key-1"), (many, "key-2")] {
        let first = text(server.post_publish(body, Some(key)).await).await;
        assert_eq!(text(server.post_publish(body, Some(key)).await).await, first);
    }
    assert_ne!(
        text(server.post_publish(one, Some("key-3")).await).await,
        text(server.post_publish(one, None).await).await
    );
    let history = server.json("/v1/topics/a/history").await;
    let data: Vec<_> =
        history["records"].as_array().expect("records").iter().map(|r| r["data"].clone()).collect();
    assert_eq!(data, [1, 2, 3, 1, 1]);
}

async fn post_frames(server: &Tested, frames: &[ClientFrame]) -> reqwest::Response {
    let mut body = Vec::new();
    frames.iter().for_each(|frame| binary::encode_client(frame, &mut body));
    let request = server.http.post(server.url("/v1/publish")).header("content-type", MEDIA_BINARY);
    request.header("accept", MEDIA_BINARY).body(body).send().await.expect("answers")
}

async fn answers(response: reqwest::Response) -> Vec<ServerFrame> {
    assert_eq!(response.headers()["content-type"], MEDIA_BINARY);
    let mut body = response.bytes().await.expect("a body");
    let mut frames = Vec::new();
    while let Some(frame) = binary::decode_server(&mut body).expect("a frame") {
        frames.push(frame);
    }
    frames
}

#[tokio::test]
async fn frames_get_one_frame_each() {
    let server = start().await;
    let good = publish_frame("a", "ada.1", Payload::bytes(vec![0, 255]));
    let frames = [good.clone(), publish_frame("$no", "ada.2", Payload::text("x")), good];
    let frames = answers(post_frames(&server, &frames).await).await;
    assert!(matches!(
        &frames[..],
        [ServerFrame::Ack { .. }, ServerFrame::Error { .. }, ServerFrame::Ack { .. }]
    ));
    assert_eq!(frames[0], frames[2], "the same id");
}

#[tokio::test]
async fn a_body_of_other_frames_is_refused_whole() {
    let server = start().await;
    let frames = [publish_frame("a", "ada.1", Payload::text("x")), ClientFrame::Ping { nonce: 1 }];
    let response = post_frames(&server, &frames).await;
    assert_eq!(response.status(), 400);
    let frames = answers(response).await;
    assert!(matches!(&frames[..], [ServerFrame::Error { code: Code::BAD_REQUEST, .. }]));
    assert_eq!(server.json("/v1/topics/a/history").await["records"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn the_servers_own_topics_take_no_publishes() {
    let server = start().await;
    for topic in ["$sys", "metrics:cpu", "metrics:mine"] {
        let body = format!(r#"{{"topic":"{topic}","data":1}}"#);
        assert_eq!(problem(server.post_publish(&body, None).await).await, (403, "forbidden".to_owned()));
    }
}

#[tokio::test]
async fn invariant_3_what_stands_behind_a_record_that_is_refused_for_now_is_refused_with_it() {
    let mut config = config();
    config.store.topics = 1;
    config.rules.limits.payload = 10;
    let server = start_with(config).await;
    server.publish("taken", 1).await;
    let too_large = "x".repeat(20);
    let body = format!(
        r#"[{{"topic":"a","data":1}},{{"topic":"taken","data":2}},{{"topic":"a","data":"{too_large}"}},
            {{"topic":"taken","data":"{too_large}"}}]"#
    );
    let answer: serde_json::Value = server.post_publish(&body, Some("k")).await.json().await.expect("JSON");
    let codes: Vec<_> = (0..4).map(|n| answer[n]["error"]["code"].as_str()).collect();
    assert_eq!(codes, [Some("unavailable"), None, Some("unavailable"), Some("too_large")]);
    assert_eq!(answer[0]["error"], answer[2]["error"]);
}

#[tokio::test]
async fn invariant_12_what_is_no_publish_is_a_problem_with_its_code() {
    let server = start().await;
    let payload = "x".repeat(limits::PAYLOAD_BYTES);
    let long = format!(r#"{{"topic":"a","data":"{payload}"}}"#);
    for (body, key, status, code) in [
        ("", None, 400, "bad_request"),
        ("{", None, 400, "bad_request"),
        (r#"{"data":1}"#, None, 400, "bad_request"),
        (r#"{"topic":"a b","data":1}"#, None, 400, "bad_request"),
        (r#"{"topic":"a","data":1}"#, Some("no spaces"), 400, "bad_request"),
        (&long, None, 413, "too_large"),
        (&"[".repeat(limits::FRAME_BYTES + 1), None, 413, "too_large"),
    ] {
        let answer = problem(server.post_publish(body, key).await).await;
        assert_eq!(answer, (status, code.to_owned()), "{:.40}", body);
    }
    let request = server.http.post(server.url("/v1/publish")).header("content-type", "text/csv");
    let answer = problem(request.body("a,1").send().await.expect("answers")).await;
    assert_eq!(answer, (415, "unsupported_media".to_owned()));
    server.publish("a", 1).await;
}

#[tokio::test]
async fn an_unknown_method_or_address_is_a_problem() {
    let server = start().await;
    let answer = server.http.delete(server.url("/v1/publish")).send().await.expect("answers");
    assert_eq!(answer.headers()["allow"], "POST");
    assert_eq!(problem(answer).await, (405, "method_not_allowed".to_owned()));
    for path in ["/v1/nothing", "/v1/topics/a/secrets", "/nothing"] {
        assert_eq!(problem(server.get(path).await).await, (404, "not_found".to_owned()), "{path}");
    }
}
