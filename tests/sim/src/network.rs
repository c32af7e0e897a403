//! The network between the clients and the server: connections made of two pipes, and the faults that
//! strike them. It knows what travels as opaque items, and decides only when and whether they arrive.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::pipe::{Flow, Latency, Pipe};

/// A connection's number, never used twice.
pub type ConnectionId = u64;

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
    /// The client has been told of the end.
    pub client_knows: bool,
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
}

impl Network {
    /// A network for so many clients.
    #[must_use]
    pub fn new(latency: Latency, clients: usize) -> Self {
        Self { latency, next: 0, wires: BTreeMap::new(), unreachable: vec![false; clients] }
    }

    /// A new connection; a black hole from its beginning when the client is unreachable.
    pub fn connect(&mut self, client: usize) -> ConnectionId {
        self.next += 1;
        let mut wire = Wire {
            client,
            up: Pipe::new(self.latency),
            down: Pipe::new(self.latency),
            cut: false,
            truncated: false,
            client_knows: false,
            on_the_way: 0,
        };
        if self.unreachable[client] {
            wire.up.flow = Flow::Swallow;
        }
        self.wires.insert(self.next, wire);
        self.next
    }

    /// A connection that is not forgotten yet.
    pub fn wire(&mut self, id: ConnectionId) -> Option<&mut Wire> {
        self.wires.get_mut(&id)
    }

    /// Any live connection.
    pub fn any(&self, rng: &mut Rng) -> Option<ConnectionId> {
        let live: Vec<_> = self.wires.iter().filter(|(_, wire)| !wire.cut).map(|(id, _)| *id).collect();
        rng.choice(live)
    }

    /// Every live connection.
    #[must_use]
    pub fn all(&self) -> Vec<ConnectionId> {
        self.wires.iter().filter(|(_, wire)| !wire.cut).map(|(id, _)| *id).collect()
    }
}
