//! `everwire-server publish`, against a real server: cut at any moment and run again, nothing is missing and nothing is
//! there twice.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

#[path = "parts/binary.rs"]
mod binary;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Keeps all that these tests publish.
    fn start(more: &[&str]) -> Self {
        let mut command = binary::command();
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--retain-records",
            "100000",
            "--retain-bytes",
            "100000000",
        ]);
        command.args(["--metrics-topics=false"]).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let address = binary::address(child.stdout.as_mut().expect("is piped")).expect("the line");
        let url = format!("http://{address}");
        Self { child, url }
    }

    /// The data of all records of a topic.
    async fn data(&self, topic: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let url = format!("{}/v1/topics/{topic}/history?after={after}&limit=1000", self.url);
            let page = reqwest::Client::builder().no_proxy().build().expect("builds").get(url).send().await;
            let text = page.expect("answers").text().await.expect("a body");
            let page: Value = serde_json::from_str(&text).expect("JSON");
            let records = page["records"].as_array().expect("records");
            all.extend(records.iter().map(|record| record["data"].clone()));
            after += records.len();
            if page["more"] != true {
                return all;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn publish(server: &Server, arguments: &[&str], input: &Path) -> Command {
    let mut command = binary::command();
    command.args(["publish", "--to", &server.url]).args(arguments);
    command.stdin(std::fs::File::open(input).expect("opens")).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn input(directory: &Path, lines: impl Iterator<Item = String>) -> std::path::PathBuf {
    let path = directory.join("input.ndjson");
    let mut file = std::fs::File::create(&path).expect("creates");
    lines.for_each(|line| writeln!(file, "{line}").expect("writes"));
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn invariant_4_a_run_that_is_killed_and_started_again_publishes_each_line_once() {
    const LINES: u64 = 3_000;
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(&["--publish-rate", "0", "--request-rate", "0", "--connect-rate", "0"]);
    let input = input(directory.path(), (1..=LINES).map(|n| format!(r#"{{"n":{n}}}"#)));
    let state = directory.path().join("job");
    let state = state.to_str().expect("text");
    let arguments = ["--topic", "orders", "--state", state, "--batch", "7"];
    let mut kills = 0;
    loop {
        let mut child = publish(&server, &arguments, &input).spawn().expect("starts");
        // Killed as soon as there is more in the log than before, so never at the same place.
        let before = server.data("orders").await.len();
        let ended = loop {
            if let Some(status) = child.try_wait().expect("can be asked") {
                break Some(status);
            }
            if kills < 5 && server.data("orders").await.len() > before + 50 {
                break None;
            }
        };
        match ended {
            Some(status) => {
                let mut said = String::new();
                child.stderr.as_mut().expect("is piped").read_to_string(&mut said).expect("reads");
                assert!(status.success(), "{said}");
                break;
            }
            None => {
                child.kill().expect("kills");
                child.wait().expect("ends");
                kills += 1;
            }
        }
    }
    assert!(kills > 0, "it was too quick to be cut");
    let numbers: Vec<_> = server.data("orders").await.iter().filter_map(|data| data["n"].as_u64()).collect();
    assert_eq!(numbers, (1..=LINES).collect::<Vec<_>>());
    // A run of what is done does nothing.
    assert!(publish(&server, &arguments, &input).status().expect("runs").success());
    assert_eq!(server.data("orders").await.len() as u64, LINES);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_name_their_topics_and_a_rate_limit_is_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(&["--publish-rate", "100", "--publish-burst", "40"]);
    let lines = (0..300).map(|n| format!(r#"{{"topic":"t{}","data":{n}}}"#, n % 2));
    let input = input(directory.path(), lines);
    assert!(publish(&server, &[], &input).status().expect("runs").success());
    let numbers: Vec<_> = server.data("t1").await.iter().filter_map(Value::as_u64).collect();
    assert_eq!(numbers, (0..300).filter(|n| n % 2 == 1).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_can_t_be_published_stops_it_and_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(&[]);
    for (lines, said) in [(["1", "{", "3"], "line 2: "), (["1", r#""no object""#, "3"], "line 1: ")] {
        let topic: &[&str] = if said == "line 2: " { &["--topic", "a"] } else { &[] };
        let input = input(directory.path(), lines.iter().map(|line| (*line).to_owned()));
        let Output { status, stderr, .. } = publish(&server, topic, &input).output().expect("runs");
        assert!(!status.success());
        let stderr = String::from_utf8(stderr).expect("text");
        assert!(stderr.contains(said), "{stderr}");
    }
    let input = input(directory.path(), ["1".to_owned()].into_iter());
    let Output { status, stderr, .. } =
        publish(&server, &["--topic", "$sys:x"], &input).output().expect("runs");
    let stderr = String::from_utf8(stderr).expect("text");
    assert!(!status.success() && stderr.contains("line 1: forbidden"), "{stderr}");
}
