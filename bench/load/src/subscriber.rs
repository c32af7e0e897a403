//! One subscriber: bytes in, bytes out, and every message that came in noted. It knows no socket and no clock.

use anyhow::{Context, Result, bail};

use crate::{
    answer::{self, Chunks},
    dialect::{Dialect, Joining, Transport},
    stamp::{Carry, Scanner, Stamp},
    tally::{Order, Tally},
    websocket::{Frames, Part, put_pong},
};

/// Most bytes that may come before a subscriber is one.
const JOINING_BYTES: usize = 64 * 1024;

/// A subscriber's state.
pub struct Subscriber {
    number: usize,
    stage: Stage,
    framing: Framing,
    carry: Carry,
    order: Order,
}

enum Stage {
    /// The answer's head, as far as it has come.
    Head(Vec<u8>),
    /// What was said before it was a subscriber.
    Joining(Vec<u8>),
    Open,
}

enum Framing {
    WebSocket(Frames),
    Chunked(Chunks),
    /// Up to the connection's end.
    Plain,
}

/// What all subscribers share.
pub struct Shared {
    pub dialect: Dialect,
    pub topics: Vec<String>,
    pub scanner: Scanner,
    pub tally: Tally,
    /// Microseconds since the start of the run.
    pub now: u64,
}

impl Shared {
    /// The topic of a subscriber.
    pub fn topic_of(&self, number: usize) -> usize {
        number % self.topics.len()
    }
}

impl Subscriber {
    /// A subscriber that has sent its request.
    pub fn new(number: usize) -> Self {
        Self {
            number,
            stage: Stage::Head(Vec::new()),
            framing: Framing::Plain,
            carry: Carry::default(),
            order: Order::default(),
        }
    }

    /// Whether all that is published reaches it.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// What it has got of its topic.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Takes in what the server sent, and appends to `out` what that wants as an answer.
    ///
    /// # Errors
    /// When the server refuses, ends it, or says what can't be.
    pub fn take(&mut self, shared: &mut Shared, mut input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if let Stage::Head(so_far) = &mut self.stage {
            so_far.extend_from_slice(input);
            let Some(head) = answer::head(so_far)? else { return Ok(()) };
            if head.status != shared.dialect.welcome_status() {
                bail!("the server answers {}", head.status);
            }
            let rest = so_far.split_off(head.bytes);
            self.framing = match shared.dialect.transport {
                Transport::Websocket => Framing::WebSocket(Frames::default()),
                Transport::Sse if head.chunked => Framing::Chunked(Chunks::default()),
                Transport::Sse => Framing::Plain,
            };
            let topic = &shared.topics[shared.topic_of(self.number)];
            self.stage = match shared.dialect.begin(self.number, topic, out)? {
                Joining::Done => Stage::Open,
                Joining::Waits => Stage::Joining(Vec::new()),
            };
            return self.take_body(shared, &rest, out);
        }
        self.take_body(shared, std::mem::take(&mut input), out)
    }

    fn take_body(&mut self, shared: &mut Shared, mut input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let Self { stage, framing, carry, order, .. } = self;
        match framing {
            Framing::WebSocket(frames) => {
                while let Some(part) = frames.next(&mut input)? {
                    match part {
                        Part::Data { bytes, first, last } => {
                            if first && last {
                                shared.dialect.answer(bytes, out);
                            }
                            take_data(stage, carry, order, shared, bytes, last, out)?;
                        }
                        Part::Ping(payload) => put_pong(out, &payload),
                        Part::Close(code) => bail!("closed by the server with {code}"),
                    }
                }
            }
            Framing::Chunked(chunks) => {
                while let Some(bytes) = chunks.next(&mut input)? {
                    take_data(stage, carry, order, shared, bytes, false, out)?;
                }
                if chunks.ended() {
                    bail!("the stream was ended by the server");
                }
            }
            Framing::Plain => take_data(stage, carry, order, shared, input, false, out)?,
        }
        Ok(())
    }
}

fn take_data(
    stage: &mut Stage,
    carry: &mut Carry,
    order: &mut Order,
    shared: &mut Shared,
    bytes: &[u8],
    last: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    if let Stage::Joining(said) = stage {
        said.extend_from_slice(bytes);
        if said.len() > JOINING_BYTES {
            bail!("{JOINING_BYTES} bytes came, and no word that the subscription stands");
        }
        let message = shared.dialect.transport == Transport::Websocket;
        if message && !last {
            return Ok(());
        }
        if shared.dialect.join(said, out).context("joining")? == Joining::Done {
            *stage = Stage::Open;
        } else if message {
            said.clear();
        }
        return Ok(());
    }
    let Shared { scanner, tally, now, .. } = shared;
    scanner.scan(carry, bytes, &mut |stamp: Stamp| tally.note(order, stamp, *now));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Server;

    fn shared(server: Server, transport: Transport) -> Shared {
        Shared {
            dialect: Dialect::new(server, transport).unwrap(),
            topics: vec!["t".to_owned()],
            scanner: Scanner::default(),
            tally: Tally::default(),
            now: 1_000,
        }
    }

    #[test]
    fn a_refusal_is_an_error() {
        let mut shared = shared(Server::Everwire, Transport::Sse);
        let answer = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        let error = Subscriber::new(0).take(&mut shared, answer, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("503"));
    }

    #[test]
    fn a_socketio_subscriber_joins_hears_and_answers_the_heartbeat() {
        let mut shared = shared(Server::Socketio, Transport::Websocket);
        let (mut subscriber, mut out) = (Subscriber::new(0), Vec::new());
        subscriber
            .take(&mut shared, b"HTTP/1.1 101 Switching\r\n\r\n\x81\x0b0{\"sid\":\"\"}", &mut out)
            .unwrap();
        assert_eq!(&out[6..], b"40");
        assert!(!subscriber.is_open());
        subscriber.take(&mut shared, b"\x81\x0240", &mut out).unwrap();
        assert!(subscriber.is_open());
        out.clear();
        subscriber.take(&mut shared, b"\x81\x012", &mut out).unwrap();
        assert_eq!(&out[6..], b"3");
        let payload = Stamp { publisher: 0, number: 0, time: 400 }.payload(40);
        let message = [&[0x81, 40][..], payload.as_bytes()].concat();
        subscriber.take(&mut shared, &message, &mut out).unwrap();
        assert_eq!(shared.tally.deliveries, 1);
        assert_eq!(shared.tally.latency.max(), 600);
    }

    #[test]
    fn a_stream_in_chunks_is_heard_after_its_head() {
        let mut shared = shared(Server::Everwire, Transport::Sse);
        let mut subscriber = Subscriber::new(0);
        let payload = Stamp { publisher: 0, number: 0, time: 0 }.payload(32);
        let joined = "event: everwire.subscribed\ndata: 0 t e-0 fresh\n\n";
        let text = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{joined}\r\n20\r\n{payload}\r\n",
            joined.len()
        );
        for byte in text.as_bytes() {
            subscriber.take(&mut shared, &[*byte], &mut Vec::new()).unwrap();
        }
        assert_eq!((subscriber.is_open(), shared.tally.deliveries), (true, 1));
    }
}
