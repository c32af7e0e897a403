//! The servers under test: how each is started, and how one knows that it listens. A server ends when it is dropped.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use everwire_load::{dialect::Server, process::raise_file_limit};

/// A loaded machine needs its time.
const START: Duration = Duration::from_secs(20);
/// Where Debian puts nchan.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const NGINX_CONF: &str = include_str!("../../peers/nginx.conf");
/// What Everwire is started with: nothing that makes it faster, only limits that many connections need.
const EVERWIRE: &[&str] = &["--listen", "127.0.0.1:0", "--max-connections", "30000"];

/// Where things are.
#[derive(Debug)]
pub struct Places {
    pub everwire: PathBuf,
    pub load: PathBuf,
    peers: PathBuf,
    work: PathBuf,
}

impl Places {
    pub fn find(everwire: Option<PathBuf>) -> Result<Self> {
        let here = std::env::current_exe()?;
        let beside = here.parent().context("a binary stands in a folder")?;
        Ok(Self {
            everwire: everwire.unwrap_or_else(|| beside.join("everwire-server")),
            load: beside.join("everwire-load"),
            peers: Path::new(env!("CARGO_MANIFEST_DIR")).join("peers"),
            work: std::env::temp_dir().join(format!("everwire-compare-{}", std::process::id())),
        })
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        // It is there only when nginx was started.
        let _ = fs::remove_dir_all(&self.work);
    }
}

/// A running server.
pub struct Running {
    child: Child,
    pub address: SocketAddr,
}

impl Running {
    pub fn start(places: &Places, server: Server) -> Result<Self> {
        match server {
            Server::Everwire => {
                let mut command = Command::new(&places.everwire);
                announced(command.args(EVERWIRE).env("EVERWIRE_LOG_FILTER", "error"))
            }
            Server::Socketio => {
                if !places.peers.join("node_modules/socket.io").exists() {
                    bail!("socket.io is missing: npm ci --prefix bench/load/peers");
                }
                announced(Command::new("node").arg("socketio.mjs").current_dir(&places.peers))
            }
            Server::Nchan => nchan(places),
        }
        .with_context(|| format!("starting {server:?}"))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx ends its worker when it is asked to, and would leave it behind when it is killed.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let asked = Instant::now();
        while asked.elapsed() < START {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts one that prints where it listens.
fn announced(command: &mut Command) -> Result<Running> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("its output is piped")?;
    let mut running = Running { child, address: SocketAddr::from(([0; 4], 0)) };
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let (_, address) = line.trim_end().split_once("http://").context("it does not say where it listens")?;
    running.address = address.parse().with_context(|| format!("it says {line:?}"))?;
    Ok(running)
}

fn nchan(places: &Places) -> Result<Running> {
    if !Path::new(NCHAN).exists() {
        bail!("nchan is missing: apt-get install nginx-light libnginx-mod-nchan");
    }
    fs::create_dir_all(&places.work)?;
    // nginx can't say which port it took: one that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let files = raise_file_limit();
    let config = [
        ("{module}", NCHAN.to_owned()),
        ("{folder}", places.work.display().to_string()),
        ("{port}", address.port().to_string()),
        ("{files}", files.to_string()),
        ("{connections}", files.saturating_sub(16).to_string()),
    ]
    .iter()
    .fold(NGINX_CONF.to_owned(), |text, (name, value)| text.replace(name, value));
    let file = places.work.join("nginx.conf");
    fs::write(&file, config)?;
    let child = Command::new("nginx")
        .arg("-c")
        .arg(&file)
        .arg("-p")
        .arg(&places.work)
        .stdin(Stdio::null())
        .spawn()?;
    let mut running = Running { child, address };
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if let Some(status) = running.child.try_wait()? {
            bail!("nginx ended: {status}");
        }
        if started.elapsed() > START {
            bail!("nginx does not listen");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(running)
}
