//! The servers that are attacked: real processes. It knows no cases.

use std::{
    io::Read,
    process::{Child, Stdio},
    thread::JoinHandle,
};

use crate::{binary, http, tokens, websocket};

/// A running server.
pub struct Process {
    pub address: String,
    child: Child,
    logs: Option<JoinHandle<String>>,
}

impl Process {
    fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = binary::command();
        // Away from any `dist` that may lie about.
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let address = binary::address(child.stdout.as_mut().expect("is piped")).expect("the line");
        // Read from the start: a full pipe would stop the server.
        let mut stderr = child.stderr.take().expect("is piped");
        let logs = std::thread::spawn(move || {
            let mut logs = Vec::new();
            let _ = stderr.read_to_end(&mut logs);
            String::from_utf8_lossy(&logs).into_owned()
        });
        Self { address, child, logs: Some(logs) }
    }

    /// Bytes of memory that it has; nothing where the system does not say.
    fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// Ends it; answers what it logged.
    fn end(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.logs.take().map_or_else(String::new, |logs| logs.join().expect("reads"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// All servers.
pub struct Bench {
    /// With keys and guards, and anonymous clients too. Its waits are a second.
    pub guarded: Process,
    /// On its own machine, without keys, and with room for few.
    pub trusting: Process,
}

impl Bench {
    pub fn start() -> Self {
        let waits = ["--header-timeout", "1", "--body-timeout", "1", "--connect-timeout", "1"];
        let jwks = tokens::key_set();
        let mut guarded = vec!["--anonymous", "--anonymous-publish", "open:*", "--address-connections", "30"];
        guarded.extend(["--token-jwks", &jwks, "--token-leeway", "0", "--log-filter", "trace"]);
        let rates = [
            "--request-rate",
            "20",
            "--request-burst",
            "200",
            "--connect-rate",
            "20",
            "--connect-burst",
            "200",
        ];
        guarded.extend(rates);
        guarded.extend(waits);
        let public = [("EVERWIRE_TOKEN_SECRET", tokens::SECRET), ("EVERWIRE_TOKEN_KEY", tokens::RSA_PUBLIC)];
        let guarded = Process::start(&guarded, &public);
        std::fs::remove_file(jwks).expect("removes");
        let trusting = Process::start(&["--max-connections", "2"], &[]);
        Self { guarded, trusting }
    }

    /// Both answer still, over HTTP and over a WebSocket.
    pub fn assert_lives(&self) {
        for Process { address, .. } in [&self.guarded, &self.trusting] {
            assert_eq!(http::get(address, "/health/ready"), "200");
            assert_eq!(websocket::json(address, &[r#"{"type":"ping","nonce":1}"#]), "lives on");
        }
    }

    pub fn memory(&self) -> Vec<u64> {
        [&self.guarded, &self.trusting].into_iter().filter_map(Process::memory).collect()
    }

    /// Ends them; neither may have panicked, nor have told a secret.
    pub fn end(mut self) {
        for process in [&mut self.guarded, &mut self.trusting] {
            assert!(process.child.try_wait().expect("waits").is_none(), "it ended by itself");
            let logs = process.end();
            assert!(!logs.contains("panicked"), "{logs}");
            assert!(!logs.contains(tokens::SECRET) && !logs.contains("eyJ"), "a token in the logs");
        }
    }
}
