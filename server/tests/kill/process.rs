//! The server's binary over one data directory: started on a free port, killed without a warning.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use super::binary;

pub struct Server {
    child: Child,
    address: SocketAddr,
}

fn spawn(data: &Path) -> Child {
    let mut command = binary::command();
    // All that is published stays, so that all of it can be looked at.
    command.args(["--listen", "127.0.0.1:0", "--retain-records", "10000000", "--retain-bytes", "1000000000"]);
    command.args(["--idempotency-keys", "1000000", "--metrics-topics", "false", "--log-filter", "error"]);
    command.arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().expect("starts")
}

impl Server {
    pub async fn start(data: &Path) -> Self {
        let mut child = spawn(data);
        let stdout = child.stdout.take().expect("is piped");
        let address = tokio::task::spawn_blocking(move || binary::address(stdout));
        let address = address.await.expect("is read").expect("the line");
        Self { address: address.parse().expect("an address"), child }
    }

    /// Starts one, and kills it some moment later, wherever it is then.
    pub async fn start_and_kill(data: &Path, milliseconds: u64) {
        let child = spawn(data);
        let mut server = Self { child, address: ([127, 0, 0, 1], 0).into() };
        // The moment is what is tried, and nothing is waited for.
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        server.kill();
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// SIGKILL; on return it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("kills");
        self.child.wait().expect("is gone");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
