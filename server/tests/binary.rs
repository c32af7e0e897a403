//! The binary as an operator meets it: its one line, its refusals, its end.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everwire-server"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("EVERWIRE_")) {
        command.env_remove(name);
    }
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
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("is piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("everwire-server listening on http://").expect("the line");
    Running { address: address.to_owned(), child }
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
    for signal in ["TERM", "INT"] {
        let mut server = run(command(&["--listen", "127.0.0.1:0"]));
        assert!(TcpStream::connect(&server.address).is_ok());
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kills").success());
        assert_eq!(server.child.wait().expect("ends").code(), Some(0));
        let mut logs = String::new();
        server.child.stderr.as_mut().expect("is piped").read_to_string(&mut logs).expect("logs");
        assert!(logs.contains("draining") && logs.contains("no keys"), "{logs}");
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
        (&["--listen", &taken.address], "can't listen on"),
    ] {
        let why = refused(command(arguments));
        assert!(why.contains(named), "{why}");
    }
}

#[test]
fn help_names_every_variable() {
    let output = command(&["--help"]).output().expect("runs");
    let help = String::from_utf8(output.stdout).expect("text");
    for name in ["EVERWIRE_LISTEN", "EVERWIRE_CONFIG", "EVERWIRE_RETAIN_AGE", "EVERWIRE_DRAIN_WINDOW"] {
        assert!(help.contains(name), "{help}");
    }
}
