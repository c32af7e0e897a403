//! A browser's driver as a child process, and the display that its browser shows itself on where it needs one.
//!
//! It must not know what its sessions do.

use std::{fs::File, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpStream,
    process::ChildStdout,
    time::timeout,
};

use crate::{engine::Engine, processes::Group, wait::until};

const START: Duration = Duration::from_secs(60);
/// A driver looks for a free port and then takes it, on IPv4 and IPv6 alike: when another process was quicker on
/// either, it ends at once. With several browsers starting together that is rare, not impossible.
const ATTEMPTS: u32 = 5;

/// A running driver. Dropped, it takes the browser that it started with it.
#[derive(Debug)]
pub struct Driver {
    url: String,
    group: Group,
    _display: Option<Group>,
}

impl Driver {
    /// Starts the engine's driver on a free port. What it and its browser leave lying about goes to `temporary`.
    pub async fn start(engine: Engine, temporary: &Path, log: &Path) -> Result<Self> {
        let file = File::create(log)?;
        let mut attempt = 1;
        loop {
            match Self::attempt(engine, temporary, file.try_clone()?).await? {
                Some(driver) => return Ok(driver),
                None if attempt < ATTEMPTS => attempt += 1,
                None => bail!("the driver ended {ATTEMPTS} times without listening: see {}", log.display()),
            }
        }
    }

    /// One that listens, or none when it ended before it did.
    async fn attempt(engine: Engine, temporary: &Path, log: File) -> Result<Option<Self>> {
        let (arguments, port) = engine.driver_arguments()?;
        let program = engine.driver();
        let mut command = Command::new(&program);
        command.args(arguments).env("TMPDIR", temporary).stderr(log);
        let mut display = None;
        if engine.wants_display() {
            let (group, name) = start_display().await?;
            command.env("DISPLAY", name);
            display = Some(group);
        }
        let mut group = Group::spawn(command)
            .with_context(|| format!("starting {program:?} for {engine}: run `cargo xtask setup`"))?;
        let mut lines = BufReader::new(group.stdout()?).lines();
        let port = match port {
            Some(port) => Some(port),
            None => timeout(START, said(&mut lines))
                .await
                .context("the driver does not say where it listens")??,
        };
        let Some(port) = port else { return Ok(None) };
        // A closed pipe would fail its later prints.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let listens = async {
            let connect = || async { Ok(Some(TcpStream::connect(("127.0.0.1", port)).await?)) };
            until("the driver listens", START, connect).await
        };
        tokio::select! {
            biased;
            ended = group.ended() => return ended.map(|()| None),
            listens = listens => drop(listens?),
        }
        Ok(Some(Self { url: format!("http://127.0.0.1:{port}"), group, _display: display }))
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// It and its browser, as processes.
    pub fn group(&self) -> &Group {
        &self.group
    }
}

/// The port, by the line that chromedriver or geckodriver prints; none when it ended without one.
async fn said(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Option<u16>> {
    while let Some(line) = lines.next_line().await? {
        let port = line
            .split_once("started successfully on port ")
            .or_else(|| line.split_once("Listening on 127.0.0.1:"))
            .map(|(_, port)| port.trim_end_matches('.'));
        if let Some(port) = port {
            return Ok(Some(port.parse()?));
        }
    }
    Ok(None)
}

/// A display in memory, and its name.
async fn start_display() -> Result<(Group, String)> {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp"]);
    command.stderr(std::process::Stdio::null());
    let mut group = Group::spawn(command).context("starting Xvfb: run `cargo xtask setup`")?;
    let mut lines = BufReader::new(group.stdout()?).lines();
    let number = timeout(START, lines.next_line()).await.context("Xvfb does not say its display")??;
    Ok((group, format!(":{}", number.context("Xvfb ended without a display")?)))
}
