//! How things travel between a client and the world: a session's outputs become connections and items on their way,
//! what arrives is handed in, and a lost connection ends as real ones do: noticed by one side, by both, or by none.

use bytes::Bytes;
use everwire_core::{Closed, HttpResponse, Output, Request, Transport};

use crate::{
    client::Purpose,
    fault::Fault,
    network::{ConnectionId, Shape},
    tokens::MARK,
    world::{Happening, World, brief},
};

/// The close codes by which a client says that it goes.
const GOES: [u16; 2] = [1000, 1001];

/// What travels up.
#[derive(Clone, Debug)]
pub(crate) enum ToServer {
    /// The request that opens a connection.
    Request(Purpose, Transport, Request),
    /// A WebSocket message.
    Message(Bytes),
    /// The client closes; `clean` when it says that it goes.
    Close { clean: bool },
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
        if self.schedule.token_life.is_some() && brief(&output).contains(MARK) {
            return Err("invariant 10: an output shows a token".to_owned());
        }
        match output {
            Output::Open { attempt, transport: Transport::Tab, .. } => self.open_link(index, attempt),
            Output::Open { attempt, transport, request } => {
                let purpose = match transport {
                    Transport::WebSocket | Transport::Tab => Purpose::Socket(attempt),
                    Transport::Sse => Purpose::Stream(attempt),
                    Transport::EventSource => Purpose::Events(attempt),
                    Transport::LongPoll | Transport::Poll => Purpose::Poll(attempt),
                };
                self.open(index, purpose, transport, request)?;
            }
            Output::Poll { attempt, request } => {
                self.open(index, Purpose::Poll(attempt), Transport::LongPoll, request)?;
            }
            Output::Request { id, request } => {
                self.open(index, Purpose::OneOff(id), Transport::Poll, request)?;
            }
            Output::Send { attempt, data } => {
                if let Some(sent) = self.send_on_link(index, attempt, &data) {
                    return sent;
                }
                let id = self.connection_of(index, Purpose::Socket(attempt));
                self.send_up(id.ok_or("a message without a socket")?, ToServer::Message(data));
            }
            Output::Close { attempt, code } => {
                if let Some(closed) = self.close_link(index, attempt) {
                    return closed;
                }
                let of_attempt = |purpose: &Purpose| purpose.attempt() == Some(attempt);
                let connections = self.clients[index].connections.iter();
                let ids: Vec<_> = connections.filter(|(_, p)| of_attempt(p)).map(|(id, _)| *id).collect();
                for id in ids {
                    // Only a WebSocket can say why it closes.
                    let says = matches!(self.clients[index].connections.get(&id), Some(Purpose::Socket(_)));
                    // What is still on its way down arrives all the same: the session has to ignore it.
                    self.send_up(id, ToServer::Close { clean: says && GOES.contains(&code) });
                    if let Some(wire) = self.network.wire(id) {
                        wire.given_up = true;
                    }
                }
            }
            Output::FetchToken => self.fetch_token(index)?,
            Output::Event(_) | Output::Save(_) | Output::Forget(_) => {
                return Err(format!("{output:?} was not told to the app"));
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        index: usize,
        purpose: Purpose,
        transport: Transport,
        request: Request,
    ) -> Result<(), String> {
        if request.target.contains(MARK) {
            return Err(format!("invariant 10: a token is in the URL {}", request.target));
        }
        let shape = match purpose {
            Purpose::Socket(_) => Shape::Socket,
            Purpose::Stream(_) | Purpose::Events(_) => Shape::Stream,
            Purpose::Poll(_) | Purpose::OneOff(_) => Shape::Exchange,
        };
        let (id, refused) = self.network.connect(index, shape, &mut self.rng, &mut self.report.faults);
        self.clients[index].connections.insert(id, purpose);
        if refused {
            self.client_will_notice(id);
        } else {
            self.send_up(id, ToServer::Request(purpose, transport, request));
        }
        Ok(())
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

    pub(crate) fn send_down(&mut self, id: ConnectionId, item: ToClient) {
        let Some(wire) = self.network.wire(id) else { return };
        // What goes nowhere stays in the server's buffers.
        wire.on_the_way += 1;
        if wire.cut {
            return;
        }
        if let Some(at) = wire.down.arrival(self.now, &mut self.rng) {
            self.enter_at(at, Happening::Down(id, item));
        }
    }

    /// Bytes of a stream come in pieces that know nothing of events.
    pub(crate) fn send_pieces(&mut self, id: ConnectionId, mut data: Bytes) {
        while !data.is_empty() {
            let len = if self.rng.bool() { data.len() } else { self.rng.usize(1..=data.len()) };
            self.send_down(id, ToClient::Chunk(data.split_to(len)));
        }
    }

    /// Bytes that mean nothing arrive in the place of what the server would say next.
    pub(crate) fn send_garbage(&mut self, id: ConnectionId) {
        let index = self.network.wire(id).map(|wire| wire.client);
        let purpose = index.and_then(|index| self.clients[index].connections.get(&id).copied());
        let Some(purpose) = purpose else { return };
        let junk = garbage(&mut self.rng);
        match purpose {
            Purpose::Socket(_) => self.send_down(id, ToClient::Message(junk.into())),
            Purpose::Stream(_) | Purpose::Events(_) => {
                let name = ["", "event: everwire.gap\n", "event: everwire.subscribed\n"][self.rng.usize(..3)];
                let chunk = [name.as_bytes(), b"data: no header ", &junk, b"\n\n"].concat();
                self.send_down(id, ToClient::Chunk(chunk.into()));
            }
            Purpose::Poll(_) | Purpose::OneOff(_) => {
                let status = if self.rng.bool() { 200 } else { 502 };
                let response = HttpResponse { status, retry_after: None, body: junk.into() };
                self.send_down(id, ToClient::Response(response));
                self.lose_at_server(id, false);
            }
        }
        self.report.faults.count(Fault::GarbageDown);
    }

    pub(crate) fn arrive_at_client(&mut self, id: ConnectionId, mut item: ToClient) -> Result<(), String> {
        let Some(wire) = self.network.wire(id) else { return Ok(()) };
        let index = wire.client;
        if self.machines[index].sleeps(self.now) {
            self.enter_at(self.machines[index].asleep_until, Happening::Down(id, item));
            return Ok(());
        }
        wire.on_the_way = wire.on_the_way.saturating_sub(1);
        let (over, gone) = (wire.client_knows, wire.client_knows || wire.given_up);
        if gone && !wire.cut {
            // The client's operating system says that nobody is there.
            self.enter_at(self.now + 1, Happening::ServerLoses(id));
        }
        let Some(wire) = self.network.wire(id).filter(|_| !over) else { return Ok(()) };
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
        let now = self.time(index);
        let client = &mut self.clients[index];
        let Some(purpose) = client.connections.get(&id).copied() else { return };
        let session = &mut client.session;
        let over = matches!(item, ToClient::Response(_) | ToClient::Close(_));
        match (purpose, item) {
            (Purpose::OneOff(request), ToClient::Response(response)) => {
                session.handle_reply(now, request, Some(response));
            }
            // `EventSource` tells nobody why it was refused.
            (Purpose::Events(attempt), ToClient::Response(_)) => {
                session.handle_closed(now, attempt, Closed::Network);
            }
            (Purpose::Poll(attempt) | Purpose::Stream(attempt), ToClient::Response(response)) => {
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
                            events.push((event.name().into_owned(), event.data().into_owned()));
                        }
                        for (name, data) in events {
                            session.handle_event(now, attempt, &name, &data);
                        }
                    }
                    ToClient::Chunk(data) => session.handle_chunk(now, attempt, data),
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
            client.browsers.remove(&id);
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
        if self.machines[index].sleeps(self.now) {
            self.enter_at(self.machines[index].asleep_until, Happening::ClientLoses(id));
            return Ok(());
        }
        wire.client_knows = true;
        let now = self.time(index);
        let client = &mut self.clients[index];
        client.browsers.remove(&id);
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
}

/// Bytes that no decoder takes for anything: a frame that says it is longer than what is there.
pub(crate) fn garbage(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = vec![0x7f];
    bytes.extend((0..rng.usize(..64)).map(|_| rng.u8(..)));
    bytes
}
