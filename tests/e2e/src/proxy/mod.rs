//! A TCP proxy that fails as told: it cuts, stalls, delays, refuses, and moves to another upstream.
//!
//! It must not know what it carries: faults fall on bytes, so that they hit frames in their middle. What proxies do
//! that read HTTP is in `habits`.

mod habits;
mod link;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

pub use habits::{Habits, WebSockets};

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order: the other side reads an end of file, in whatever place it is.
    Fin,
    /// By a reset: the other side gets an error, and may lose what it has not read yet.
    Rst,
}

/// One way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the server to the client.
    Down,
    /// From the client to the server.
    Up,
}

/// A cut that falls by itself once `after` more bytes have gone down since the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedCut {
    /// How many bytes still reach the client.
    pub after: u64,
    /// How all connections then end.
    pub how: Cut,
}

impl PlannedCut {
    /// `count` cuts, each after 1 to `most` bytes; the same seed gives the same plan.
    pub fn random(seed: u64, count: usize, most: u64) -> Vec<Self> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut cut =
            || Self { after: random.u64(1..=most), how: if random.bool() { Cut::Fin } else { Cut::Rst } };
        (0..count).map(|_| cut()).collect()
    }
}

/// What has passed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Connections that are open now.
    pub open: u64,
    /// WebSockets among those.
    pub websockets: u64,
    /// Bytes that went to clients.
    pub down: u64,
    /// Bytes that went to the server.
    pub up: u64,
    /// Cuts, planned or asked for, however many connections each has ended.
    pub cuts: u64,
}

/// What is to happen to connections; those are known by numbers that count up.
#[derive(Clone, Debug)]
struct Orders {
    upstream: Option<SocketAddr>,
    refuse: bool,
    delay: Duration,
    habits: Habits,
    /// Connections below this number end so.
    cut: (u64, Cut),
    /// Connections below these numbers pass nothing down, or up, for ever.
    frozen: [u64; 2],
    /// Nothing passes down, or up, on any connection.
    stopped: [bool; 2],
}

impl Orders {
    fn holds(&self, way: Way, number: u64) -> bool {
        self.stopped[way as usize] || number < self.frozen[way as usize]
    }
}

#[derive(Debug)]
struct Shared {
    orders: watch::Sender<Orders>,
    plan: Mutex<VecDeque<PlannedCut>>,
    connections: AtomicU64,
    open: AtomicU64,
    websockets: AtomicU64,
    bytes: [AtomicU64; 2],
    cuts: AtomicU64,
}

impl Shared {
    fn cut(&self, how: Cut) {
        self.cuts.fetch_add(1, Relaxed);
        let below = self.connections.load(Relaxed);
        self.orders.send_modify(|orders| orders.cut = (below, how));
    }

    /// Takes `bytes` off the plan: says when only some of them may pass before a cut.
    fn spend(&self, bytes: usize) -> Option<(usize, Cut)> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let next = plan.front_mut()?;
        match usize::try_from(next.after) {
            Ok(after) if after <= bytes => {
                let how = next.how;
                plan.pop_front();
                Some((after, how))
            }
            _ => {
                next.after -= bytes as u64;
                None
            }
        }
    }
}

/// The proxy; all of it ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: watch::Receiver<bool>,
    acceptor: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of the loopback. Without an upstream, connections are closed at once.
    pub async fn start(upstream: Option<SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let orders = Orders {
            upstream,
            refuse: false,
            delay: Duration::ZERO,
            habits: Habits::default(),
            cut: (0, Cut::Fin),
            frozen: [0; 2],
            stopped: [false; 2],
        };
        let shared = Arc::new(Shared {
            orders: watch::Sender::new(orders),
            plan: Mutex::default(),
            connections: AtomicU64::new(0),
            open: AtomicU64::new(0),
            websockets: AtomicU64::new(0),
            bytes: Default::default(),
            cuts: AtomicU64::new(0),
        });
        let (listens, listening) = watch::channel(true);
        let acceptor = tokio::spawn(accept(listener, address, shared.clone(), listens));
        Ok(Self { address, shared, listening, acceptor })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a page knows it: `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has passed so far.
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.shared.connections.load(Relaxed),
            open: self.shared.open.load(Relaxed),
            websockets: self.shared.websockets.load(Relaxed),
            down: self.shared.bytes[Way::Down as usize].load(Relaxed),
            up: self.shared.bytes[Way::Up as usize].load(Relaxed),
            cuts: self.shared.cuts.load(Relaxed),
        }
    }

    /// Connections from now on go there.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        self.shared.orders.send_modify(|orders| orders.upstream = Some(upstream));
    }

    /// Ends all connections that there are.
    pub fn cut(&self, how: Cut) {
        self.shared.cut(how);
    }

    /// Sets the cuts that fall by themselves; replaces those that have not fallen yet.
    pub fn plan(&self, cuts: impl IntoIterator<Item = PlannedCut>) {
        let mut plan = self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner);
        *plan = cuts.into_iter().collect();
    }

    /// How many planned cuts have not fallen yet.
    pub fn planned(&self) -> usize {
        self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Black hole for the connections that there are: nothing passes any more, not even their end, in the given
    /// ways. New connections are well.
    pub fn freeze(&self, ways: &[Way]) {
        let below = self.shared.connections.load(Relaxed);
        self.shared
            .orders
            .send_modify(|orders| ways.iter().for_each(|way| orders.frozen[*way as usize] = below));
    }

    /// Black hole for every connection, new ones too, until [`Proxy::flow`]: what came meanwhile then passes.
    pub fn stop(&self, ways: &[Way]) {
        self.shared
            .orders
            .send_modify(|orders| ways.iter().for_each(|way| orders.stopped[*way as usize] = true));
    }

    /// Ends [`Proxy::stop`].
    pub fn flow(&self) {
        self.shared.orders.send_modify(|orders| orders.stopped = [false; 2]);
    }

    /// Holds every piece of data back for so long before it passes.
    pub fn delay(&self, delay: Duration) {
        self.shared.orders.send_modify(|orders| orders.delay = delay);
    }

    /// How requests are treated that come from now on.
    pub fn set_habits(&self, habits: Habits) {
        self.shared.orders.send_modify(|orders| orders.habits = habits);
    }

    /// Whether new connections are refused, as by a machine on which nothing listens. In effect on return.
    pub async fn refuse(&self, refuse: bool) {
        self.shared.orders.send_modify(|orders| orders.refuse = refuse);
        // An error means that the acceptor has ended: then everything is refused.
        let _ = self.listening.clone().wait_for(|listening| *listening != refuse).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    listens: watch::Sender<bool>,
) {
    let mut orders = shared.orders.subscribe();
    let mut links = JoinSet::new();
    let mut listener = Some(listener);
    loop {
        if orders.borrow_and_update().refuse {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).await.ok();
        }
        listens.send_if_modified(|listening| {
            std::mem::replace(listening, listener.is_some()) != listener.is_some()
        });
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = accepted => if let Ok((client, _)) = accepted {
                let number = shared.connections.fetch_add(1, Relaxed);
                links.spawn(link::carry(client, number, shared.clone()));
            },
            changed = orders.changed() => if changed.is_err() { return },
            Some(_) = links.join_next() => {}
        }
    }
}
