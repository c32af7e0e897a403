//! What the binary is told, and what it says of it: sources, mistakes, completions.

use std::{
    io::Read,
    process::{Command, Output},
};

use super::{SECRET, command, refused, run};

fn printed(mut command: Command) -> (bool, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.success(), text(stdout), text(stderr))
}

fn file(name: &str, content: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("everwire-{}-{name}", std::process::id()));
    std::fs::write(&path, content).expect("writes");
    path
}

#[test]
fn the_effective_configuration_is_printed_with_its_sources_and_without_secrets() {
    let path = file(
        "effective.toml",
        "heartbeat = 9\nmax-topics = 77\n[[retention]]\npattern = \"a:*\"\nrecords = 5\n",
    );
    let mut show = command(&["--config", path.to_str().expect("text"), "--max-life", "600", "config"]);
    show.env("EVERWIRE_HEARTBEAT", "7").env("EVERWIRE_TOKEN_SECRET", SECRET);
    let (started, shown, _) = printed(show);
    assert!(started);
    let line = |name: &str| {
        shown.lines().find(|line| line.trim_start_matches("# ").starts_with(name)).expect("a line")
    };
    for (name, words) in [
        ("heartbeat", ["heartbeat = 7", "# EVERWIRE_HEARTBEAT"]),
        ("max-topics", ["max-topics = 77", "effective.toml"]),
        ("max-life", ["max-life = 600", "# --max-life"]),
        ("max-members", ["max-members = 200000", "# default"]),
        ("token-secret", ["(hidden)", "# EVERWIRE_TOKEN_SECRET"]),
        ("token-jwks", ["# token-jwks =", "# not set"]),
    ] {
        assert!(words.iter().all(|word| line(name).contains(word)), "{}", line(name));
    }
    assert!(!shown.contains(SECRET) && shown.contains("[[retention]]"), "{shown}");

    // What is printed is a configuration file that says the same.
    let kept = file("kept.toml", &shown);
    let (started, again, why) = printed(command(&["--config", kept.to_str().expect("text"), "config"]));
    let values = |text: &str| -> Vec<String> {
        let said = text.lines().filter(|line| !line.starts_with('#'));
        said.map(|line| line.split(" #").next().unwrap_or_default().trim_end().to_owned()).collect()
    };
    assert!(started, "{why}");
    assert_eq!(values(&again), values(&shown));
    for path in [path, kept] {
        std::fs::remove_file(path).expect("removes");
    }
}

#[test]
fn a_wrong_value_is_told_with_its_source_and_what_is_allowed() {
    let path = file("wrong.toml", "");
    let config = path.to_str().expect("text").to_owned();
    for (toml, words) in [
        ("heartbeat = 301", &["heartbeat = 301", "1 to 300", "wrong.toml"][..]),
        ("heartbeat = \"often\"", &["heartbeat", "\"often\"", "a whole number is wanted", "wrong.toml"]),
        ("heart-beat = 9", &["heart-beat is no option; heartbeat is one", "wrong.toml"]),
        ("log = \"xml\"", &["log", "xml", "text", "json", "wrong.toml"]),
        ("heartbeat = ", &["wrong.toml"]),
    ] {
        std::fs::write(&path, toml).expect("writes");
        let why = refused(command(&["--config", &config]));
        assert!(words.iter().all(|word| why.contains(word)), "{toml}: {why}");
    }
    std::fs::remove_file(path).expect("removes");

    let by = |variable: &str, value: &str| {
        let mut command = command(&[]);
        command.env(variable, value);
        refused(command)
    };
    let why = by("EVERWIRE_HEARTBEAT", "0");
    assert!(
        why.contains("heartbeat = 0") && why.contains("1 to 300") && why.contains("by EVERWIRE_HEARTBEAT"),
        "{why}"
    );
    let why = by("EVERWIRE_HEARTBEAT", "often");
    assert!(why.contains("'often' for 'EVERWIRE_HEARTBEAT'"), "{why}");
    let why = refused(command(&["--heartbeat", "0"]));
    assert!(why.contains("by --heartbeat"), "{why}");
    let why = refused(command(&["--heartbeat", "often"]));
    assert!(why.contains("'often' for '--heartbeat"), "{why}");
    let why = refused(command(&["--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"]));
    assert!(why.contains("tls-cert: /nowhere/cert.pem") && why.contains("by --tls-cert"), "{why}");
    let why = refused(command(&["--tls-cert", "/nowhere/cert.pem"]));
    assert!(why.contains("tls-key is missing"), "{why}");
}

#[test]
fn a_misspelt_variable_is_told_in_the_log() {
    let mut command = command(&["--listen", "127.0.0.1:0"]);
    command.env("EVERWIRE_HARTBEAT", "7");
    let mut server = run(command);
    server.child.kill().expect("ends");
    let mut logs = String::new();
    server.child.stderr.as_mut().expect("is piped").read_to_string(&mut logs).expect("logs");
    assert!(
        logs.contains("no option is set by this variable") && logs.contains("EVERWIRE_HARTBEAT"),
        "{logs}"
    );
}

#[test]
fn shells_get_completions() {
    for (shell, words) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef everwire-server"),
        ("fish", "complete -c everwire-server"),
    ] {
        let (done, script, _) = printed(command(&["completions", shell]));
        assert!(done && script.contains(words) && script.contains("heartbeat"), "{shell}");
    }
}
