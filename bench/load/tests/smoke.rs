//! The tool against the real server, small: what was published comes to all, once, on every transport. Nothing
//! here is measured.
#![allow(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use clap::Parser;
use everwire_load::{options::Options, report::Report, run};
use everwire_server::{
    config::{Config, Options as ServerOptions},
    server::Server,
};

const CONNECTIONS: usize = 200;

fn server_options() -> ServerOptions {
    let arguments = ["everwire-server", "--listen", "127.0.0.1:0", "--log-filter", "off"];
    ServerOptions::parse_from(arguments)
}

async fn load(transport: &str, arguments: &[&str]) -> Report {
    let config = Config::load(&server_options()).expect("is a configuration");
    let server = Server::start(config).await.expect("starts");
    let address = server.address().to_string();
    let connections = CONNECTIONS.to_string();
    let common = ["everwire-load", "--address", &address, "--transport", transport];
    let small = ["--settle", "0", "--connections", &connections];
    let options = common.iter().chain(&small).chain(arguments);
    let options = Options::try_parse_from(options).expect("are options");
    tokio::task::spawn_blocking(move || run(&options)).await.expect("runs").expect("is served")
}

fn assert_all_came(report: &Report, published: usize) {
    assert!(report.is_clean(), "{report}");
    let phases = report.bursts.iter().chain(&report.paced);
    assert_eq!(phases.map(|phase| phase.deliveries).sum::<u64>(), (CONNECTIONS * published) as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_and_paced_messages_come_to_every_websocket_once() {
    let report = load("websocket", &["--bursts", "2", "--burst", "20", "--paced", "1", "--rate", "5"]).await;
    assert_all_came(&report, 2 * 20 + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_and_paced_messages_come_to_every_event_stream_once() {
    let report = load("sse", &["--bursts", "2", "--burst", "20", "--paced", "1", "--rate", "5"]).await;
    assert_all_came(&report, 2 * 20 + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_publishers_are_dealt_out() {
    let arguments = ["--topics", "10", "--publishers", "2", "--bursts", "1", "--burst", "40"];
    let report = load("websocket", &arguments).await;
    // Each topic has a tenth of the subscribers, and a tenth of what was published.
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.bursts[0].deliveries, (40 * CONNECTIONS / 10) as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_from_many_addresses_stay() {
    let report = load("sse", &["--per-address", "50", "--ramp", "1000", "--hold", "1"]).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.idle.is_some_and(|idle| idle.seconds >= 1.0));
}
