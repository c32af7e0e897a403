//! One publisher: a thread with a keep-alive connection that publishes by POST, many requests in flight or one
//! after another. All servers are published to in this way, so that only the delivery differs.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{answer, dialect::Dialect, stamp::Stamp};

/// How long a server may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// A connected publisher.
pub struct Publisher {
    stream: TcpStream,
    host: String,
    dialect: Dialect,
    number: u16,
    topics: Vec<String>,
    payload: usize,
    started: Instant,
    /// How many it has published, by topic.
    sent: Vec<u32>,
    turn: usize,
    unread: Vec<u8>,
}

/// What publishers have in common.
#[derive(Clone)]
pub struct Press {
    pub address: SocketAddr,
    pub dialect: Dialect,
    pub topics: Vec<String>,
    /// Bytes of a payload.
    pub payload: usize,
    pub started: Instant,
}

impl Publisher {
    pub fn connect(press: &Press, number: u16) -> Result<Self> {
        let stream = TcpStream::connect(press.address).context("a publisher can't connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let Press { address, dialect, topics, payload, started } = press.clone();
        let sent = vec![0; topics.len()];
        let host = address.to_string();
        let unread = Vec::new();
        Ok(Self { stream, host, dialect, number, topics, payload, started, sent, turn: 0, unread })
    }

    /// How many it has published, by topic.
    pub fn sent(&self) -> &[u32] {
        &self.sent
    }

    /// Publishes so many back to back, all in flight at once: to one topic after the other.
    pub fn burst(&mut self, count: usize) -> Result<()> {
        let mut requests = String::new();
        for _ in 0..count {
            requests += &self.next()?;
        }
        self.stream.write_all(requests.as_bytes())?;
        (0..count).try_for_each(|_| self.read_answer())
    }

    /// Publishes at moments that lie evenly, for so long; late ones are not left out.
    pub fn pace(&mut self, every: Duration, lasting: Duration) -> Result<()> {
        let began = Instant::now();
        let mut due = Duration::ZERO;
        while due < lasting {
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            let request = self.next()?;
            self.stream.write_all(request.as_bytes())?;
            self.read_answer()?;
            due += every;
        }
        Ok(())
    }

    fn next(&mut self) -> Result<String> {
        let topic = self.turn % self.topics.len();
        self.turn += 1;
        let time = self.started.elapsed().as_micros() as u64;
        let stamp = Stamp { publisher: self.number, number: self.sent[topic], time };
        self.sent[topic] += 1;
        self.dialect.publish(&self.host, &self.topics[topic], &stamp.payload(self.payload))
    }

    fn read_answer(&mut self) -> Result<()> {
        loop {
            if let Some(head) = answer::head(&self.unread)? {
                let end = head.bytes + head.length.context("the answer to a publish has no length")?;
                if self.unread.len() >= end {
                    let answer = self.unread.drain(..end).skip(head.bytes).collect::<Vec<_>>();
                    if !(200..300).contains(&head.status) {
                        bail!(
                            "a publish was refused with {}: {}",
                            head.status,
                            String::from_utf8_lossy(&answer)
                        );
                    }
                    return Ok(());
                }
            }
            let mut piece = [0; 16 * 1024];
            let read = self.stream.read(&mut piece).context("no answer to a publish")?;
            if read == 0 {
                bail!("the server closed a publisher's connection");
            }
            self.unread.extend_from_slice(&piece[..read]);
        }
    }
}
