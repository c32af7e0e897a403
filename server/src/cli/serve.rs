//! Serving, which is what is done when no command is named: options in, a running server out, and an end in
//! order on SIGTERM or SIGINT.

use std::io::{IsTerminal, Write};

use everwire_server::{
    config::{Config, ConfigError, LogFormat, Options, unknown_variables},
    server::Server,
};
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt,
};

use super::Outcome;

pub async fn run(options: &Options) -> Outcome {
    let config = Config::load(options)?;
    start_logs(&config)?;
    config.check_anonymous()?;
    for variable in unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        tracing::warn!(variable, "no option is set by this variable");
    }
    if config.trusts_this_machine() {
        tracing::warn!("no keys: everybody on this machine may read and write every topic");
    }
    let mut signals = Signals::listen()?;
    raise_file_limit();
    let server = Server::start(config).await?;
    // The one line on stdout: whoever started this reads the port from it.
    writeln!(std::io::stdout(), "everwire-server listening on {}", server.url())?;
    if let Some(address) = server.metrics_address() {
        tracing::info!("metrics and health at http://{address}");
    }

    let signal = signals.next().await;
    tracing::info!(signal, "draining");
    if !server.drain().await {
        tracing::warn!("some connections did not end in time");
    }
    Ok(())
}

/// Every connection is a file, and many systems begin with 1,024: as many as this process may have at all.
#[cfg(unix)]
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        tracing::warn!(?current, ?maximum, "the limit of open files can't be raised");
    }
}

#[cfg(not(unix))]
fn raise_file_limit() {}

/// Logs go to stderr: stdout has the address alone.
fn start_logs(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| ConfigError(format!("log-filter {:?}: {error}", config.log_filter)))?;
    // The libraries below trace whole messages, and so the tokens in them: no filter may ask for that.
    let discreet = filter_fn(|metadata| {
        metadata.level() < &tracing::Level::TRACE || metadata.target().starts_with("everwire")
    });
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = logs.with_ansi(std::io::stderr().is_terminal());
    let logs = match config.log {
        LogFormat::Text => logs.boxed(),
        LogFormat::Json => logs.json().boxed(),
    };
    tracing_subscriber::registry().with(filter).with(discreet).with(logs).init();
    Ok(())
}

/// The signals that ask for an end, listened to from the moment that this is made: one that comes right
/// after the address was printed must drain too.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without the signal there is nothing to wait for but the process's end.
            std::future::pending::<()>().await;
        }
        "ctrl-c"
    }
}
