//! The network between the clients and the server: connections made of two pipes, and the faults that
//! strike them. It knows what travels as opaque items, and decides only when and whether they arrive.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::{
    fault::{Fault, FaultCounts},
    pipe::{Flow, Latency, Pipe},
};

/// A connection's number, never used twice.
pub type ConnectionId = u64;

/// One in so many connections is a slow one.
const SLOW: u8 = 12;

/// What a connection is made of, as a proxy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An upgrade to a WebSocket.
    Socket,
    /// An answer that doesn't end.
    Stream,
    /// A request and its answer.
    Exchange,
}

/// What stands between a client and the server for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// Nothing.
    #[default]
    None,
    /// It refuses WebSockets.
    BlocksSockets,
    /// WebSockets open through it, and nothing passes.
    MutesSockets,
    /// Streams open through it, and it holds back what they bring.
    BuffersStreams,
}

/// One connection, as the network sees it.
#[derive(Debug)]
pub struct Wire {
    /// Whose it is.
    pub client: usize,
    /// From the client to the server.
    pub up: Pipe,
    /// From the server to the client.
    pub down: Pipe,
    /// It was cut: nothing sent after this arrives, and of what was under way only a beginning.
    pub cut: bool,
    /// The beginning of an item has come through after the cut; nothing more will.
    pub truncated: bool,
    /// The client has been told of the end, or is no more.
    pub client_knows: bool,
    /// The client has closed it, and doesn't care what becomes of it.
    pub given_up: bool,
    /// Items on the way down, so that the server doesn't run ahead of a slow link without bounds.
    pub on_the_way: usize,
}

/// All connections.
#[derive(Debug)]
pub struct Network {
    latency: Latency,
    next: ConnectionId,
    wires: BTreeMap<ConnectionId, Wire>,
    /// Clients whose packets go nowhere: no new connection comes through.
    pub unreachable: Vec<bool>,
    /// What stands between each client and the server.
    pub proxies: Vec<Proxy>,
}

impl Network {
    /// A network for so many clients.
    #[must_use]
    pub fn new(latency: Latency, clients: usize) -> Self {
        Self {
            latency,
            next: 0,
            wires: BTreeMap::new(),
            unreachable: vec![false; clients],
            proxies: vec![Proxy::None; clients],
        }
    }

    /// A new connection, and whether it is refused on the way. It is a black hole from its beginning when the
    /// client is unreachable.
    pub fn connect(
        &mut self,
        client: usize,
        shape: Shape,
        rng: &mut Rng,
        faults: &mut FaultCounts,
    ) -> (ConnectionId, bool) {
        self.next += 1;
        let mut latency = self.latency;
        if rng.u8(..SLOW) == 0 {
            faults.count(Fault::SlowLink);
            latency = Latency { min: latency.min * 10, max: latency.max * 10 + 500 };
        }
        let mut wire = Wire {
            client,
            up: Pipe::new(latency),
            down: Pipe::new(latency),
            cut: false,
            truncated: false,
            client_knows: false,
            given_up: false,
            on_the_way: 0,
        };
        if self.unreachable[client] {
            wire.up.flow = Flow::Swallow;
        }
        let proxy = self.proxies[client];
        match (proxy, shape) {
            (Proxy::MutesSockets, Shape::Socket) | (Proxy::BuffersStreams, Shape::Stream) => {
                wire.down.flow = Flow::HeadOnly;
            }
            _ => {}
        }
        self.wires.insert(self.next, wire);
        (self.next, (proxy, shape) == (Proxy::BlocksSockets, Shape::Socket))
    }

    /// A connection.
    pub fn wire(&mut self, id: ConnectionId) -> Option<&mut Wire> {
        self.wires.get_mut(&id)
    }

    /// Any live connection.
    pub fn any(&self, rng: &mut Rng) -> Option<ConnectionId> {
        rng.choice(self.all())
    }

    /// Every live connection.
    #[must_use]
    pub fn all(&self) -> Vec<ConnectionId> {
        self.live().map(|(id, _)| *id).collect()
    }

    /// Every live connection of a client.
    #[must_use]
    pub fn of_client(&self, client: usize) -> Vec<ConnectionId> {
        self.live().filter(|(_, wire)| wire.client == client).map(|(id, _)| *id).collect()
    }

    fn live(&self) -> impl Iterator<Item = (&ConnectionId, &Wire)> {
        self.wires.iter().filter(|(_, wire)| !wire.cut && !wire.client_knows && !wire.given_up)
    }
}
