//! `publish`: reads NDJSON from standard input and publishes it to a server, in order. Cut at any moment and run again
//! with the same input and the same state file, it goes on, and nothing is published twice.

mod input;
mod sender;
mod state;

use std::{io::IsTerminal, path::PathBuf, time::Duration};

use clap::Args;
use everwire_protocol::{Topic, limits};
use everwire_server::text_file;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::codec::{FramedRead, LinesCodec};

use super::Outcome;
use input::{Item, item};
use sender::Sender;
use state::{Job, StateFile};

/// The longest line: a payload of any size that a server may take, and what stands around it.
const LINE_BYTES: usize = 2 << 20;
/// Of a file with a token: as many as a token may have, and room for a line end.
const TOKEN_BYTES: u64 = limits::TOKEN_BYTES as u64 + 2;
/// Most bytes of one request: as much as a server takes at least.
const REQUEST_BYTES: usize = 200 << 10;

/// Where to publish, and how.
#[derive(Debug, Args)]
#[command(
    after_help = "A line is an object {\"topic\", \"data\", \"key\"?, \"kind\"?}; with --topic it is the data alone.\n\
                        Example: everwire-server publish --topic orders --state orders.job < orders.ndjson"
)]
pub struct Publish {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    to: reqwest::Url,

    /// The topic of all lines
    #[arg(long, value_name = "TOPIC", value_parser = topic)]
    topic: Option<Topic>,

    /// File that holds how far this input has come. Without it nothing is known of a run that was cut
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Most lines of a request
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    batch: u64,

    /// How long to try while the server takes nothing: `30s`, `1h`
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = humantime::parse_duration)]
    give_up_after: Duration,

    /// File with the token to send. It may also stand in the variable EVERWIRE_TOKEN
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

fn topic(text: &str) -> Result<Topic, String> {
    Topic::new(text).map_err(|error| error.to_string())
}

impl Publish {
    /// Publishes to the end of the input.
    pub async fn run(self) -> Outcome {
        let file = self.state.as_deref().map(StateFile::new);
        let mut job = match &file {
            Some(file) => file.load().map_err(|error| format!("the state file can't be used: {error}"))?,
            None => Job::new()?,
        };
        let sender = Sender::new(&self.to, self.token()?, self.give_up_after)?;
        let bar = bar();
        let mut lines = FramedRead::new(tokio::io::stdin(), LinesCodec::new_with_max_length(LINE_BYTES));
        let mut batch: Vec<Item> = Vec::new();
        let (mut number, mut bytes) = (0, 0);
        while let Some(line) = lines.next().await {
            let line = line.map_err(|error| format!("line {}: {error}", number + 1))?;
            number += 1;
            if number <= job.done() {
                skip(&job, number, &line)?;
                bar.inc(1);
                continue;
            }
            let item = item(number, line, self.topic.as_ref(), &job.key(number)?)?;
            if !batch.is_empty()
                && (batch.len() as u64 == self.batch || bytes + item.object.len() > REQUEST_BYTES)
            {
                flush(&sender, &mut batch, &mut job, file.as_ref(), &bar).await?;
                bytes = 0;
            }
            bytes += item.object.len() + 1;
            batch.push(item);
        }
        if number < job.done() {
            return Err(
                format!("the input has {number} lines, and {} were published of it", job.done()).into()
            );
        }
        flush(&sender, &mut batch, &mut job, file.as_ref(), &bar).await?;
        bar.finish();
        Ok(())
    }

    fn token(&self) -> Result<Option<String>, Box<dyn std::error::Error>> {
        let token = match &self.token_file {
            Some(path) => {
                Some(text_file::read(path, TOKEN_BYTES).map_err(|error| format!("token-file: {error}"))?)
            }
            None => std::env::var("EVERWIRE_TOKEN").ok(),
        };
        Ok(token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
    }
}

/// A line that was published before. The last of them tells whether this is the same input.
fn skip(job: &Job, number: u64, line: &str) -> Result<(), String> {
    if number == job.done() && !job.follows(line) {
        return Err(format!("line {number} is not the one that was published: this is another input"));
    }
    Ok(())
}

/// Sends a batch until all of it is acknowledged, and keeps how far that is, whatever stops it.
async fn flush(
    sender: &Sender,
    batch: &mut Vec<Item>,
    job: &mut Job,
    file: Option<&StateFile>,
    bar: &ProgressBar,
) -> Outcome {
    while !batch.is_empty() {
        let sent = sender.send(batch).await;
        let (done, refused) = match sent {
            Ok(done) => (done, None),
            Err(sender::Stopped { done, why }) => (done, Some(why)),
        };
        if let Some(last) = done.checked_sub(1).and_then(|last| batch.get(last)) {
            job.advance(last.number, &last.line);
            file.map(|file| file.save(job)).transpose()?;
            bar.inc(done as u64);
        }
        batch.drain(..done.min(batch.len()));
        if let Some(why) = refused {
            bar.abandon();
            let line = batch.first().map_or(0, |item| item.number);
            return Err(format!("line {line}: {why}").into());
        }
    }
    Ok(())
}

/// On a terminal only.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {human_pos} lines, {per_sec}, {elapsed}");
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
