//! The real server as a process: started on a free port, killed, told to go, started again where it was.
//!
//! It must not know the server's code: what it says on stdout and over HTTP is all there is.

use std::{
    fs::{File, OpenOptions},
    net::SocketAddr,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{artifacts, wait::until};

/// Generous: the machine may be busy with a build.
const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(30);
/// How often a start is tried when something else has taken the port meanwhile.
const RETRY: Duration = Duration::from_secs(10);

/// One server, killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Option<Child>,
    address: SocketAddr,
    arguments: Vec<String>,
    log: PathBuf,
    http: reqwest::Client,
}

impl Server {
    /// Starts the server on a free port with these further arguments; its log is appended to the file.
    pub async fn start(arguments: &[&str], log: PathBuf) -> Result<Self> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let (child, address) = spawn(([127, 0, 0, 1], 0).into(), &arguments, &log).await?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { child: Some(child), address, arguments, log, http })
    }

    /// Where it listens; the same after a restart.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a client knows it: `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `kill -9`. On return it is gone.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await.context("killing the server")?;
        }
        Ok(())
    }

    /// SIGTERM, and what it ended with.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        let mut child = self.child.take().context("the server does not run")?;
        let id = child.id().context("the server has ended by itself")?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("a process id")?;
        kill_process(pid, Signal::TERM)?;
        Ok(timeout(STOP, child.wait()).await.context("the server does not end")??)
    }

    /// Starts it again on the port that it had, after [`Server::kill`] or [`Server::terminate`].
    pub async fn restart(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the server still runs");
        let again = || async {
            let (child, _) = spawn(self.address, &self.arguments, &self.log).await?;
            Ok(Some(child))
        };
        self.child = Some(until("the server starts again", RETRY, again).await?);
        Ok(())
    }

    /// Publishes JSON values to the topic, in order; returns their positions as text.
    pub async fn publish(&self, topic: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<String>> {
        self.publisher().publish(topic, values).await
    }

    /// What publishes to it, whatever becomes of it.
    pub fn publisher(&self) -> Publisher {
        Publisher { url: format!("{}/v1/publish", self.origin()), http: self.http.clone() }
    }

    /// A GET of a path, which must succeed, as JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.origin())).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}

/// Publishes to a server.
#[derive(Clone, Debug)]
pub struct Publisher {
    url: String,
    http: reqwest::Client,
}

impl Publisher {
    /// Publishes JSON values to the topic, in order; returns their positions as text.
    pub async fn publish(&self, topic: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<String>> {
        let records: Vec<Value> =
            values.into_iter().map(|data| json!({ "topic": topic, "data": data })).collect();
        let sent = self.http.post(&self.url).json(&records).send().await?;
        let status = sent.status();
        let answer = sent.text().await?;
        ensure!(status.is_success(), "publishing to {topic}: {status}: {answer}");
        let positions: Vec<Value> = serde_json::from_str(&answer)?;
        ensure!(
            positions.len() == records.len(),
            "{} answers to {} publishes",
            positions.len(),
            records.len()
        );
        let text = |answer: &Value| answer["position"].as_str().map(str::to_owned);
        positions
            .iter()
            .map(|answer| text(answer).with_context(|| format!("no position: {answer}")))
            .collect()
    }
}

async fn spawn(listen: SocketAddr, arguments: &[String], log: &PathBuf) -> Result<(Child, SocketAddr)> {
    let log: File = OpenOptions::new().create(true).append(true).open(log)?;
    let mut child = Command::new(artifacts::server()?)
        .args(["--listen", &listen.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("starting the server")?;
    let stdout = child.stdout.take().context("the server's stdout")?;
    let mut lines = BufReader::new(stdout).lines();
    let address = async {
        while let Some(line) = lines.next_line().await? {
            if let Some((_, address)) = line.split_once("listening on http://") {
                return Ok(address.trim_end_matches('/').parse()?);
            }
        }
        bail!("the server ended without listening")
    };
    let address = timeout(START, address).await.context("the server does not say where it listens")??;
    // A closed pipe would fail the server's later prints.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, address))
}
