//! The SSE endpoint as a plain HTTP client sees it: `Last-Event-ID` goes on at the next offset, and a cursor that
//! retention has left behind is told of its gap. Invariant 1, without any of our own client's code.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use everwire_e2e::{
    cases,
    events::{Event, Parser},
    harness::{Context, evidence},
    server::Server,
};
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

cases! {
    needs [server],
    60 => last_event_id_goes_on_at_the_next_offset,
    60 => curl_n_goes_on_at_the_next_offset,
    60 => an_evicted_cursor_gets_a_gap_event_in_its_place,
    60 => the_raw_format_is_the_bare_payload,
}

const SOON: Duration = Duration::from_secs(20);
const TOPIC: &str = "e2e:raw";

fn numbered(numbers: std::ops::RangeInclusive<u64>) -> impl Iterator<Item = Value> {
    numbers.map(|n| json!({ "n": n }))
}

/// Anything that yields events: an HTTP response, a process.
trait Events {
    async fn next(&mut self) -> Result<Event>;

    /// The next `count` messages. Heartbeats may stand between them, and nothing else.
    async fn messages(&mut self, count: usize) -> Result<Vec<Event>> {
        let mut messages = Vec::new();
        while messages.len() < count {
            let event = timeout(SOON, self.next()).await.context("no event in time")??;
            match event.name.as_str() {
                "" => messages.push(event),
                "everwire.welcome" | "everwire.subscribed" | "everwire.heartbeat" => {}
                _ => bail!("an event that was not expected: {event:?}"),
            }
        }
        Ok(messages)
    }
}

struct Response<S> {
    body: S,
    parser: Parser,
    ready: std::collections::VecDeque<Event>,
}

impl<B: AsRef<[u8]>, S: Stream<Item = reqwest::Result<B>> + Unpin> Events for Response<S> {
    async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let bytes = self.body.next().await.context("the stream ended")??;
            self.ready.extend(self.parser.push(bytes.as_ref()));
        }
    }
}

async fn stream(server: &Server, query: &str, last_event_id: Option<&str>) -> Result<impl Events> {
    // A client without the timeout that the server's own has.
    let mut request = reqwest::Client::new().get(format!("{}/v1/sse?topic={TOPIC}&{query}", server.origin()));
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let response = request.send().await?.error_for_status()?;
    let header =
        |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ensure!(header("content-type").starts_with("text/event-stream"), "{:?}", response.headers());
    ensure!(header("cache-control").contains("no-store"), "{:?}", response.headers());
    ensure!(header("x-accel-buffering") == "no", "{:?}", response.headers());
    Ok(Response {
        body: response.bytes_stream().boxed(),
        parser: Parser::default(),
        ready: Default::default(),
    })
}

fn offset(message: &Event) -> Result<u64> {
    let header = message.header();
    ensure!(header.len() >= 4 && header[0] == "0" && header[3] == "json", "{message:?}");
    Ok(header[1].parse()?)
}

fn check(messages: &[Event], first: u64) -> Result<()> {
    for (message, expected) in messages.iter().zip(first..) {
        ensure!(offset(message)? == expected, "expected {expected}: {message:?}");
        ensure!(serde_json::from_str::<Value>(message.payload())? == json!({ "n": expected }), "{message:?}");
        ensure!(message.id.ends_with(&format!("-{expected}")), "{message:?}");
    }
    Ok(())
}

async fn last_event_id_goes_on_at_the_next_offset(context: &Context) -> Result<()> {
    let server = context.server(&[]).await?;
    server.publish(TOPIC, numbered(1..=10)).await?;
    let mut events = stream(&server, "from=earliest", None).await?;
    let first = events.next().await?;
    ensure!(first.retry.is_some(), "the first event sets the reconnection time: {first:?}");
    let before = events.messages(4).await?;
    check(&before, 1)?;
    drop(events);

    // It wins over `from`, which the browser's EventSource sends again as it was.
    let mut events = stream(&server, "from=earliest", Some(&before[3].id)).await?;
    check(&events.messages(6).await?, 5)?;
    server.publish(TOPIC, numbered(11..=12)).await?;
    check(&events.messages(2).await?, 11)?;

    let query = format!("from=earliest&last_event_id={}", before[1].id);
    let mut events = stream(&server, &query, None).await?;
    check(&events.messages(10).await?, 3)?;
    evidence(&format!("sse: after Last-Event-ID {} came 5, 6, … 12", before[3].id));
    Ok(())
}

