//! What goes wrong, what the apps do meanwhile, and how it all heals in the end.

use std::sync::Arc;

use everwire_core::Reason;
use everwire_protocol::{From, HistoryRange, Payload};
use everwire_server::hub::Publication;

use crate::{
    network::ConnectionId,
    pipe::Flow,
    schedule::transports,
    server::Server,
    world::{Happening, World, topics},
};

impl World {
    /// Something breaks.
    pub(crate) fn fault(&mut self) -> Result<(), String> {
        if self.healed {
            return Ok(());
        }
        let next = self.rng.u64(0..=self.schedule.fault_every * 2);
        self.enter(next, Happening::Fault);
        let index = self.rng.usize(..self.clients.len());
        match self.rng.u8(..16) {
            0..=5 => self.strike(Self::cut),
            6 | 7 => self.strike(Self::black_hole),
            8 => self.strike(Self::stall),
            9 => self.restart_server(),
            10 => self.unreachable(index),
            11 => {
                let now = self.time();
                self.clients[index].session.handle_offline(now);
                return self.away(index);
            }
            12 => {
                let now = self.time();
                self.clients[index].session.handle_suspend(now);
                return self.away(index);
            }
            13 => {
                let until = self.now + self.rng.u64(1_000..=90_000);
                self.asleep_until[index] = until;
                self.hold_timer(index);
                self.enter_at(until, Happening::ClientBack(index));
            }
            14 => {
                let now = self.time();
                self.clients[index].session.handle_wakeup(now);
                return self.act(index);
            }
            _ => {
                // Whole subnets go at once.
                self.network.all().into_iter().for_each(|id| self.cut(id));
            }
        }
        Ok(())
    }

    fn strike(&mut self, fault: impl FnOnce(&mut Self, ConnectionId)) {
        if let Some(id) = self.network.any(&mut self.rng) {
            fault(self, id);
        }
    }

    /// The connection ends, and either side notices soon, or not at all.
    fn cut(&mut self, id: ConnectionId) {
        if let Some(wire) = self.network.wire(id) {
            wire.cut = true;
        }
        if self.rng.u8(..10) < 7 {
            self.client_will_notice(id);
        }
        if self.rng.u8(..10) < 7 {
            let delay = self.rng.u64(0..=500);
            self.enter(delay, Happening::ServerLoses(id));
        }
    }

    /// Bytes stop, one way or both, and nobody is told.
    fn black_hole(&mut self, id: ConnectionId) {
        let (up, down) = [(true, true), (true, false), (false, true)][self.rng.usize(..3)];
        if let Some(wire) = self.network.wire(id) {
            wire.up.flow = if up { Flow::Swallow } else { wire.up.flow };
            wire.down.flow = if down { Flow::Swallow } else { wire.down.flow };
        }
    }

    /// Nothing comes through for a while; then all of it.
    fn stall(&mut self, id: ConnectionId) {
        let until = self.now + self.rng.u64(500..=60_000);
        if let Some(wire) = self.network.wire(id) {
            wire.up.stall(until);
            wire.down.stall(until);
        }
    }

    fn restart_server(&mut self) {
        if self.server.take().is_some() {
            self.connections.clear();
            for id in self.network.all() {
                match self.rng.u8(..10) {
                    0..=6 => self.client_will_notice(id),
                    _ => self.black_hole(id),
                }
            }
            let delay = self.rng.u64(0..=5_000);
            self.enter(delay, Happening::ServerBack);
        }
    }

    pub(crate) fn start_server(&mut self) {
        if self.server.is_none() {
            self.server = Some(Server::start(&self.schedule, self.rng.u64(..)));
        }
    }

    /// The client's network swallows everything, and says nothing.
    fn unreachable(&mut self, index: usize) {
        self.network.unreachable[index] = true;
        for id in self.network.all() {
            if self.network.wire(id).is_some_and(|wire| wire.client == index) {
                self.black_hole(id);
            }
        }
        let delay = self.rng.u64(1_000..=40_000);
        self.enter(delay, Happening::ClientBack(index));
    }

