//! Publishers that note what was acknowledged, and what the log has to hold in the end.

use std::collections::HashSet;

use everwire_protocol::Position;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

/// What was acknowledged: where it stands, and what it is.
pub type Ack = (Position, String);

pub fn http() -> reqwest::Client {
    reqwest::Client::builder().timeout(super::PATIENCE / 4).no_proxy().build().expect("builds")
}

/// Publishes one text after another, each at any of the addresses, until it is acknowledged; ends when nobody takes
/// the acknowledgements any more.
pub async fn publish(name: usize, addresses: Vec<String>, acks: UnboundedSender<Ack>) {
    let http = http();
    for n in 0_u64.. {
        let text = format!("{name}.{n}");
        let position = loop {
            let address = &addresses[fastrand::usize(..addresses.len())];
            if let Some(position) = try_publish(&http, address, &text).await {
                break position;
            }
            if acks.is_closed() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(fastrand::u64(1..20))).await;
        };
        if acks.send((position, text)).is_err() {
            return;
        }
    }
}

/// The text is its own idempotency key.
async fn try_publish(http: &reqwest::Client, address: &str, text: &str) -> Option<Position> {
    let request =
        http.post(format!("http://{address}/v1/publish")).header("content-type", "application/json");
    let body = format!(r#"{{"topic":"a","data":"{text}"}}"#);
    let answer = request.header("idempotency-key", text).body(body).send().await.ok()?;
    if answer.status() != 200 {
        // Anything else would be wrong for good.
        assert_eq!(answer.status(), 503, "{:?}", answer.text().await);
        return None;
    }
    let answer: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
    answer["position"].as_str()?.parse().ok()
}

/// All that the log holds, from its beginning.
pub async fn read_all(address: &str) -> Vec<Ack> {
    let (http, mut all) = (http(), Vec::<Ack>::new());
    loop {
        let after = all.last().map_or(0, |(position, _)| position.offset);
        let url = format!("http://{address}/v1/topics/a/history?after={after}&limit=1000");
        let mut page = None;
        super::until("the history is there", async || {
            if let Ok(answer) = http.get(&url).send().await
                && answer.status() == 200
            {
                page = answer.text().await.ok();
            }
            page.is_some()
        })
        .await;
        let page: Value = serde_json::from_str(&page.expect("a page")).expect("JSON");
        let epoch = page["epoch"].as_str().expect("an epoch").parse().expect("an epoch");
        for record in page["records"].as_array().expect("records") {
            let offset = record["offset"].as_u64().expect("an offset");
            all.push((Position { epoch, offset }, record["data"].as_str().expect("a text").to_owned()));
        }
        if page["more"] != true {
            return all;
        }
    }
}

/// Every acknowledged record is where it was said to be, offsets are contiguous, nothing is there twice, and each
/// publisher's records are in its order.
pub fn check(log: &[Ack], acks: &[Ack]) {
    for ((position, _), offset) in log.iter().zip(1..) {
        assert_eq!(position.offset, offset, "invariant 1: offsets are contiguous");
    }
    let mut seen = HashSet::new();
    for (position, text) in log {
        assert!(seen.insert(text), "invariant 4: {text} is there twice, at {position} too");
    }
    for (position, text) in acks {
        let there = usize::try_from(position.offset - 1).ok().and_then(|index| log.get(index));
        assert_eq!(there, Some(&(*position, text.clone())), "acknowledged, and not there");
    }
    let mut next = std::collections::HashMap::<&str, u64>::new();
    for (_, text) in log {
        let (name, n) = text.split_once('.').expect("a name and a number");
        let expected = next.entry(name).or_default();
        assert_eq!(n.parse(), Ok(*expected), "invariant 3");
        *expected += 1;
    }
}