struct Curl {
    _child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    parser: Parser,
}

impl Events for Curl {
    async fn next(&mut self) -> Result<Event> {
        loop {
            let line = self.lines.next_line().await?.context("curl ended")?;
            if let Some(event) = self.parser.line(&line) {
                return Ok(event);
            }
        }
    }
}

fn curl(server: &Server, last_event_id: Option<&str>) -> Result<Curl> {
    let mut command = Command::new("curl");
    command.args(["-N", "--silent", "--show-error", "--fail"]);
    if let Some(id) = last_event_id {
        command.args(["-H", &format!("Last-Event-ID: {id}")]);
    }
    command.arg(format!("{}/v1/sse?topic={TOPIC}&from=earliest", server.origin()));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = child.stdout.take().context("curl's stdout")?;
    Ok(Curl { _child: child, lines: BufReader::new(stdout).lines(), parser: Parser::default() })
}

async fn curl_n_goes_on_at_the_next_offset(context: &Context) -> Result<()> {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().await.is_err() {
        evidence("curl is not installed: not tried");
        return Ok(());
    }
    let server = context.server(&[]).await?;
    server.publish(TOPIC, numbered(1..=6)).await?;
    let before = curl(&server, None)?.messages(3).await?;
    check(&before, 1)?;
    let id = &before[2].id;
    let mut again = curl(&server, Some(id))?;
    check(&again.messages(3).await?, 4)?;
    server.publish(TOPIC, numbered(7..=7)).await?;
    check(&again.messages(1).await?, 7)?;
    evidence(&format!("curl -N -H 'Last-Event-ID: {id}': went on at 4"));
    Ok(())
}

async fn an_evicted_cursor_gets_a_gap_event_in_its_place(context: &Context) -> Result<()> {
    let server = context.server(&["--retain-records", "10"]).await?;
    server.publish(TOPIC, numbered(1..=5)).await?;
    let cursor = stream(&server, "from=earliest", None).await?.messages(3).await?.remove(2).id;
    server.publish(TOPIC, numbered(6..=60)).await?;

    let mut events = stream(&server, "from=latest", Some(&cursor)).await?;
    let gap = loop {
        let event = timeout(SOON, events.next()).await.context("no gap in time")??;
        match event.name.as_str() {
            "everwire.welcome" | "everwire.subscribed" => {}
            "everwire.gap" => break event,
            _ => bail!("a gap was expected before {event:?}"),
        }
    };
    let messages = events.messages(2).await?;
    let next = offset(&messages[0])?;
    check(&messages, next)?;
    ensure!((7..=51).contains(&next), "{next} is the oldest of at least 10 records kept of 60");
    let epoch = cursor.split_once('-').context("a cursor")?.0;
    let position = format!("{epoch}-{}", next - 1);
    let expected = format!("0 4 {} evicted {position}", next - 1);
    ensure!(gap.data == expected, "expected {expected}: {gap:?}");
    ensure!(gap.id == position, "the gap moves the cursor: {gap:?}");

    // A cursor of another life of the log: `to` is unknown.
    let mut events = stream(&server, "", Some("another-3")).await?;
    let gap = loop {
        let event = timeout(SOON, events.next()).await.context("no gap in time")??;
        if event.name == "everwire.gap" {
            break event;
        }
        ensure!(!event.name.is_empty(), "a gap was expected before {event:?}");
    };
    ensure!(gap.data == format!("0 4 - epoch {position}"), "{gap:?}");
    check(&events.messages(2).await?, next)?;
    evidence(&format!("sse: after the evicted cursor {cursor} came everwire.gap `{expected}`, then {next}"));
    Ok(())
}

async fn the_raw_format_is_the_bare_payload(context: &Context) -> Result<()> {
    let server = context.server(&[]).await?;
    server.publish(TOPIC, numbered(1..=3)).await?;
    let mut events = stream(&server, "from=earliest&format=raw", None).await?;
    for (message, n) in events.messages(3).await?.iter().zip(1..) {
        ensure!(serde_json::from_str::<Value>(&message.data)? == json!({ "n": n }), "{message:?}");
        ensure!(message.id.ends_with(&format!("-{n}")), "{message:?}");
    }
    Ok(())
}
