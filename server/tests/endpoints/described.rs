//! The described interface is the real one: docs/openapi.json against answers, docs/asyncapi.yaml against frames.
//! That the documents themselves are valid is seen to by `cargo xtask test --only specs`.

use std::collections::BTreeSet;

use everwire_protocol::http::{MEDIA_BINARY, WS_JSON};
use everwire_server::{config::Config, http::OPENAPI};
use futures::{SinkExt, StreamExt};
use jsonschema::Validator;
use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{PATIENCE, config, start, start_with};

const ASYNCAPI: &str = include_str!("../../../docs/asyncapi.yaml");
const SECRET: &str = "a shared secret of at least 32 bytes";

/// A part of a document that refers to others of the same one.
fn schema(document: &Value, part: &Value) -> Validator {
    let mut root = part.clone();
    root["components"] = document["components"].clone();
    jsonschema::draft202012::new(&root).expect("a schema")
}

fn resolve<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to} is missing")),
        None => part,
    }
}

fn check(validator: &Validator, value: &Value, what: &str) {
    let wrong: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{what}: {value} {wrong:?}");
}

/// Answers held to the description.
struct Described {
    document: Value,
    /// Operations that have been seen to work.
    seen: BTreeSet<String>,
}

impl Described {
    fn new() -> Self {
        Self { document: serde_json::from_str(OPENAPI).expect("JSON"), seen: BTreeSet::new() }
    }

    /// Sends it, and holds the answer to what stands at the path's template; `streams` have no body to wait for.
    async fn ask(&mut self, request: RequestBuilder, template: &str, status: u16) {
        let request = request.header("x-request-id", "named-by.the_test");
        let (client, request) = request.build_split();
        let request = request.expect("a request");
        let (method, what) = (request.method().clone(), format!("{} {}", request.method(), request.url()));
        let answer = client.execute(request).await.expect("answers");
        assert_eq!(answer.status(), status, "{what}");
        self.hold(&method, template, answer, &what).await;
    }

    async fn hold(&mut self, method: &Method, template: &str, answer: Response, what: &str) {
        let operation = &self.document["paths"][template][method.as_str().to_lowercase()];
        let responses =
            operation["responses"].as_object().unwrap_or_else(|| panic!("{what} is not described"));
        let status = answer.status().as_u16();
        let described = responses.get(&status.to_string());
        let described = described.unwrap_or_else(|| panic!("{what}: {status} is not described"));
        let described = resolve(&self.document, described);

        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            let header = resolve(&self.document, header);
            match answer.headers().get(name) {
                None => assert_ne!(header["required"], true, "{what}: {name} is missing"),
                Some(value) => {
                    let value = value.to_str().expect("a text");
                    let value = match header["schema"]["type"].as_str() {
                        Some("integer") => json!(value.parse::<u64>().expect("a number")),
                        _ => json!(value),
                    };
                    check(&schema(&self.document, &header["schema"]), &value, name);
                }
            }
        }
        assert_eq!(answer.headers()["x-request-id"], "named-by.the_test", "{what}");
        if status < 300 {
            self.seen.insert(operation["operationId"].as_str().expect("a name").to_owned());
        }
        if status == 101 {
            return;
        }
        let media = answer.headers()["content-type"].to_str().expect("a text");
        let media = media.split(';').next().unwrap_or_default().to_owned();
        let described = &described["content"][&media];
        assert!(described.is_object(), "{what}: {media} is not described");
        if media == "text/event-stream" {
            return;
        }
        let body = answer.bytes().await.expect("a body");
        if media == MEDIA_BINARY {
            assert!(!body.is_empty(), "{what}");
            return;
        }
        let body = match media.as_str() {
            "text/plain" => json!(std::str::from_utf8(&body).expect("a text")),
            _ => serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{what}: {error}")),
        };
        check(&schema(&self.document, &described["schema"]), &body, what);
    }

    fn operations(&self) -> BTreeSet<String> {
        let paths = self.document["paths"].as_object().expect("paths");
        let operations = paths.values().flat_map(|path| path.as_object().expect("methods").values());
        operations.map(|operation| operation["operationId"].as_str().expect("a name").to_owned()).collect()
    }
}

fn strict() -> Config {
    let mut config = config();
    config.keys.secret = Some(SECRET.to_owned().into());
    config.metrics_listen = None;
    config
}

fn token() -> String {
    let claims =
        json!({ "sub": "ada", "exp": 4_000_000_000_u64, "everwire": { "subscribe": ["*"], "publish": [] } });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("a token")
}