    fn away(&mut self, index: usize) -> Result<(), String> {
        let delay = self.rng.u64(100..=30_000);
        self.enter(delay, Happening::ClientBack(index));
        self.act(index)
    }

    /// Whatever kept the client from the network is over, and its page is told as a browser would tell it.
    pub(crate) fn client_back(&mut self, index: usize) -> Result<(), String> {
        self.network.unreachable[index] = false;
        let now = self.time();
        self.clients[index].session.handle_online(now);
        self.act(index)?;
        self.clients[index].session.handle_wakeup(now);
        self.act(index)
    }

    /// The app of a client does something.
    pub(crate) fn app(&mut self, index: usize) -> Result<(), String> {
        if self.healed {
            return Ok(());
        }
        let next = self.rng.u64(0..=self.schedule.app_every * 2);
        self.enter(next, Happening::App(index));
        if self.asleep_until[index] > self.now {
            return Ok(());
        }
        let topic = topics().swap_remove(self.rng.usize(..self.schedule.topics));
        let now = self.time();
        match self.rng.u16(..1_000) {
            0..=499 => self.clients[index].publish(now, topic, false)?,
            500..=549 => self.clients[index].publish(now, topic, true)?,
            550..=749 => {
                let count = if self.rng.u8(..10) == 0 { self.rng.u32(1..=100) } else { 1 };
                self.publish_from_outside(&topic, count)?;
            }
            750..=899 => {
                let from =
                    [From::Latest, From::Earliest, From::Last(self.rng.u32(0..=20))][self.rng.usize(..3)];
                self.clients[index].subscribe(now, &topic, from, &self.truth)?;
            }
            900..=914 => self.clients[index].unsubscribe(now, &topic),
            915..=939 => {
                let choice = transports(&mut self.rng);
                self.clients[index].session.set_transports(now, choice);
            }
            940..=959 => self.clients[index].session.reconnect(now, Reason::Asked),
            960..=979 => {
                self.clients[index].session.history(now, topic, HistoryRange::Before(u64::MAX), 10);
            }
            980..=998 => {
                self.clients[index].session.presence(now, topic);
            }
            _ => self.clients[index].close(now),
        }
        self.act(index)
    }

    /// Others write to the log, once or in a burst.
    fn publish_from_outside(&mut self, topic: &everwire_protocol::Topic, count: u32) -> Result<(), String> {
        let Some(server) = &self.server else { return Ok(()) };
        for number in 0..count {
            let key: Option<Arc<str>> = self.rng.bool().then(|| format!("key{}", number % 3).into());
            let payload = Payload::text(format!("line one\r\nline {number}"));
            let publication = Publication { topic: topic.clone(), payload, key, id: None, ephemeral: false };
            server.publish(self.now, publication)?;
            server.mirror(&mut self.truth)?;
        }
        self.pump_all()
    }

    /// The app takes all that waits, and does so again some time later.
    pub(crate) fn drain(&mut self, index: usize) -> Result<(), String> {
        let next = self.rng.u64(0..=self.schedule.app_lag);
        self.enter(next.max(1), Happening::Drain(index));
        let now = self.time();
        self.clients[index].drain(now);
        self.act(index)
    }

    /// From now on nothing breaks. What was swallowed stays lost: that is for the clients to find out.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        self.healed = true;
        self.start_server();
        for index in 0..self.clients.len() {
            let back = self.asleep_until[index].max(self.now);
            self.enter_at(back, Happening::ClientBack(index));
        }
        // Something new in every topic, so that being up to date means this life of the log.
        for topic in topics() {
            self.publish_from_outside(&topic, 1)?;
        }
        self.enter(1_000, Happening::Check);
        Ok(())
    }
}
