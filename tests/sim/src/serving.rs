//! The server's side of the world: what arrives there, what it sends, and how its process begins and ends.

use std::sync::Arc;

use everwire_core::Closed;

use crate::{
    carrier::{ToClient, ToServer},
    client::Purpose,
    connection::Sent,
    fault::Fault,
    network::ConnectionId,
    server::{Accepted, Server},
    world::{Happening, World},
};

/// Items that the server lets be on their way down one connection: what a socket's buffers hold.
const WINDOW: usize = 4;

impl World {
    pub(crate) fn arrive_at_server(&mut self, id: ConnectionId, item: ToServer) -> Result<(), String> {
        if self.network.wire(id).is_none_or(|wire| wire.cut) {
            return Ok(());
        }
        let (now, books) = (self.now, &mut self.books);
        let Some(server) = &mut self.server else {
            // Nobody listens: the connection is refused, or reset.
            self.client_will_notice(id);
            return Ok(());
        };
        match item {
            ToServer::Request(..) if server.drains => self.client_will_notice(id),
            ToServer::Request(Purpose::OneOff(_), _, request) => {
                let response = server.answer(now, &request, books)?;
                self.send_down(id, ToClient::Response(response));
            }
            ToServer::Request(purpose, transport, request) => {
                match server.accept(now, transport, &request, books)? {
                    Accepted::Refused(response) => self.send_down(id, ToClient::Response(response)),
                    Accepted::Connection(connection) => {
                        self.connections.insert(id, *connection);
                        if !matches!(purpose, Purpose::Poll(_)) {
                            self.send_down(id, ToClient::Opened);
                        }
                    }
                }
            }
            ToServer::Message(data) => match self.connections.get_mut(&id) {
                Some(connection) => connection.take_bytes(now, data, server, books)?,
                None => self.client_will_notice(id),
            },
            ToServer::Close { clean } => self.lose_at_server(id, clean),
        }
        self.pump_all()
    }

    /// Sends what is there to send on every connection: what one client does may concern all.
    pub(crate) fn pump_all(&mut self) -> Result<(), String> {
        self.connections.keys().copied().collect::<Vec<_>>().into_iter().try_for_each(|id| self.pump(id))
    }

    /// Sends what is there to send, as far as the link takes it.
    pub(crate) fn pump(&mut self, id: ConnectionId) -> Result<(), String> {
        while let Some(connection) = self.connections.get_mut(&id)
            && self.network.wire(id).is_some_and(|wire| wire.on_the_way < WINDOW)
        {
            let sent = connection.pull(self.now, &mut self.books)?;
            self.logs.mirror(&mut self.books.truth)?;
            match sent {
                None => return Ok(()),
                Some(Sent::Message(data)) => self.send_down(id, ToClient::Message(data)),
                Some(Sent::Chunk(text)) => self.send_pieces(id, text.into()),
                Some(Sent::Answer(response)) => {
                    self.send_down(id, ToClient::Response(response));
                    self.lose_at_server(id, false);
                }
                Some(Sent::Closed(code)) => {
                    self.send_down(id, ToClient::Close(Closed::Code(code)));
                    self.lose_at_server(id, false);
                }
            }
        }
        Ok(())
    }

    /// The server is rid of a connection; `clean` when the client said goodbye itself.
    pub(crate) fn lose_at_server(&mut self, id: ConnectionId, clean: bool) {
        if let Some(mut connection) = self.connections.remove(&id) {
            connection.leave(self.now, clean, &mut self.books);
        }
    }

    /// The server is to go away in order.
    pub(crate) fn drain_server(&mut self) {
        let Some(server) = self.server.as_mut().filter(|server| !server.drains) else { return };
        let window = server.drain();
        self.connections.values_mut().for_each(|connection| connection.drain(window));
        let how = if self.rng.bool() { Fault::RestartEmpty } else { Fault::RestartWhole };
        let delay = self.rng.u64(0..=8_000);
        self.enter(delay, Happening::ServerEnds(how));
    }

    /// The server's process ends, and its connections with it.
    pub(crate) fn end_server(&mut self, how: Fault) {
        let Some(server) = self.server.take() else { return };
        self.report.faults.count_more(Fault::RateLimited, server.rate_limited());
        self.connections.clear();
        self.books.ledger.forget_all(self.now);
        for id in self.network.all() {
            match self.rng.u8(..10) {
                0..=6 => self.client_will_notice(id),
                _ => self.swallow(id, true, true),
            }
        }
        match how {
            Fault::RestartEmpty => self.logs.begin_life(self.now, self.rng.u64(..), 0),
            Fault::FailOver => self.lose_tail(),
            _ => {}
        }
        let delay = self.rng.u64(0..=5_000);
        self.enter(delay, Happening::ServerBack);
    }

    /// The store goes on without the newest of its records.
    pub(crate) fn lose_tail(&mut self) {
        let taken = self.logs.taken();
        let lost = self.rng.usize(0..=taken.min(30));
        self.logs.begin_life(self.now, self.rng.u64(..), taken - lost);
    }

    pub(crate) fn start_server(&mut self) {
        if self.server.is_none() {
            let seed = self.rng.u64(..);
            let (logs, tokens) = (self.logs.clone(), Arc::clone(&self.tokens));
            self.server = Some(Server::start(&self.schedule, logs, tokens, seed));
        }
    }
}
