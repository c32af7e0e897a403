//! An instance: the binary, over a Redis. It can be asked to end, killed, and started again where it was.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use super::binary;

/// Where a port is looked for: below those that the system gives to connections, so that none takes it while an
/// instance is being started again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(PORTS);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running instance.
pub struct Instance {
    pub address: String,
    arguments: Vec<String>,
    child: Child,
}

impl Instance {
    /// Starts one at a port of its own, and waits until it listens.
    pub fn start(redis: &str, more: &[&str]) -> Self {
        loop {
            let address = format!("127.0.0.1:{}", free_port());
            let mut arguments =
                vec!["--listen".to_owned(), address.clone(), "--redis".to_owned(), redis.to_owned()];
            arguments.extend(more.iter().map(|&argument| argument.to_owned()));
            if let Some(child) = spawn(&arguments) {
                return Self { address, arguments, child };
            }
        }
    }

    /// The same again, after it has ended.
    pub fn restart(&mut self) {
        self.child = spawn(&self.arguments).expect("listens where it did");
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// SIGTERM; answers its exit code, when it has ended.
    pub async fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().expect("kills").success());
        let mut code = None;
        super::until("it ends", async || {
            code = self.child.try_wait().expect("is ours");
            code.is_some()
        })
        .await;
        code.and_then(|status| status.code())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("is killed");
        self.child.wait().expect("ends");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(arguments: &[String]) -> Option<Child> {
    let mut command = binary::command();
    let mut child =
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    if binary::address(child.stdout.take().expect("is piped")).is_some() {
        return Some(child);
    }
    let _ = child.wait();
    None
}