#[tokio::test]
async fn every_endpoint_answers_as_openapi_says() {
    let mut openapi = Described::new();
    let config = {
        let mut config = config();
        config.store.retention.default.records = 3;
        config
    };
    let server = start_with(config).await;
    let get = |path: &str| server.http.get(server.url(path));
    let post = |path: &str| server.http.post(server.url(path));
    let publish =
        |body: &str| post("/v1/publish").header("content-type", "application/json").body(body.to_owned());
    let form = |path: &str, body: &'static str| {
        post(path).header("content-type", "application/x-www-form-urlencoded").body(body)
    };

    let one = r#"{"topic":"a","data":{"text":"hi"},"key":"k","id":"x.1"}"#;
    let many = r#"[{"topic":"a","data":"hi","kind":"text"},{"topic":"$no","data":1},{"topic":"a","data":1,"ephemeral":true}]"#;
    for (body, status) in
        [(one, 200), (many, 200), (r#"{"topic":"a"}"#, 400), ("{", 400), (r#"{"topic":"$no","data":1}"#, 403)]
    {
        openapi.ask(publish(body), "/v1/publish", status).await;
    }
    let large = format!(r#"{{"topic":"a","data":"{}"}}"#, "x".repeat(70_000));
    openapi.ask(publish(&large), "/v1/publish", 413).await;
    openapi.ask(post("/v1/publish").header("content-type", "text/html").body("x"), "/v1/publish", 415).await;
    for n in 0..5 {
        server.publish("a", n).await;
    }

    for (query, status) in [
        ("topic=a&cursor=earliest&timeout=0", 200),
        ("topic=a&cursor=other-1&timeout=0", 200),
        ("topic=a&presence=a&client_id=c1&info=Ada&timeout=0", 200),
        ("topic=a&topic=b&timeout=0", 200),
        ("topic=a&timeout=soon", 400),
        ("topic=a&topic=a", 409),
    ] {
        openapi.ask(get(&format!("/v1/poll?{query}")), "/v1/poll", status).await;
    }
    openapi.ask(get("/v1/poll?topic=a&timeout=0").header("accept", MEDIA_BINARY), "/v1/poll", 200).await;
    openapi.ask(form("/v1/poll", "topic=a&timeout=0"), "/v1/poll", 200).await;
    openapi.ask(get("/v1/sse?topic=a"), "/v1/sse", 200).await;
    openapi.ask(get("/v1/sse"), "/v1/sse", 400).await;
    openapi.ask(form("/v1/sse", "topic=a"), "/v1/sse", 200).await;
    for (what, template) in
        [("history", "/v1/topics/{topic}/history"), ("presence", "/v1/topics/{topic}/presence")]
    {
        openapi.ask(get(&format!("/v1/topics/a/{what}")), template, 200).await;
        openapi.ask(get(&format!("/v1/topics/a/{what}")).header("accept", MEDIA_BINARY), template, 200).await;
        openapi.ask(get(&format!("/v1/topics/a%20b/{what}")), template, 400).await;
    }
    let upgrade = get("/v1/ws").header("connection", "upgrade").header("upgrade", "websocket");
    let upgrade =
        upgrade.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    openapi.ask(upgrade, "/v1/ws", 101).await;
    openapi.ask(get("/v1/ws"), "/v1/ws", 400).await;
    for path in ["/health/live", "/health/ready", "/metrics", "/openapi.json"] {
        openapi.ask(get(path), path, 200).await;
    }
    openapi.ask(get("/v1/poll?topic=a").header("origin", "https://evil.example"), "/v1/poll", 403).await;

    let server = start_with(strict()).await;
    let (get, ticket) = (|path: &str| server.http.get(server.url(path)), server.url("/v1/ticket"));
    openapi.ask(server.http.post(&ticket).bearer_auth(token()), "/v1/ticket", 200).await;
    let text = server.http.post(&ticket).bearer_auth(token()).header("accept", "text/plain");
    openapi.ask(text, "/v1/ticket", 200).await;
    openapi.ask(server.http.post(&ticket), "/v1/ticket", 401).await;
    openapi.ask(get("/v1/poll?topic=a"), "/v1/poll", 401).await;
    openapi.ask(get("/v1/topics/a/presence").bearer_auth(token()), "/v1/topics/{topic}/presence", 403).await;
    openapi.ask(get("/metrics"), "/metrics", 404).await;
    assert_eq!(openapi.seen, openapi.operations());
}

#[tokio::test]
async fn every_parameter_that_openapi_names_is_one() {
    let server = start().await;
    let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
    let named = |operation: &Value| -> BTreeSet<String> {
        let all = operation["parameters"].as_array().into_iter().flatten();
        let all = all.map(|parameter| resolve(&document, parameter)).filter(|p| p["in"] == "query");
        all.map(|parameter| parameter["name"].as_str().expect("a name").to_owned()).collect()
    };
    use everwire_protocol::http::{
        AFTER, BEFORE, CLIENT_ID, CURSOR, FORMAT, FROM, INFO, LAST_EVENT_ID, LIMIT, PRESENCE, TIMEOUT, TOPIC,
    };
    let stream = [TOPIC, FROM, LAST_EVENT_ID, CURSOR, PRESENCE, CLIENT_ID, INFO];
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let paths = &document["paths"];
    assert_eq!(named(&paths["/v1/sse"]["get"]), set(&[&stream[..], &[FORMAT]].concat()));
    assert_eq!(named(&paths["/v1/poll"]["get"]), set(&[&stream[..], &[TIMEOUT]].concat()));
    assert_eq!(named(&paths["/v1/topics/{topic}/history"]["get"]), set(&[BEFORE, AFTER, LIMIT]));

    // A method that is not described is none.
    for (path, methods) in paths.as_object().expect("paths") {
        let path = path.replace("{topic}", "a");
        let method = if methods.get("post").is_none() { Method::POST } else { Method::DELETE };
        let answer = server.http.request(method.clone(), server.url(&path)).send().await.expect("answers");
        assert_eq!(answer.status(), 405, "{method} {path}");
    }
}

/// The payload schema of a frame, by its type and who sends it.
struct Frames {
    document: Value,
    seen: BTreeSet<String>,
}

impl Frames {
    fn new() -> Self {
        Self { document: serde_saphyr::from_str(ASYNCAPI).expect("YAML"), seen: BTreeSet::new() }
    }

    fn of<'a>(&'a self, operation: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let messages = self.document["operations"][operation]["messages"].as_array().expect("messages");
        messages.iter().map(|message| &resolve(&self.document, resolve(&self.document, message))["payload"])
    }

    /// Whether a message, one frame or several, is one that may be sent; says what is wrong with it.
    fn judge(&mut self, operation: &str, message: &Value) -> Result<(), String> {
        let frames = message.as_array().map_or(std::slice::from_ref(message), Vec::as_slice);
        for frame in frames {
            let kind = frame["type"].as_str().ok_or("no type")?;
            let mut all = self.of(operation);
            let payload = all.find(|payload| payload["properties"]["type"]["const"] == kind);
            let payload = payload.ok_or_else(|| format!("{kind} is not described"))?;
            let validator = schema(&self.document, payload);
            if let Some(error) = validator.iter_errors(frame).next() {
                return Err(format!("{frame}: {error}"));
            }
            drop(all);
            self.seen.insert(format!("{operation} {kind}"));
        }
        Ok(())
    }

    fn types(&self) -> BTreeSet<String> {
        let of = |operation: &'static str| {
            let kinds = self.of(operation).map(|payload| payload["properties"]["type"]["const"].clone());
            kinds.map(move |kind| format!("{operation} {}", kind.as_str().expect("a type")))
        };
        of("clientFrame").chain(of("serverFrame")).collect()
    }
}

