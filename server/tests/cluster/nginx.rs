//! The real nginx, with the example's configuration at ports of the test.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::instance::{Instance, free_port};

pub const EXAMPLE: &str = include_str!("../../../examples/deploy/nginx.conf");

/// A running nginx.
pub struct Nginx {
    pub address: String,
    directory: PathBuf,
    guard: Child,
}

/// Stays until its input ends, as it does with the process that holds it, and takes nginx along, in order.
const GUARD: &str = r#""$@" & pid=$!; read -r _; kill "$pid"; wait"#;

impl Nginx {
    /// Starts one in front of two instances.
    pub async fn start(instances: [&Instance; 2]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut config = EXAMPLE.to_owned();
        let places = [
            ("server 127.0.0.1:8081 ", format!("server {} ", instances[0].address)),
            ("server 127.0.0.1:8082 ", format!("server {} ", instances[1].address)),
            ("listen 127.0.0.1:8080;", format!("listen {address};")),
        ];
        for (example, ours) in places {
            assert_eq!(config.matches(example).count(), 1, "{example}");
            config = config.replace(example, &ours);
        }
        let name = format!("everwire-nginx-{}-{:x}", std::process::id(), fastrand::u64(..));
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("makes a directory");
        std::fs::write(directory.join("nginx.conf"), config).expect("writes");
        let program = std::env::var("NGINX").unwrap_or_else(|_| "nginx".to_owned());
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARD, "sh", &program, "-c", "nginx.conf", "-g", "daemon off;", "-p"])
            .arg(&directory);
        let log = std::fs::File::create(directory.join("log")).expect("makes a file");
        let guard = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn();
        let nginx = Self { guard: guard.expect("starts"), address, directory };
        let http = reqwest::Client::builder().no_proxy().build().expect("builds");
        super::until("nginx answers (cargo xtask setup gets it)", async || {
            let asked = http.get(format!("http://{}/health/ready", nginx.address)).send().await;
            asked.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            let end = log.lines().count().saturating_sub(30);
            eprintln!("the end of nginx's log:");
            log.lines().skip(end).for_each(|line| eprintln!("{line}"));
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
