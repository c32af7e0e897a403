//! All subscribers on one thread: sockets, readiness and time. What is said over them is told in `subscriber`.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    dialect::Dialect,
    stamp::Scanner,
    subscriber::{Shared, Subscriber},
    tally::Tally,
};

/// Read at once; larger than what a kernel holds for a socket here, so that one call empties it.
const READ_BYTES: usize = 512 * 1024;
/// How often conditions are looked at when nothing happens.
const LOOK: Duration = Duration::from_millis(20);

/// How subscribers come.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub address: SocketAddr,
    pub connections: usize,
    /// Most that begin in a second; 0 for no bound.
    pub ramp: u32,
    /// Most that have begun and are not subscribers yet.
    pub opening: usize,
    /// Most from one source address: a port range has 28,000 numbers.
    pub per_address: usize,
    pub deadline: Duration,
}

/// The subscribers of a run.
pub struct Swarm {
    poll: Poll,
    links: Vec<Link>,
    pub shared: Shared,
    started: Instant,
    buffer: Vec<u8>,
    answer: Vec<u8>,
    open: usize,
    /// Links that ended, and why the first did.
    closed: usize,
    why: Option<anyhow::Error>,
    /// The longest that a link heard nothing, as far as it is over.
    silence: u64,
}

struct Link {
    stream: Option<TcpStream>,
    subscriber: Subscriber,
    /// What the socket did not take yet.
    out: Vec<u8>,
    /// In microseconds since the start.
    heard: u64,
}

impl Swarm {
    /// A swarm without subscribers. `started` is the zero of all stamps.
    pub fn new(dialect: Dialect, topics: Vec<String>, started: Instant) -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            links: Vec::new(),
            shared: Shared { dialect, topics, scanner: Scanner::default(), tally: Tally::default(), now: 0 },
            started,
            buffer: vec![0; READ_BYTES],
            answer: Vec::new(),
            open: 0,
            closed: 0,
            why: None,
            silence: 0,
        })
    }

    /// Brings all subscribers in; answers how long it took.
    ///
    /// # Errors
    /// When one of them fails.
    pub fn arrive(&mut self, arrival: &Arrival) -> Result<Duration> {
        let began = Instant::now();
        while self.open < arrival.connections {
            let due = match arrival.ramp {
                0 => arrival.connections,
                ramp => (began.elapsed().as_secs_f64() * f64::from(ramp)) as usize + 1,
            };
            while self.links.len() < due.min(arrival.connections)
                && self.links.len() < self.open + arrival.opening
            {
                self.begin(arrival).with_context(|| format!("connection {}", self.links.len() + 1))?;
            }
            self.turn(Duration::from_millis(1))?;
            if self.closed > 0 {
                let why = self.why.take().unwrap_or_else(|| anyhow!("closed"));
                return Err(why.context(format!("{} of {} connected", self.open, arrival.connections)));
            }
            if began.elapsed() > arrival.deadline {
                bail!("{} of {} connected in time", self.open, arrival.connections);
            }
        }
        Ok(began.elapsed())
    }

    /// Reads whatever comes until `done` or for so long; answers whether it was done.
    ///
    /// # Errors
    /// When the system fails; subscribers that end are counted.
    pub fn drive(&mut self, most: Duration, mut done: impl FnMut(&Self) -> bool) -> Result<bool> {
        let began = Instant::now();
        loop {
            if done(self) {
                return Ok(true);
            }
            let left = most.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            self.turn(left.min(LOOK))?;
        }
    }

    /// How many links have ended.
    pub fn closed(&self) -> usize {
        self.closed
    }

    /// Why the first one ended.
    pub fn why(&self) -> Option<String> {
        self.why.as_ref().map(|why| format!("{why:#}"))
    }

    /// How many subscribe to a topic.
    pub fn subscribers_of(&self, topic: usize) -> u64 {
        (0..self.links.len()).filter(|number| self.shared.topic_of(*number) == topic).count() as u64
    }

    /// What of `sent(publisher, topic)` did not come at the end, beside the holes that were seen.
    pub fn missing(&self, publishers: u16, sent: impl Fn(u16, usize) -> u32) -> u64 {
        let of = |(number, link): (usize, &Link)| -> u64 {
            let topic = self.shared.topic_of(number);
            let missing = |publisher| {
                u64::from(sent(publisher, topic).saturating_sub(link.subscriber.order().next_of(publisher)))
            };
            (0..publishers).map(missing).sum()
        };
        self.links.iter().enumerate().map(of).sum()
    }

    /// Begins to measure silence anew.
    pub fn begin_silence(&mut self) {
        self.silence = 0;
        let now = self.now();
        self.links.iter_mut().for_each(|link| link.heard = now);
    }

    /// The longest that a link has heard nothing, in microseconds.
    pub fn longest_silence(&self) -> u64 {
        let now = self.now();
        let open = self.links.iter().filter(|link| link.stream.is_some());
        open.map(|link| now.saturating_sub(link.heard)).fold(self.silence, u64::max)
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    fn begin(&mut self, arrival: &Arrival) -> Result<()> {
        let number = self.links.len();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // The first address is the system's own choice: looking for a port before the other end is known takes the system
        // milliseconds once many are on their way out.
        let address = (number / arrival.per_address) as u32;
        if address > 0 && arrival.address.ip().is_loopback() {
            let source = Ipv4Addr::from(0x7f00_0001 + address);
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        match socket.connect(&arrival.address.into()) {
            Ok(()) => {}
            // It is under way: the socket is writable when it stands.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error.into()),
        }
        let mut stream = TcpStream::from_std(socket.into());
        self.poll.registry().register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        let topic = &self.shared.topics[self.shared.topic_of(number)];
        let out = self.shared.dialect.request(&arrival.address.to_string(), topic).into_bytes();
        let subscriber = Subscriber::new(number);
        self.links.push(Link { stream: Some(stream), subscriber, out, heard: self.now() });
        Ok(())
    }

    /// Waits for readiness once, and does what there is to do.
    fn turn(&mut self, most: Duration) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        match self.poll.poll(&mut events, Some(most)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            let number = event.token().0;
            if let Err(error) = self.serve(number, event.is_readable(), event.is_writable()) {
                self.links[number].stream = None;
                self.closed += 1;
                self.why.get_or_insert(error);
            }
        }
        Ok(())
    }

    fn serve(&mut self, number: usize, readable: bool, writable: bool) -> Result<()> {
        let now = self.now();
        let Self { links, shared, buffer, answer, .. } = self;
        let Link { stream: Some(stream), subscriber, out, heard } = &mut links[number] else {
            return Ok(());
        };
        shared.now = now;
        if writable {
            write(stream, out)?;
        }
        if !readable {
            return Ok(());
        }
        loop {
            let read = match stream.read(buffer) {
                Ok(0) => bail!("closed by the server"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            self.silence = self.silence.max(now.saturating_sub(std::mem::replace(heard, now)));
            let was_open = subscriber.is_open();
            subscriber.take(shared, &buffer[..read], answer)?;
            self.open += usize::from(!was_open && subscriber.is_open());
            if !answer.is_empty() {
                out.append(answer);
                write(stream, out)?;
            }
            // A read that leaves room has emptied the socket; what comes later is an event of its own.
            if read < buffer.len() {
                return Ok(());
            }
        }
    }
}

fn write(stream: &mut TcpStream, out: &mut Vec<u8>) -> Result<()> {
    while !out.is_empty() {
        match stream.write(out) {
            Ok(written) => {
                out.drain(..written);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("connecting"),
        }
    }
    *out = Vec::new();
    Ok(())
}
