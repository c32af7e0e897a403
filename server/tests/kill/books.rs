//! What was acked, and what a log must look like for that to be true. It knows no server and no transport.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

/// A record as a reader got it: its position, and the idempotency key that it was published with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub epoch: String,
    pub offset: u64,
    pub id: String,
}

/// Shared by all that takes part.
pub struct Books {
    address: watch::Sender<Option<SocketAddr>>,
    /// Topic and id of what was acked, and the position that the ack told.
    acks: Mutex<HashMap<(String, String), String>>,
    count: watch::Sender<usize>,
    /// What publishers still wait for an ack of.
    open: AtomicUsize,
    finished: AtomicBool,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            address: watch::Sender::new(None),
            acks: Mutex::default(),
            count: watch::Sender::new(0),
            open: AtomicUsize::new(0),
            finished: AtomicBool::new(false),
        }
    }
}

impl Books {
    /// The server is there now, or nowhere.
    pub fn moved(&self, address: Option<SocketAddr>) {
        self.address.send_replace(address);
    }

    /// Where the server is, as soon as it is somewhere.
    pub async fn server(&self) -> SocketAddr {
        let mut address = self.address.subscribe();
        let found = address.wait_for(Option::is_some).await.expect("the books are kept");
        found.expect("is some")
    }

    pub fn began(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
    }

    pub fn ack(&self, topic: &str, id: &str, position: &str) {
        let mut acks = self.acks.lock().expect("no panic");
        let before = acks.insert((topic.to_owned(), id.to_owned()), position.to_owned());
        assert_eq!(before, None, "{id} was acked before, and not sent again");
        self.open.fetch_sub(1, Ordering::SeqCst);
        self.count.send_replace(acks.len());
    }

    pub fn acked(&self) -> usize {
        *self.count.borrow()
    }

    pub async fn until_acked(&self, count: usize, patience: Duration) {
        let mut acked = self.count.subscribe();
        let reached = acked.wait_for(|acked| *acked >= count);
        tokio::time::timeout(patience, reached).await.expect("publishes are acked").expect("books are kept");
    }

    /// Publishers end when what they have under way is acked.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::SeqCst);
    }

    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst)
    }

    /// How many records of a topic were acked, once that can't grow any more.
    pub fn final_count(&self, topic: &str) -> Option<usize> {
        let over = self.is_finished() && self.open.load(Ordering::SeqCst) == 0;
        let acks = self.acks.lock().expect("no panic");
        over.then(|| acks.keys().filter(|(of, _)| of == topic).count())
    }

    /// The log has what was acked, once and where the ack said, and nothing else; offsets and orders are whole.
    pub fn check(&self, topic: &str, log: &[Seen]) {
        let mut ids = HashSet::new();
        let mut last_of: HashMap<&str, u64> = HashMap::new();
        for (expected, record) in (1..).zip(log) {
            assert_eq!(record.offset, expected, "{topic}: offsets are not contiguous");
            assert_eq!(record.epoch, log[0].epoch, "{topic}: the epoch changed");
            assert!(ids.insert(&record.id), "{topic}: {} is there twice", record.id);
            let (publisher, number) = record.id.split_once('.').expect("NAME.NUMBER");
            let number = number.parse().expect("a number");
            let before = last_of.insert(publisher, number);
            assert!(before < Some(number), "{topic}: {publisher} published {number} after {before:?}");
        }
        let acks = self.acks.lock().expect("no panic");
        let of_topic: Vec<_> = acks.iter().filter(|((of, _), _)| of == topic).collect();
        for ((_, id), position) in &of_topic {
            let (epoch, offset) = position.split_once('-').expect("EPOCH-OFFSET");
            let index = offset.parse::<usize>().expect("an offset") - 1;
            let there = log.get(index).unwrap_or_else(|| panic!("{topic}: {id} was acked and is lost"));
            assert_eq!(
                (there.id.as_str(), there.epoch.as_str()),
                (id.as_str(), epoch),
                "{topic} at {offset}"
            );
        }
        assert_eq!(of_topic.len(), log.len(), "{topic}: every publish was sent until it was acked");
    }
}
