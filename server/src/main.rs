//! The server's binary: options in, a running server out, and an end in order on SIGTERM or SIGINT.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use everwire_server::{
    config::{Config, ConfigError, LogFormat, Options},
    server::Server,
};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "everwire-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(options)?;
    start_logs(&config)?;
    config.check_anonymous()?;
    if !config.anonymous {
        tracing::warn!("no keys: everybody on this machine may read and write every topic");
    }
    let listen = config.listen;
    let server = Server::start(config).await.map_err(|error| format!("can't listen on {listen}: {error}"))?;
    // The one line on stdout: whoever started this reads the port from it.
    writeln!(std::io::stdout(), "everwire-server listening on http://{}", server.address())?;

    let signal = wait_for_signal().await?;
    tracing::info!(signal, "draining");
    if !server.drain().await {
        tracing::warn!("some connections did not end in time");
    }
    Ok(())
}

/// Logs go to stderr: stdout has the address alone.
fn start_logs(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| ConfigError(format!("log-filter {:?}: {error}", config.log_filter)))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let logs = logs.with_ansi(std::io::stderr().is_terminal());
    match config.log {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}

#[cfg(unix)]
async fn wait_for_signal() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

#[cfg(not(unix))]
async fn wait_for_signal() -> std::io::Result<&'static str> {
    tokio::signal::ctrl_c().await?;
    Ok("ctrl-c")
}