#[test]
fn asyncapi_takes_every_golden_frame() {
    let mut frames = Frames::new();
    for (operation, text) in [
        ("clientFrame", include_str!("../../../protocol/vectors/json-client.json")),
        ("serverFrame", include_str!("../../../protocol/vectors/json-server.json")),
    ] {
        let vectors: Vec<Value> = serde_json::from_str(text).expect("vectors");
        let good = vectors.iter().filter(|vector| vector.get("error").is_none());
        for vector in good {
            let message: Value =
                serde_json::from_str(vector["text"].as_str().expect("a text")).expect("JSON");
            // What receivers take beside what is described: frames and fields of a later version, and numbers as texts.
            let beyond =
                ["unknown types, fields and nulls are passed over", "any number as a string of digits"];
            let name = vector["name"].as_str().expect("a name");
            if let Err(why) = frames.judge(operation, &message) {
                assert!(beyond.contains(&name), "{operation}, {name}: {why}");
            }
        }
    }
    assert_eq!(frames.seen, frames.types());
}

#[tokio::test]
async fn a_real_conversation_is_as_asyncapi_says() {
    let mut frames = Frames::new();
    let mut config = config();
    config.rules.heartbeat = 1_000;
    let server = start_with(config).await;
    let mut ws = server.raw_ws(Some(WS_JSON)).await;
    for sent in [
        json!({"type": "connect", "client_id": "ada", "info": "Ada"}),
        json!([
            {"type": "subscribe", "topic": "a", "from": "other-5", "presence": true},
            {"type": "publish", "topic": "a", "id": "x.1", "data": {"text": "hi"}, "key": "k"},
            {"type": "publish", "topic": "a", "id": "x.2", "kind": "bytes", "data": "AAEC", "ephemeral": true},
            {"type": "presence", "request": 1, "topic": "a"},
            {"type": "history", "request": 2, "topic": "a", "limit": 10},
            {"type": "pause", "topic": "nowhere"},
            {"type": "ping", "nonce": 7}
        ]),
    ] {
        frames.judge("clientFrame", &sent).expect("as described");
        ws.socket.send(Message::Text(sent.to_string().into())).await.expect("sends");
    }
    let wanted = [
        "welcome",
        "subscribed",
        "gap",
        "members",
        "ack",
        "messages",
        "ephemeral",
        "presence",
        "history",
        "error",
        "pong",
        "heartbeat",
    ];
    let has = |frames: &Frames, kind: &str| frames.seen.contains(&format!("serverFrame {kind}"));
    while !wanted.iter().all(|kind| has(&frames, kind)) {
        let message = tokio::time::timeout(PATIENCE, ws.socket.next()).await.expect("in time");
        let Some(Ok(Message::Text(text))) = message else { panic!("{message:?}, after {:?}", frames.seen) };
        frames.judge("serverFrame", &serde_json::from_str(&text).expect("JSON")).expect("as described");
    }
}
