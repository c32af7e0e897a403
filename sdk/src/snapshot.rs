//! The snapshot hook: loads state from elsewhere without a race. The position comes first and the data
//! after it, so what the data lacks is still to come; messages wait until it is there, and those that it has in
//! it are left out. Runs inside the subscription's own poll: it stops when that is dropped. Knows neither the
//! session nor the queue.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use everwire_protocol::{Epoch, Position};

use crate::platform::{Sleep, random, sleep};

/// How long the hook may take before it counts as failed.
const DEADLINE: Duration = Duration::from_secs(30);
/// The first retry comes within this; it is doubled with each failure.
const BASE: Duration = Duration::from_millis(500);
/// No retry waits longer.
const MAX: Duration = Duration::from_secs(20);

/// What the hook of [`Subscribe::snapshot`](crate::Subscribe::snapshot) loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<S> {
    /// The state; it comes as [`Event::Snapshot`](crate::Event::Snapshot).
    pub state: S,
    /// Up to where the topic's messages are in it, where its source knows that; those are not delivered any more.
    /// Without it, a message that came while the state was loaded may be in it, and be delivered as well.
    pub position: Option<Position>,
}

/// The hook failed, or took over 30 s. It will be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotError {
    /// What the hook said.
    pub message: String,
    /// How often it has failed in a row.
    pub attempt: u32,
    /// In what time it is asked again.
    pub retry_in: Duration,
}

/// The hook's answer, under way.
type Loading<S> = Pin<Box<dyn Future<Output = Result<Snapshot<S>, String>>>>;

/// The app's function.
pub(crate) type Load<S> = Box<dyn Fn(Position) -> Loading<S>>;

/// A hook and where it stands.
pub(crate) struct Hook<S> {
    load: Load<S>,
    stage: Stage<S>,
    /// Since when messages wait, or waited last.
    position: Option<Position>,
    failures: u32,
}

enum Stage<S> {
    /// Messages flow.
    Loaded,
    Loading(Loading<S>, Sleep),
    Waiting(Sleep),
}

/// What the app is to be told.
#[derive(Debug)]
pub(crate) enum Told<S> {
    Snapshot(S),
    Failed(SnapshotError),
}

/// A function of the app as a hook's.
pub(crate) fn boxed<S, F, R, E>(hook: F) -> Load<S>
where
    F: Fn(Position) -> R + 'static,
    R: Future<Output = Result<Snapshot<S>, E>> + 'static,
    E: ToString,
{
    Box::new(move |position| {
        let asked = hook(position);
        Box::pin(async { asked.await.map_err(|error| error.to_string()) })
    })
}

impl<S> Hook<S> {
    pub(crate) fn new(load: Load<S>) -> Self {
        Self { load, stage: Stage::Loaded, position: None, failures: 0 }
    }

    /// The topic begins: the first time it asks, and after that it is known where to go on.
    pub(crate) fn subscribed(&mut self, position: Position) {
        if self.position.is_none() {
            self.begin(position);
        }
    }

    /// Something was lost: what the app has is no longer true.
    pub(crate) fn begin(&mut self, position: Position) {
        self.position = Some(position);
        self.failures = 0;
        self.ask(position);
    }

    /// Whether a message is in the snapshot.
    pub(crate) fn covers(&self, epoch: Epoch, offset: u64) -> bool {
        self.position.is_some_and(|floor| floor.epoch == epoch && offset <= floor.offset)
    }

    /// Whether messages wait for its answer.
    pub(crate) fn is_asked(&self) -> bool {
        !matches!(self.stage, Stage::Loaded)
    }

    /// What there is to tell; `Ready(None)` when messages may flow.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Told<S>>> {
        loop {
            let failure = match &mut self.stage {
                Stage::Loaded => return Poll::Ready(None),
                Stage::Loading(loading, deadline) => match loading.as_mut().poll(context) {
                    Poll::Ready(Ok(snapshot)) => return Poll::Ready(Some(self.loaded(snapshot))),
                    Poll::Ready(Err(message)) => message,
                    Poll::Pending if Pin::new(deadline).poll(context).is_ready() => {
                        "the snapshot took too long".to_owned()
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Stage::Waiting(wait) => {
                    if Pin::new(wait).poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    // There is one, since it has been asked before.
                    if let Some(position) = self.position {
                        self.ask(position);
                    }
                    continue;
                }
            };
            return Poll::Ready(Some(self.failed(failure)));
        }
    }

    fn ask(&mut self, position: Position) {
        self.stage = Stage::Loading((self.load)(position), sleep(DEADLINE));
    }

    fn loaded(&mut self, snapshot: Snapshot<S>) -> Told<S> {
        self.stage = Stage::Loaded;
        self.position = later(self.position, snapshot.position);
        Told::Snapshot(snapshot.state)
    }

    fn failed(&mut self, message: String) -> Told<S> {
        let retry_in = backoff(self.failures, u64::from_le_bytes(random()));
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Waiting(sleep(retry_in));
        Told::Failed(SnapshotError { message, attempt: self.failures, retry_in })
    }
}

/// The later one of two positions. Those of different epochs can't be compared; what was lost between them is told
/// by a gap, which asks again.
fn later(asked: Option<Position>, loaded: Option<Position>) -> Option<Position> {
    match (asked, loaded) {
        (Some(asked), Some(loaded)) if asked.epoch == loaded.epoch && loaded.offset > asked.offset => {
            Some(loaded)
        }
        (asked, _) => asked,
    }
}

/// Full jitter: clients that lost the same source don't come back to it together.
fn backoff(failures: u32, random: u64) -> Duration {
    let most = BASE.saturating_mul(1 << failures.min(16)).min(MAX).as_millis() as u64;
    Duration::from_millis(random % (most + 1))
}

/// What a subscription without a [`snapshot`](crate::Subscribe::snapshot) hook has for one.
pub type NoSnapshot = Infallible;

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn position(epoch: u64, offset: u64) -> Position {
        Position { epoch: Epoch::from_number(epoch), offset }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_snapshot_covers_what_it_says_in_its_own_epoch_only() {
        for (asked, loaded, floor) in [
            (position(1, 5), None, position(1, 5)),
            (position(1, 5), Some(position(1, 9)), position(1, 9)),
            (position(1, 5), Some(position(1, 2)), position(1, 5)),
            (position(1, 5), Some(position(2, 9)), position(1, 5)),
        ] {
            assert_eq!(later(Some(asked), loaded), Some(floor));
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn retries_are_spread_and_never_wait_longer_than_the_most() {
        for failures in 0..100 {
            for random in [0, 1, 12_345_678_901, u64::MAX] {
                let wait = backoff(failures, random);
                assert!(wait <= MAX && (failures > 0 || wait <= BASE));
            }
        }
        assert_eq!(backoff(50, 20_000), MAX);
    }
}
