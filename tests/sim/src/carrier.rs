//! How things travel in the world: a client's outputs become connections and items on their way, what
//! arrives is handed in, and a lost connection ends as real ones do: noticed by one side, by both, or by
//! none.

use bytes::Bytes;
use everwire_core::{Closed, HttpResponse, Output, Request, Transport};

use crate::{
    client::Purpose,
    network::ConnectionId,
    server::Sent,
    world::{Happening, World},
};

/// Items that the server lets be on their way down one connection: what a socket's buffers hold.
const WINDOW: usize = 4;

/// What travels up.
#[derive(Clone, Debug)]
pub(crate) enum ToServer {
    /// The request that opens a connection.
    Request(Purpose, Transport, Request),
    /// A WebSocket message.
    Message(Bytes),
    /// The client closes.
    Close,
}

/// What travels down.
#[derive(Clone, Debug)]
pub(crate) enum ToClient {
    /// The socket is open, or the stream's headers are there.
    Opened,
    /// A WebSocket message.
    Message(Bytes),
    /// Bytes of a stream, or text of an event stream.
    Chunk(Bytes),
    /// An answer.
    Response(HttpResponse),
    /// The server closes.
    Close(Closed),
}

impl World {
    /// Does what a session wants.
    pub(crate) fn carry(&mut self, index: usize, output: Output) -> Result<(), String> {
        match output {
            Output::Open { attempt, transport, request } => {
                let purpose = match transport {
                    Transport::WebSocket | Transport::Tab => Purpose::Socket(attempt),
                    Transport::Sse => Purpose::Stream(attempt),
                    Transport::EventSource => Purpose::Events(attempt),
                    Transport::LongPoll | Transport::Poll => Purpose::Poll(attempt),
                };
                self.open(index, purpose, transport, request);
            }
            Output::Poll { attempt, request } => {
                self.open(index, Purpose::Poll(attempt), Transport::LongPoll, request);
            }
            Output::Request { id, request } => {
                self.open(index, Purpose::OneOff(id), Transport::Poll, request);
            }
            Output::Send { attempt, data } => {
                let id = self.connection_of(index, Purpose::Socket(attempt));
                self.send_up(id.ok_or("a message without a socket")?, ToServer::Message(data));
            }
            Output::Close { attempt, .. } => {
                let of_attempt = |purpose: &Purpose| purpose.attempt() == Some(attempt);
                let connections = self.clients[index].connections.iter();
                let ids: Vec<_> = connections.filter(|(_, p)| of_attempt(p)).map(|(id, _)| *id).collect();
                // What is still on its way down arrives all the same: the session has to ignore it.
                ids.into_iter().for_each(|id| self.send_up(id, ToServer::Close));
            }
            Output::Save(_) | Output::Forget(_) => {
                return Err("a publish was to be kept, and nobody keeps any".into());
            }
            Output::FetchToken => return Err("a token was asked for, and there is no provider".into()),
            Output::Event(event) => return Err(format!("{event:?} was not told to the app")),
        }
        Ok(())
    }

    fn open(&mut self, index: usize, purpose: Purpose, transport: Transport, request: Request) {
        let id = self.network.connect(index);
        self.clients[index].connections.insert(id, purpose);
        self.send_up(id, ToServer::Request(purpose, transport, request));
    }

    fn connection_of(&self, index: usize, purpose: Purpose) -> Option<ConnectionId> {
        self.clients[index].connections.iter().find(|(_, p)| **p == purpose).map(|(id, _)| *id)
    }

    fn send_up(&mut self, id: ConnectionId, item: ToServer) {
        let Some(wire) = self.network.wire(id).filter(|wire| !wire.cut) else { return };
        if let Some(at) = wire.up.arrival(self.now, &mut self.rng) {
            self.enter_at(at, Happening::Up(id, item));
        }
    }

    fn send_down(&mut self, id: ConnectionId, item: ToClient) {
        let Some(wire) = self.network.wire(id).filter(|wire| !wire.cut) else { return };
        wire.on_the_way += 1;
        if let Some(at) = wire.down.arrival(self.now, &mut self.rng) {
            self.enter_at(at, Happening::Down(id, item));
        }
    }

    /// Bytes of a stream come in pieces that know nothing of events.
    fn send_pieces(&mut self, id: ConnectionId, mut data: Bytes) {
        while !data.is_empty() {
            let len = if self.rng.bool() { data.len() } else { self.rng.usize(1..=data.len()) };
            self.send_down(id, ToClient::Chunk(data.split_to(len)));
        }
    }

