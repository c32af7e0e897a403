//! Tokens over real sockets: who is let in by what, for how long, and what a ticket is good for.

use std::time::{SystemTime, UNIX_EPOCH};

use everwire_protocol::{
    About, ClientFrame, ClientId, Code, From, Payload, ServerFrame, binary,
    http::{MEDIA_BINARY, WS_BINARY},
};
use everwire_server::config::Config;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Sse, Tested, Ws, config, publish_frame, start, start_with, topic, until};

const SECRET: &str = "a shared secret of at least 32 bytes";
const RSA_PUBLIC: &str = include_str!("../keys/rsa.pub.pem");

/// A life in seconds that a test can wait for, and long enough to be used on a slow machine.
const SHORT: u64 = 4;

fn strict() -> Config {
    let mut config = config();
    config.keys.secret = Some(SECRET.to_owned().into());
    config.keys.public_keys = vec![RSA_PUBLIC.to_owned()];
    config.tokens.leeway = 0;
    config
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch").as_secs()
}

fn signed(claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("a token")
}

/// A token for so many seconds, which allows everything.
fn token(subject: &str, seconds: u64) -> String {
    let all = json!(["*"]);
    let grants = json!({ "subscribe": all, "publish": all, "presence": all });
    signed(&json!({ "sub": subject, "exp": now() + seconds, "everwire": grants }))
}

/// A token for a minute, with these rights.
fn token_for(grants: &Value) -> String {
    signed(&json!({ "sub": "ada", "exp": now() + 60, "everwire": grants }))
}

async fn connect(server: &Tested, token: Option<&str>) -> Ws {
    let mut ws = server.raw_ws(Some(WS_BINARY)).await;
    let client_id = ClientId::new("ada").expect("a client id");
    ws.send(ClientFrame::Connect { client_id, token: token.map(Into::into), info: None }).await;
    ws
}

async fn connected(server: &Tested, token: &str) -> Ws {
    let mut ws = connect(server, Some(token)).await;
    assert!(matches!(ws.next().await, ServerFrame::Welcome { .. }));
    assert!(matches!(ws.next().await, ServerFrame::Expires { .. }));
    ws
}

async fn code(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.expect("answers");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("a problem");
    (status, body["code"].as_str().expect("a code").to_owned())
}

fn refused(code: Code) -> (u16, String) {
    (code.status(), code.name().to_owned())
}

/// One request to each endpoint that reads tokens.
fn requests(server: &Tested) -> Vec<RequestBuilder> {
    let get = |path| server.http.get(server.url(path));
    let json = r#"{"topic":"a","data":1}"#;
    vec![
        get("/v1/sse?topic=a"),
        get("/v1/poll?topic=a&timeout=0"),
        get("/v1/topics/a/history"),
        get("/v1/topics/a/presence"),
        server.http.post(server.url("/v1/publish")).header("content-type", "application/json").body(json),
        server.http.post(server.url("/v1/sse")).body("topic=a"),
    ]
}

#[tokio::test]
async fn with_keys_nobody_comes_in_without_a_token_and_with_one_everywhere() {
    let server = start_with(strict()).await;
    for request in requests(&server) {
        let answer = request.send().await.expect("answers");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.status(), 401, "{}", answer.url());
        assert!(answer.text().await.expect("a body").contains("token_required"));
    }
    let token = token("ada", 60);
    for request in requests(&server) {
        let answer = request.bearer_auth(&token).send().await.expect("answers");
        assert_eq!(answer.status(), 200, "{}", answer.url());
    }
    let mut ws = connect(&server, None).await;
    assert_eq!(ws.close_code().await, Some(Code::TOKEN_REQUIRED.0));
}

#[tokio::test]
async fn records_and_members_carry_the_subject() {
    let server = start_with(strict()).await;
    let mut ws = connected(&server, &token("ada", 60)).await;
    ws.subscribe_present("a").await;
    ws.send(publish_frame("a", "p.1", Payload::json("1"))).await;
    let (mut member, mut from) = (None, None);
    while member.is_none() || from.is_none() {
        match ws.next().await {
            ServerFrame::Members { members, .. } => member = members[0].subject.clone(),
            ServerFrame::Messages { records, .. } => from = records[0].from.clone(),
            _ => {}
        }
    }
    assert_eq!((member.as_deref(), from.as_deref()), (Some("ada"), Some("ada")));
}

