//! A Redis of a test's own: in a directory of its own, over a socket of its own, and gone with the test, also
//! when that is killed. It can be killed and started again over the same files.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

/// Longer than a Redis takes to start; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stays until its input ends, as it does with the process that holds it, and takes Redis along.
const GUARD: &str = r#""$@" >&2 & pid=$!; echo "$pid"; read -r _; kill -9 "$pid"; wait"#;

/// What a Redis keeps over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// All that it acknowledged.
    Everything,
    /// Nothing.
    Nothing,
    /// What it was told to save, by `SAVE`.
    Snapshots,
    /// Nothing; and it is a cluster of one.
    Cluster,
}

/// A running Redis.
pub struct RedisServer {
    directory: PathBuf,
    keeps: Keeps,
    running: Option<Running>,
}

struct Running {
    guard: Child,
    _input: ChildStdin,
    pid: String,
}

impl RedisServer {
    /// Starts one, and waits until it answers.
    pub fn start(keeps: Keeps) -> Self {
        let name = format!("everwire-redis-{}-{:x}", std::process::id(), fastrand::u64(..));
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("makes a directory");
        let mut server = Self { directory, keeps, running: None };
        server.restart();
        server
    }

    /// Starts it again, over what it kept.
    pub fn restart(&mut self) {
        assert!(self.running.is_none(), "it runs");
        // Left by one that was killed; it would pass for the new one.
        let _ = std::fs::remove_file(self.socket());
        let socket = self.socket();
        let path = |path: &Path| path.to_str().expect("text").to_owned();
        let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "sh", &program, "--port", "0", "--unixsocket", &path(&socket)]);
        command.args(["--dir", &path(&self.directory), "--save", "", "--daemonize", "no"]);
        if self.keeps == Keeps::Everything {
            command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        if self.keeps == Keeps::Cluster {
            // Its own port for others of the cluster; there are none, but it wants one.
            let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
            let port = port.expect("a free port").port().to_string();
            command.args(["--cluster-enabled", "yes", "--bind", "127.0.0.1", "--cluster-port", &port]);
        }
        let log = std::fs::File::create(self.directory.join("log")).expect("makes a file");
        let mut guard =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().expect("starts");
        let input = guard.stdin.take().expect("is piped");
        let mut pid = String::new();
        let stdout = guard.stdout.take().expect("is piped");
        BufReader::new(stdout).read_line(&mut pid).expect("a line");
        self.running = Some(Running { guard, _input: input, pid: pid.trim().to_owned() });
        let started = Instant::now();
        while self.ask(&["PING"]).is_err() {
            assert!(started.elapsed() < PATIENCE, "no redis-server answers: cargo xtask setup gets it");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it something, over a connection of its own.
    pub fn ask(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(format!("redis+unix://{}", self.socket().display()))?;
        let mut command = redis::cmd(words.first().copied().unwrap_or_default());
        words.iter().skip(1).for_each(|word| {
            command.arg(*word);
        });
        command.query(&mut client.get_connection()?)
    }

    /// Sends it a signal: `KILL`, `STOP`, `CONT`.
    pub fn signal(&mut self, signal: &str) {
        let pid = &self.running.as_ref().expect("it runs").pid;
        assert!(Command::new("kill").args(["-s", signal, pid]).status().expect("kills").success());
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal("KILL");
        self.end();
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    fn end(&mut self) {
        if let Some(Running { mut guard, _input: input, .. }) = self.running.take() {
            drop(input);
            let _ = guard.wait();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.end();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