    pub(crate) fn arrive_at_server(&mut self, id: ConnectionId, item: ToServer) -> Result<(), String> {
        if self.network.wire(id).is_none_or(|wire| wire.cut) {
            return Ok(());
        }
        let Some(server) = &mut self.server else {
            // Nobody listens: the connection is refused, or reset.
            self.client_will_notice(id);
            return Ok(());
        };
        match item {
            ToServer::Request(Purpose::OneOff(_), _, request) => {
                let response = server.answer(self.now, &request, &mut self.truth)?;
                self.send_down(id, ToClient::Response(response));
            }
            ToServer::Request(purpose, transport, request) => {
                let connection = server.accept(self.now, transport, &request)?;
                server.mirror(&mut self.truth)?;
                self.connections.insert(id, connection);
                if !matches!(purpose, Purpose::Poll(_)) {
                    self.send_down(id, ToClient::Opened);
                }
            }
            ToServer::Message(data) => match self.connections.get_mut(&id) {
                Some(connection) => connection.message(self.now, data, server, &mut self.truth)?,
                None => self.client_will_notice(id),
            },
            ToServer::Close => self.lose_at_server(id),
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
            && self.network.wire(id).is_some_and(|wire| wire.cut || wire.on_the_way < WINDOW)
        {
            let sent = connection.pull(self.now)?;
            if let Some(server) = &self.server {
                server.mirror(&mut self.truth)?;
            }
            match sent {
                None => return Ok(()),
                Some(Sent::Message(data)) => self.send_down(id, ToClient::Message(data)),
                Some(Sent::Chunk(text)) => self.send_pieces(id, text.into()),
                Some(Sent::Answer(response)) => {
                    self.send_down(id, ToClient::Response(response));
                    self.lose_at_server(id);
                }
                Some(Sent::Closed(code)) => {
                    self.send_down(id, ToClient::Close(Closed::Code(code)));
                    self.lose_at_server(id);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn arrive_at_client(&mut self, id: ConnectionId, mut item: ToClient) -> Result<(), String> {
        let Some(wire) = self.network.wire(id) else { return Ok(()) };
        let index = wire.client;
        if self.asleep_until[index] > self.now {
            self.enter_at(self.asleep_until[index], Happening::Down(id, item));
            return Ok(());
        }
        wire.on_the_way = wire.on_the_way.saturating_sub(1);
        if wire.client_knows {
            return Ok(());
        }
        if wire.cut {
            // Of a stream, a beginning of what was on its way may have come through.
            match &mut item {
                ToClient::Chunk(data) if !std::mem::replace(&mut wire.truncated, true) => {
                    data.truncate(self.rng.usize(..=data.len()));
                }
                _ => return Ok(()),
            }
        }
        self.hand_in(index, id, item);
        self.act(index)?;
        self.pump(id)
    }

    /// Tells the session of something that arrived.
    fn hand_in(&mut self, index: usize, id: ConnectionId, item: ToClient) {
        let now = self.time();
        let client = &mut self.clients[index];
        let Some(purpose) = client.connections.get(&id).copied() else { return };
        let session = &mut client.session;
        let over = matches!(item, ToClient::Response(_) | ToClient::Close(_));
        match (purpose, item) {
            (Purpose::OneOff(request), ToClient::Response(response)) => {
                session.handle_reply(now, request, Some(response));
            }
            (Purpose::Poll(attempt), ToClient::Response(response)) => {
                session.handle_response(now, attempt, response);
            }
            (Purpose::Socket(attempt) | Purpose::Stream(attempt) | Purpose::Events(attempt), item) => {
                match item {
                    ToClient::Opened => session.handle_opened(now, attempt),
                    ToClient::Message(data) => session.handle_message(now, attempt, data),
                    ToClient::Chunk(data) if matches!(purpose, Purpose::Events(_)) => {
                        let parser = client.browsers.entry(id).or_default();
                        let mut events = Vec::new();
                        let mut rest = &data[..];
                        while let Ok(Some(event)) = parser.next_event(&mut rest) {
                            events.push((event.name.to_owned(), event.data.to_owned()));
                        }
                        for (name, data) in events {
                            session.handle_event(now, attempt, &name, &data);
                        }
                    }
                    ToClient::Chunk(data) => session.handle_chunk(now, attempt, &data),
                    ToClient::Close(Closed::Code(_)) if !matches!(purpose, Purpose::Socket(_)) => {
                        // A stream just ends; why, its last event said.
                        session.handle_closed(now, attempt, Closed::Network);
                    }
                    ToClient::Close(closed) => session.handle_closed(now, attempt, closed),
                    ToClient::Response(_) => {}
                }
            }
            _ => {}
        }
        if over {
            client.connections.remove(&id);
            if let Some(wire) = self.network.wire(id) {
                wire.client_knows = true;
            }
        }
    }

    /// The client's operating system finds out, after a while.
    pub(crate) fn client_will_notice(&mut self, id: ConnectionId) {
        let delay = self.rng.u64(0..=200);
        self.enter(delay, Happening::ClientLoses(id));
    }

    pub(crate) fn lose_at_client(&mut self, id: ConnectionId) -> Result<(), String> {
        let Some(wire) = self.network.wire(id).filter(|wire| !wire.client_knows) else { return Ok(()) };
        let index = wire.client;
        if self.asleep_until[index] > self.now {
            self.enter_at(self.asleep_until[index], Happening::ClientLoses(id));
            return Ok(());
        }
        wire.client_knows = true;
        let now = self.time();
        let client = &mut self.clients[index];
        match client.connections.remove(&id) {
            Some(Purpose::OneOff(request)) => client.session.handle_reply(now, request, None),
            Some(purpose) => {
                if let Some(attempt) = purpose.attempt() {
                    client.session.handle_closed(now, attempt, Closed::Network);
                }
            }
            None => {}
        }
        self.act(index)
    }

    pub(crate) fn lose_at_server(&mut self, id: ConnectionId) {
        if let Some(mut connection) = self.connections.remove(&id) {
            connection.leave(self.now);
        }
    }
}