#[tokio::test]
async fn invariant_12_hostile_tokens_are_refused_on_every_transport() {
    let server = start_with(strict()).await;
    let good = token("ada", 60);
    let claims = json!({ "sub": "admin", "exp": now() + 60, "everwire": { "subscribe": ["*"] } });
    let encoded = |key: &[u8], algorithm, id: Option<&str>| {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(algorithm) };
        encode(&header, &claims, &EncodingKey::from_secret(key)).expect("a token")
    };
    // `{"alg":"none"}` and the claims of `good`, without a signature.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).expect("claims"));
    let hostile = [
        unsigned,
        encoded(SECRET.as_bytes(), Algorithm::HS512, None),
        encoded(RSA_PUBLIC.as_bytes(), Algorithm::HS256, None),
        encoded(b"another secret, that is no key of the server", Algorithm::HS256, Some("new")),
        good[..good.len() - 1].to_owned(),
        format!("{good}.{good}"),
        "garbage".to_owned(),
        "x".repeat(16 * 1024 + 1),
        signed(&json!({ "sub": "ada", "exp": "tomorrow" })),
        signed(&json!({ "sub": "ada", "exp": -1 })),
        signed(&json!({ "sub": "ada" })),
        signed(&json!({ "exp": now() + 60 })),
        signed(&json!({ "sub": "ada", "exp": now() + 60, "nbf": now() + 50 })),
        signed(&json!({ "sub": "ada", "exp": now() + 60, "everwire": { "subscribe": ["a**"] } })),
    ];
    for token in &hostile {
        for request in requests(&server) {
            assert_eq!(code(request.bearer_auth(token)).await, refused(Code::TOKEN_INVALID), "{token}");
        }
    }
    for token in hostile.iter().filter(|token| token.len() <= 16 * 1024) {
        let mut ws = connect(&server, Some(token)).await;
        assert_eq!(ws.close_code().await, Some(Code::TOKEN_INVALID.0), "{token}");
    }
    let mut oversized = connect(&server, Some(&hostile[7])).await;
    assert_eq!(oversized.close_code().await, Some(Code::BAD_REQUEST.0), "a frame over its limits");
    let late = signed(&json!({ "sub": "ada", "exp": now() - 1 }));
    for request in requests(&server) {
        let answer = request.bearer_auth(&late).send().await.expect("answers");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer error=\"invalid_token\"");
        assert!(answer.text().await.expect("a body").contains("token_expired"));
    }
    // An end beyond all time is an end like any other.
    let forever = signed(&json!({ "sub": "ada", "exp": u64::MAX, "everwire": { "subscribe": ["*"] } }));
    let mut ws = connect(&server, Some(&forever)).await;
    assert!(matches!(ws.next().await, ServerFrame::Welcome { .. }));
    assert_eq!(ws.next().await, ServerFrame::Expires { after: u32::MAX });
}

#[tokio::test]
async fn a_subject_may_do_what_its_token_lists() {
    let server = start_with(strict()).await;
    let token = token_for(&json!({ "subscribe": ["room:*"], "publish": ["room:*:chat"], "history": ["a"] }));
    let get = |path: &str| server.http.get(server.url(path)).bearer_auth(&token);
    let publish = |name: &str| {
        let body = json!({ "topic": name, "data": 1 });
        server.http.post(server.url("/v1/publish")).bearer_auth(&token).json(&body)
    };
    for (request, allowed) in [
        (get("/v1/poll?topic=room:a&timeout=0"), true),
        (get("/v1/poll?topic=a&timeout=0"), false),
        (get("/v1/poll?topic=room:a&presence=room:a&client_id=ada&timeout=0"), false),
        (get("/v1/topics/a/history"), true),
        (get("/v1/topics/room:a/history"), false),
        (get("/v1/topics/room:a/presence"), false),
        (publish("room:a:chat"), true),
        (publish("room:a"), false),
    ] {
        let answer = request.send().await.expect("answers");
        assert_eq!(answer.status(), if allowed { 200 } else { 403 }, "{}", answer.url());
    }
    let mut ws = connected(&server, &token).await;
    ws.subscribe("other", From::Latest).await;
    let ServerFrame::Error { about, code, .. } = ws.next().await else { panic!() };
    assert_eq!((about, code), (About::Topic(topic("other")), Code::FORBIDDEN));
}

