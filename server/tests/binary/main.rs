//! The binary as an operator meets it: its one line, its refusals, its end.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../parts/binary.rs"]
mod binary;
mod configuration;
mod tokens;

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
};

use tokio_tungstenite::tungstenite;

const SECRET: &str = "a shared secret of at least 32 bytes";

fn command(arguments: &[&str]) -> Command {
    let mut command = binary::command();
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn refused(mut command: Command) -> String {
    let Output { status, stderr, stdout } = command.output().expect("runs");
    assert!(!status.success());
    assert!(stdout.is_empty());
    String::from_utf8(stderr).expect("text")
}

struct Running {
    child: Child,
    address: String,
}

fn run(mut command: Command) -> Running {
    let mut child = command.spawn().expect("starts");
    let address = binary::address(child.stdout.as_mut().expect("is piped")).expect("the line");
    Running { address, child }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn sigterm_and_sigint_end_it_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().to_str().expect("a path in UTF-8");
    for signal in ["TERM", "INT"] {
        let mut server = run(command(&["--listen", "127.0.0.1:0", "--data", data]));
        assert!(TcpStream::connect(&server.address).is_ok());
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kills").success());
        assert_eq!(server.child.wait().expect("ends").code(), Some(0));
        let mut logs = String::new();
        server.child.stderr.as_mut().expect("is piped").read_to_string(&mut logs).expect("logs");
        assert!(logs.contains("draining") && logs.contains("no keys"), "{logs}");
        let file = rusqlite::Connection::open(directory.path().join("everwire.db")).expect("opens");
        let closed = "SELECT value FROM meta WHERE name = 'closed'";
        assert_eq!(file.query_row(closed, [], |row| row.get(0)), Ok("1".to_owned()), "its store too");
    }
}

#[test]
fn a_public_address_without_keys_is_refused_unless_told() {
    let why = refused(command(&["--listen", "0.0.0.0:0"]));
    assert!(why.contains("refusing to listen on 0.0.0.0:0") && why.contains("--anonymous"), "{why}");
    let server = run(command(&["--listen", "0.0.0.0:0", "--anonymous"]));
    assert!(server.address.starts_with("0.0.0.0:"));
}

#[test]
fn with_keys_a_public_address_is_listened_on() {
    let mut by_variable = command(&["--listen", "0.0.0.0:0"]);
    by_variable.env("EVERWIRE_TOKEN_SECRET", SECRET);
    assert!(run(by_variable).address.starts_with("0.0.0.0:"));
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/ed25519.pub.pem");
    assert!(run(command(&["--listen", "0.0.0.0:0", "--token-key", key])).address.starts_with("0.0.0.0:"));
}

#[test]
fn variables_are_options_too() {
    let mut by_variable = command(&[]);
    by_variable.env("EVERWIRE_LISTEN", "127.0.0.1:0").env("EVERWIRE_LOG", "json");
    let server = run(by_variable);
    assert_ne!(server.address, "127.0.0.1:8080");
    let mut bad = command(&["--listen", "127.0.0.1:0"]);
    bad.env("EVERWIRE_HEARTBEAT", "4000");
    let why = refused(bad);
    assert!(why.contains("heartbeat = 4000 is out of bounds: 1 to 300"), "{why}");
}

#[test]
fn mistakes_are_told_by_name() {
    let taken = run(command(&["--listen", "127.0.0.1:0"]));
    for (arguments, named) in [
        (&["--listen", "nowhere"][..], "--listen"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--config", "/nowhere.toml"], "/nowhere.toml"),
        (&["--log-filter", "a=b=c"], "log-filter"),
        (&["--data", env!("CARGO_MANIFEST_DIR")], "and no store"),
        (&["--fsync", "interval"], "--data"),
        (&["--token-key", "/nowhere.pem"], "/nowhere.pem"),
        (&["--token-secret", "too short"], "at least 32 bytes"),
        (&["--anonymous-publish", "a**"], "anonymous-publish"),
        (&["--listen", &taken.address], "can't listen on"),
    ] {
        let why = refused(command(arguments));
        assert!(why.contains(named), "{why}");
    }
}

#[test]
fn no_log_filter_brings_a_token_into_the_logs() {
    const TOKEN: &str = "a-secret-that-is-in-no-log";
    for filter in ["trace", "info,tungstenite=trace,tungstenite::protocol=trace,hyper=trace,axum=trace"] {
        let mut server = run(command(&["--listen", "127.0.0.1:0", "--log-filter", filter]));
        // Read from the start: a full pipe would stop the server.
        let mut stderr = server.child.stderr.take().expect("is piped");
        let logs = std::thread::spawn(move || {
            let mut logs = String::new();
            stderr.read_to_string(&mut logs).map(|_| logs)
        });
        let url = format!("ws://{}/v1/ws", server.address);
        let stream = TcpStream::connect(&server.address).expect("connects");
        let (mut socket, _) = tungstenite::client(url, stream).expect("upgrades");
        let connect = format!(r#"{{"type":"connect","client_id":"ada","token":"{TOKEN}"}}"#);
        socket.send(tungstenite::Message::text(connect)).expect("sends");
        assert!(socket.read().expect("answers").is_text());
        let mut stream = TcpStream::connect(&server.address).expect("connects");
        let request = "GET /v1/poll?topic=a&timeout=0 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        write!(stream, "{request}authorization: Bearer {TOKEN}\r\n\r\n").expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        drop(server);
        let logs = logs.join().expect("reads").expect("text");
        assert!(logs.contains("no keys") && !logs.contains(TOKEN), "{logs}");
    }
}

#[test]
fn a_data_directory_keeps_the_logs_and_is_for_one_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("logs");
    let data = data.to_str().expect("a path in UTF-8");
    let arguments = ["--listen", "127.0.0.1:0", "--data", data, "--fsync", "interval"];
    let mut first = run(command(&arguments));
    let answer = publish(&first.address, r#"{"topic":"a","data":"kept"}"#);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(request(&first.address, "GET /health/ready", None).starts_with("HTTP/1.1 200"));

    let why = refused(command(&arguments));
    assert!(why.contains(data) && why.contains("another process has it"), "{why}");
    first.child.kill().expect("kills");
    first.child.wait().expect("is gone");
    let second = run(command(&arguments));
    let log = request(&second.address, "GET /v1/poll?topic=a&cursor=earliest&timeout=0", None);
    assert!(log.contains("kept"), "{log}");
}

/// A full disk, as far as one process can have it: its files may grow to a size and no further.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_to_publishers_and_to_readiness_and_is_over_when_there_is_room() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = command(&["--listen", "127.0.0.1:0", "--metrics-topics", "false", "--data"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -S -f 600; exec \"$@\"", "sh"]);
    limited.arg(server.get_program()).args(server.get_args()).arg(directory.path());
    for (name, _) in server.get_envs() {
        limited.env_remove(name);
    }
    limited.stdout(Stdio::piped()).stderr(Stdio::null());
    let server = run(limited);
    let ready = || request(&server.address, "GET /health/ready", None);
    let mut taken = 0;
    let refused = loop {
        let body = format!(r#"{{"topic":"a","id":"k.{taken}","data":"{}"}}"#, "x".repeat(20_000));
        let answer = publish(&server.address, &body);
        if !answer.starts_with("HTTP/1.1 200") {
            break answer;
        }
        taken += 1;
        assert!(taken < 100, "the limit is not felt");
    };
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("\"unavailable\""), "{refused}");
    assert!(
        refused.to_lowercase().contains("retry-after: ") && !refused.contains("everwire.db"),
        "{refused}"
    );
    assert!(ready().starts_with("HTTP/1.1 503"), "{}", ready());
    let kept = request(&server.address, "GET /v1/topics/a/history?limit=1", None);
    assert!(kept.starts_with("HTTP/1.1 200") && kept.contains(&format!("\"k.{}\"", taken - 1)), "{kept}");

    let pid = server.child.id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
    assert!(raised.expect("prlimit is a part of every Linux").success());
    let began = std::time::Instant::now();
    while !ready().starts_with("HTTP/1.1 200") {
        assert!(began.elapsed().as_secs() < 60, "it does not work again");
        std::thread::yield_now();
    }
    let body = format!(r#"{{"topic":"a","id":"k.{taken}","data":1}}"#);
    let again = publish(&server.address, &body);
    assert!(again.contains(&format!("-{}\"", taken + 1)), "its place is the next one: {again}");
}

/// Publishes by HTTP; answers all that came back.
fn publish(address: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    let head =
        "POST /v1/publish HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer
}

/// One request, without a body; answers all that came back.
fn request(address: &str, line: &str, token: Option<&str>) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    let token = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
    let head = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n{token}\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer
}

#[test]
fn help_names_every_variable() {
    let output = command(&["--help"]).output().expect("runs");
    let help = String::from_utf8(output.stdout).expect("text");
    for name in ["EVERWIRE_LISTEN", "EVERWIRE_CONFIG", "EVERWIRE_RETAIN_AGE", "EVERWIRE_DRAIN_WINDOW"] {
        assert!(help.contains(name), "{help}");
    }
    let mut with_secret = command(&["--help"]);
    with_secret.env("EVERWIRE_TOKEN_SECRET", SECRET);
    let output = with_secret.output().expect("runs");
    for text in [output.stdout, output.stderr] {
        assert!(!String::from_utf8(text).expect("text").contains(SECRET));
    }
}

#[test]
fn a_request_has_the_same_name_in_its_answer_and_in_the_log() {
    let mut server = run(command(&["--listen", "127.0.0.1:0", "--log", "json", "--log-filter", "debug"]));
    let mut socket = TcpStream::connect(&server.address).expect("connects");
    let request = "GET /v1/poll?topic=a&timeout=0&info=secret HTTP/1.1\r\nhost: localhost\r\nx-request-id: from-a-proxy.7\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).expect("writes");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("reads");
    assert!(answer.contains("\r\nx-request-id: from-a-proxy.7\r\n"), "{answer}");
    server.child.kill().expect("ends");
    let mut logs = String::new();
    server.child.stderr.as_mut().expect("is piped").read_to_string(&mut logs).expect("logs");
    let lines: Vec<serde_json::Value> =
        logs.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let answered = lines.iter().find(|line| line["fields"]["message"] == "answered").expect("a line");
    assert_eq!(
        (&answered["span"]["id"], &answered["fields"]["status"]),
        (&"from-a-proxy.7".into(), &200.into())
    );
    assert!(!logs.contains("info=secret"), "a query string is in no log");
}
