//! A ticket that one instance gave is good at any other, once.

use super::{
    instance::Instance,
    log::http,
    redis_server::{Keeps, RedisServer},
};

const SECRET: &str = "a shared secret of at least 32 bytes";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_of_one_instance_opens_a_stream_at_another_once() {
    let redis = RedisServer::start(Keeps::Nothing);
    let [here, there] = [(); 2].map(|()| Instance::start(&redis.url(), &["--token-secret", SECRET]));
    let claims = serde_json::json!({ "sub": "ada", "exp": u64::MAX, "everwire": { "subscribe": ["a"] } });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token");
    let http = http();
    let mut ticket = String::new();
    super::until("a ticket is given", async || {
        let asked = http.post(here.url("/v1/ticket")).bearer_auth(&token).header("accept", "text/plain");
        let answer = asked.send().await.expect("answers");
        let given = answer.status() == 200;
        ticket = answer.text().await.expect("a body");
        given
    })
    .await;
    let ask = async |instance: &Instance, topic: &str| {
        let url = instance.url(&format!("/v1/sse?topic={topic}&ticket={ticket}"));
        http.get(url).send().await.expect("answers").status().as_u16()
    };
    super::until("the other is ready", async || {
        http.get(there.url("/health/ready")).send().await.expect("answers").status() == 200
    })
    .await;
    assert_eq!(ask(&there, "a").await, 200);
    for instance in [&here, &there] {
        assert_eq!(ask(instance, "a").await, 401, "it was used");
    }
}
