//! A publisher beside the browsers that never stops: what happens, happens to a stream that is being written.
//!
//! It must not know who reads.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{page::Place, server::Publisher};
use serde_json::json;
use tokio::{
    sync::Mutex,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

/// How often a message is published.
const EVERY: Duration = Duration::from_millis(100);

/// Numbered messages to one topic, until it is dropped.
pub struct Traffic {
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

struct State {
    topic: String,
    publisher: Option<Publisher>,
    /// Counts the servers: the numbers begin anew with each, as its log does.
    run: u64,
    numbers: u64,
    acked: Vec<Place>,
    failed: Option<String>,
}

impl Traffic {
    /// Publishes to this topic from now on.
    pub fn start(publisher: Publisher, topic: &str) -> Self {
        let state = State {
            topic: topic.to_owned(),
            publisher: Some(publisher),
            run: 0,
            numbers: 0,
            acked: Vec::new(),
            failed: None,
        };
        let state = Arc::new(Mutex::new(state));
        let task = tokio::spawn(run(state.clone()));
        Self { state, task }
    }

    /// Publishes so many at once.
    pub async fn burst(&self, messages: u64) -> Result<()> {
        let mut state = self.state.lock().await;
        let publisher = state.publisher.clone().context("it is paused")?;
        publish(&publisher, &mut state, messages).await
    }

    /// Publishes nothing from the return on; what was under way is done.
    pub async fn pause(&self) {
        self.state.lock().await.publisher = None;
    }

    /// Goes on with a server that knows nothing of what was before.
    pub async fn begin_anew(&self, publisher: Publisher) {
        let mut state = self.state.lock().await;
        state.publisher = Some(publisher);
        state.run += 1;
        state.numbers = 0;
    }

    /// How many logs were lost with their servers.
    pub async fn lost_logs(&self) -> u64 {
        self.state.lock().await.run
    }

    /// Where what was published stands, in order.
    pub async fn acked(&self) -> Result<Vec<Place>> {
        let state = self.state.lock().await;
        ensure!(state.failed.is_none(), "{}", state.failed.as_deref().unwrap_or_default());
        Ok(state.acked.clone())
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(state: Arc<Mutex<State>>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut state = state.lock().await;
        let Some(publisher) = state.publisher.clone() else { continue };
        if let Err(error) = publish(&publisher, &mut state, 1).await {
            state.failed = Some(format!("publishing: {error:#}"));
            return;
        }
    }
}

async fn publish(publisher: &Publisher, state: &mut State, messages: u64) -> Result<()> {
    let run = format!("down {}", state.run);
    let numbers = state.numbers + 1..=state.numbers + messages;
    let positions = publisher.publish(&state.topic, numbers.map(|n| json!({ "run": run, "n": n }))).await?;
    for position in positions {
        state.acked.push(Place::parse(&position).context("a position")?);
    }
    state.numbers += messages;
    Ok(())
}
