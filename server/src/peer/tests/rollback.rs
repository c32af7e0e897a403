//! A store that came back with less than it had, and told nobody.

use std::sync::Mutex;

use super::*;
use crate::{
    log::{Appended, BatchLimit, Page, Read, Start},
    store::{Ephemeral, Result, Slot, Watch},
};

/// A store whose process was restarted behind our back: another life of it answers from then on.
struct Restarted(Mutex<Arc<MemoryStore>>);

impl Restarted {
    fn life(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.0.lock().expect("is not poisoned"))
    }

    fn restart(&self, seed: u64) {
        *self.0.lock().expect("is not poisoned") = Arc::new(MemoryStore::new(seed, MemoryLimits::default()));
    }
}

impl Store for Restarted {
    async fn append(&self, now: u64, topic: &Topic, new: NewRecord) -> Result<Appended> {
        self.life().append(now, topic, new).await
    }

    async fn resolve(&self, now: u64, topic: &Topic, from: From) -> Result<Start> {
        self.life().resolve(now, topic, from).await
    }

    async fn read(&self, topic: &Topic, after: Position, limit: BatchLimit) -> Result<Read> {
        self.life().read(topic, after, limit).await
    }

    async fn history(&self, now: u64, topic: &Topic, range: HistoryRange, limit: u32) -> Result<Page> {
        self.life().history(now, topic, range, limit).await
    }

    async fn send_ephemeral(&self, topic: &Topic, message: Ephemeral) -> Result<()> {
        self.life().send_ephemeral(topic, message).await
    }

    fn read_ephemeral(&self, topic: &Topic, after: u64) -> (Vec<Ephemeral>, u64) {
        self.life().read_ephemeral(topic, after)
    }

    fn watch(&self, now: u64, topic: &Topic, wakeup: &Arc<Wakeup>, slot: Slot) -> Result<Watch> {
        self.life().watch(now, topic, wakeup, slot)
    }

    fn wake(&self, topic: &Topic) {
        self.life().wake(topic);
    }

    fn tick(&self, now: u64) {
        self.life().tick(now);
    }
}

#[test]
fn invariant_1_a_live_reader_finds_out_that_its_log_was_rolled_back() {
    let store = Restarted(Mutex::new(Arc::new(MemoryStore::new(1, MemoryLimits::default()))));
    let (presence, rules) = (Presence::new(0, 1), PeerRules::default());
    let hub = Arc::new(Hub::new(store, presence, Arc::new(Open::default()), rules));
    let append = |now| {
        let new = NewRecord { payload: Payload::text("x"), key: None, from: None, id: None };
        hub.store.append(now, &topic("a"), new).now_or_never().expect("at once").expect("appends")
    };
    let mut peer = Peer::connected(Arc::clone(&hub), 0, "s1", Subject::default(), None);
    let subscribe = ClientFrame::Subscribe { topic: topic("a"), from: From::Latest, mode: Mode::default() };
    peer.handle(0, subscribe).now_or_never().expect("at once");
    append(0);
    let mut pull = |now| -> Vec<ServerFrame> {
        let mut frames = Vec::new();
        loop {
            let out = peer.pull(now).now_or_never().expect("at once");
            if out.is_empty() {
                return frames;
            }
            frames.extend(out.into_iter().map(Outgoing::into_frame));
        }
    };
    assert_eq!(messages(&pull(0)), [(0, 1)]);

    hub.store.restart(2);
    append(1_000);
    let position = append(2_000).position;
    assert_eq!(pull(39_999), [ServerFrame::Heartbeat], "the new life knows no watchers");
    let frames = pull(40_000);
    let go_on = Position { offset: 0, ..position };
    let gap = ServerFrame::Gap { alias: 0, from: 2, to: None, reason: GapReason::Epoch, position: go_on };
    assert_eq!(frames[0], gap);
    assert_eq!(messages(&frames), [(0, 1), (0, 2)]);
}
