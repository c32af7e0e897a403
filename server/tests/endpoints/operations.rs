//! What an operator looks at: health, and the server's own figures.

use everwire_protocol::ServerFrame;

use crate::support::{config, start, start_with};

#[tokio::test]
async fn health_is_told() {
    let server = start().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = server.get(path).await;
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.expect("a body")),
            (200, "ok\n".to_owned())
        );
    }
}

#[tokio::test]
async fn the_servers_own_figures_come_every_second() {
    let server = start_with(everwire_server::config::Config { metrics_topics: true, ..config() }).await;
    let mut sse = server.sse("topic=metrics:cpu&topic=metrics:memory&topic=metrics:connections&topic=metrics:messages&from=earliest").await;
    let mut seen = std::collections::HashMap::new();
    while seen.len() < 4 {
        if let ServerFrame::Messages { alias, records } = sse.named("").await.frame() {
            let value: serde_json::Value = serde_json::from_slice(&records[0].payload.data).expect("JSON");
            seen.insert(alias, value);
        }
    }
    for (alias, names) in [
        (0, &["process", "machine"][..]),
        (1, &["process", "machine_used", "machine_total"]),
        (2, &["websocket", "sse", "poll"]),
        (3, &["in", "out"]),
    ] {
        for name in names {
            assert!(seen[&alias][*name].is_number(), "{name}");
        }
    }
    assert!(seen[&1]["process"].as_u64().is_some_and(|bytes| bytes > 1_000_000));
}