#[tokio::test]
async fn who_sends_no_token_may_do_what_is_configured() {
    let mut config = strict();
    config.anonymous = true;
    config.anonymous_rights.publish = Vec::new();
    let server = start_with(config).await;
    assert_eq!(server.get("/v1/poll?topic=a&timeout=0").await.status(), 200);
    assert_eq!(server.post_publish(r#"{"topic":"a","data":1}"#, None).await.status(), 403);
    let bad = server.http.get(server.url("/v1/poll?topic=a&timeout=0")).bearer_auth("bad");
    assert_eq!(code(bad).await, refused(Code::TOKEN_INVALID), "a bad token is not passed over");
    for none in [&b"Bearer"[..], b"Bearer  ", b"bearer \xff"] {
        let empty = server.http.get(server.url("/v1/poll?topic=a&timeout=0"));
        assert_eq!(code(empty.header("authorization", none)).await, refused(Code::TOKEN_INVALID));
    }
}

#[tokio::test]
async fn a_websocket_is_told_the_end_of_its_token_and_closed_at_it() {
    let server = start_with(strict()).await;
    let mut ws = connect(&server, Some(&token("ada", SHORT))).await;
    assert!(matches!(ws.next().await, ServerFrame::Welcome { .. }));
    let ServerFrame::Expires { after } = ws.next().await else { panic!() };
    assert!((1..=4_000).contains(&after), "{after}");
    ws.subscribe("a", From::Latest).await;
    assert_eq!(ws.close_code().await, Some(Code::TOKEN_EXPIRED.0));
}

#[tokio::test]
async fn a_refresh_carries_a_websocket_past_the_end_of_its_first_token() {
    let server = start_with(strict()).await;
    let first = token("ada", SHORT);
    let mut ws = connected(&server, &first).await;
    ws.subscribe("a", From::Latest).await;
    assert!(matches!(ws.next().await, ServerFrame::Subscribed { .. }));
    ws.send(ClientFrame::Refresh { token: token("ada", 60).into() }).await;
    let ServerFrame::Expires { after } = ws.next().await else { panic!() };
    assert!((50_000..=60_000).contains(&after), "{after}");
    until(async || {
        let request = server.http.get(server.url("/v1/poll?topic=a&timeout=0")).bearer_auth(&first);
        request.send().await.expect("answers").status() == 401
    })
    .await;
    ws.send(publish_frame("a", "p.1", Payload::json("1"))).await;
    assert_eq!(ws.offsets(1).await, [1]);
    ws.send(ClientFrame::Refresh { token: token("bob", 60).into() }).await;
    assert_eq!(ws.close_code().await, Some(Code::TOKEN_OTHER_SUBJECT.0));
}

#[tokio::test]
async fn an_event_stream_is_told_the_end_of_its_token_and_ends_at_it() {
    let server = start_with(strict()).await;
    let request = server.http.get(server.url("/v1/sse?topic=a")).bearer_auth(token("ada", SHORT));
    let mut sse = Sse::of(request.send().await.expect("answers"));
    assert_eq!(sse.next().await.name, "everwire.welcome");
    let ServerFrame::Expires { after } = sse.next().await.frame() else { panic!() };
    assert!((1..=4_000).contains(&after), "{after}");
    let ServerFrame::Closed { code, .. } = sse.named("everwire.closed").await.frame() else { panic!() };
    assert_eq!(code, Code::TOKEN_EXPIRED);
    assert_eq!(sse.try_next().await, None);
}

#[tokio::test]
async fn a_poll_is_held_no_longer_than_its_token_and_tells_what_is_left() {
    let server = start_with(strict()).await;
    let token = token("ada", SHORT);
    let poll = |query: &str| server.http.get(server.url(&format!("/v1/poll?{query}"))).bearer_auth(&token);
    let at_once = poll("topic=a&timeout=0").send().await.expect("answers");
    let at_once: Value = at_once.json().await.expect("JSON");
    assert!((1..=4_000).contains(&at_once["expires"].as_u64().expect("a number")), "{at_once}");
    // Longer than the test has patience.
    let held = poll("topic=a&timeout=60").header("accept", MEDIA_BINARY).send().await.expect("answers");
    assert_eq!(held.status(), 200);
    let mut body = held.bytes().await.expect("a body");
    assert!(matches!(binary::decode_server(&mut body), Ok(Some(ServerFrame::Welcome { .. }))));
    assert_eq!(binary::decode_server(&mut body), Ok(Some(ServerFrame::Expires { after: 0 })));
    assert_eq!(code(poll("topic=a&timeout=60")).await, refused(Code::TOKEN_EXPIRED));
}

async fn ticket(server: &Tested, token: &str) -> String {
    let request = server.http.post(server.url("/v1/ticket")).bearer_auth(token);
    let answer = request.header("accept", "text/plain").send().await.expect("answers");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.text().await.expect("a ticket")
}

#[tokio::test]
async fn a_ticket_stands_for_its_token_on_one_event_stream() {
    let server = start_with(strict()).await;
    let token = token_for(&json!({ "subscribe": ["a"] }));
    let ticket = ticket(&server, &token).await;
    assert!(ticket.len() >= 32 && ticket.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    let open = |query: &str| server.http.get(server.url(&format!("/v1/sse?{query}&ticket={ticket}"))).send();
    let mut sse = Sse::of(open("topic=a&topic=b").await.expect("answers"));
    assert_eq!(sse.next().await.name, "everwire.welcome");
    assert!(matches!(sse.next().await.frame(), ServerFrame::Expires { after: 1..=60_000 }));
    assert!(matches!(sse.next().await.frame(), ServerFrame::Subscribed { .. }));
    let ServerFrame::Error { code: said, .. } = sse.next().await.frame() else { panic!() };
    assert_eq!(said, Code::FORBIDDEN, "the rights are the token's");
    let again = open("topic=a").await.expect("answers");
    assert_eq!(again.status(), 401);
    assert!(again.text().await.expect("a body").contains("token_invalid"));
}

#[tokio::test]
async fn a_ticket_is_good_for_nothing_else() {
    let server = start_with(strict()).await;
    let token = token("ada", 60);
    let ticket = ticket(&server, &token).await;
    let get = |path: &str| server.http.get(server.url(&format!("{path}&ticket={ticket}")));
    for (request, code_wanted) in [
        (get("/v1/poll?topic=a&timeout=0"), Code::TOKEN_INVALID),
        (get("/v1/topics/a/history?limit=1"), Code::TOKEN_REQUIRED),
        (
            server.http.post(server.url("/v1/sse")).body(format!("topic=a&ticket={ticket}")),
            Code::TOKEN_INVALID,
        ),
        (server.http.post(server.url("/v1/ticket")).body(format!("ticket={ticket}")), Code::TOKEN_REQUIRED),
        (server.http.post(server.url("/v1/ticket")).bearer_auth(&ticket), Code::TOKEN_INVALID),
        (get("/v1/poll?topic=a&timeout=0").bearer_auth(&ticket), Code::TOKEN_INVALID),
        (get("/v1/sse?topic=a").bearer_auth(&token), Code::TOKEN_INVALID),
        (server.http.get(server.url("/v1/sse?topic=a&ticket=")), Code::TOKEN_INVALID),
        // What a token is not good for.
        (server.http.get(server.url(&format!("/v1/sse?topic=a&ticket={token}"))), Code::TOKEN_INVALID),
        (server.http.get(server.url(&format!("/v1/sse?topic=a&token={token}"))), Code::TOKEN_REQUIRED),
    ] {
        assert_eq!(code(request).await, refused(code_wanted));
    }
    assert_eq!(get("/v1/sse?topic=a").send().await.expect("answers").status(), 200, "it is unused still");
}

#[tokio::test]
async fn a_ticket_says_in_json_how_long_it_is_good_and_an_open_server_gives_them_too() {
    let server = start().await;
    let request = server.http.post(server.url("/v1/ticket")).bearer_auth("whatever");
    let answer: Value = request.send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(answer["expires_in"], 30);
    let ticket = answer["ticket"].as_str().expect("a ticket");
    let mut sse = server.sse(&format!("topic=a&ticket={ticket}")).await;
    assert_eq!(sse.next().await.name, "everwire.welcome");
    assert_eq!(sse.next().await.name, "everwire.subscribed", "no token, no end");
}

#[tokio::test]
async fn keys_are_read_again_when_their_file_changes() {
    let path = std::env::temp_dir().join(format!("everwire-jwks-{}", std::process::id()));
    let set = |secret: &str| {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let keys = json!({ "keys": [{ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret) }] });
        std::fs::write(&path, keys.to_string()).expect("writes");
    };
    set("the first secret, which is 32 bytes and more");
    let mut config = config();
    config.keys.jwks = Some(path.clone());
    let server = start_with(config).await;
    let token = token("ada", 60);
    let status = async || {
        let request = server.http.get(server.url("/v1/poll?topic=a&timeout=0")).bearer_auth(&token);
        request.send().await.expect("answers").status()
    };
    assert_eq!(status().await, 401);
    set(SECRET);
    until(async || status().await == 200).await;
    std::fs::remove_file(path).expect("removes");
}
