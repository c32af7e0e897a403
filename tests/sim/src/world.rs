//! One run: clients, network and server in virtual time, from a seed to a verdict.
//!
//! Everything that happens stands in one calendar. What happens at the same moment happens in the order in which
//! it was entered, so a seed gives the same run every time.

use std::{cmp::Reverse, collections::BTreeMap, collections::BinaryHeap};

use everwire_core::{Output, Time};
use everwire_protocol::Topic;
use fastrand::Rng;

use crate::{
    carrier::{ToClient, ToServer},
    client::Client,
    network::{ConnectionId, Network},
    schedule::Schedule,
    server::{Connection, Server},
    truth::Truth,
};

/// How long the world may take to settle once the network has healed: longer than every deadline of the
/// client together.
const SETTLE: u64 = 15 * 60_000;

/// The topics of every world.
#[must_use]
pub fn topics() -> Vec<Topic> {
    ["room:a", "room:b", "metrics:c"].into_iter().filter_map(|name| Topic::new(name).ok()).collect()
}

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Happening {
    /// An item arrives at the server.
    Up(ConnectionId, ToServer),
    /// An item arrives at the client.
    Down(ConnectionId, ToClient),
    /// The server notices that a connection is gone.
    ServerLoses(ConnectionId),
    /// The client notices that a connection is gone.
    ClientLoses(ConnectionId),
    /// Something breaks.
    Fault,
    /// The app of a client does something.
    App(usize),
    /// The app of a client takes messages off its queue.
    Drain(usize),
    /// The server process is there again.
    ServerBack,
    /// What kept a client from the network ends.
    ClientBack(usize),
    /// The server's housekeeping.
    Tick,
    /// Nothing breaks from now on, and what is broken is repaired.
    Heal,
    /// Is all well?
    Check,
}

/// What a run amounted to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Things that happened.
    pub happenings: u64,
    /// Records that apps were given.
    pub delivered: u64,
    /// Gaps that apps were told.
    pub gaps: u64,
    /// Repeats that clients dropped.
    pub repeats: u64,
    /// Links that were lost and replaced.
    pub reconnects: u64,
    /// Subscriptions that resumed without loss.
    pub resumes: u64,
    /// Publishes acked.
    pub acked: u64,
    /// Things that came from attempts given up before.
    pub stale: u64,
    /// Pauses of the flow control.
    pub pauses: u64,
}

/// One world.
pub struct World {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) schedule: Schedule,
    pub(crate) network: Network,
    pub(crate) server: Option<Server>,
    /// The server's side of each connection.
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    pub(crate) clients: Vec<Client>,
    /// Until when a client's machine sleeps.
    pub(crate) asleep_until: Vec<u64>,
    /// When a client's timer really fires: not always when it is due.
    timers: Vec<Option<(u64, u64)>>,
    pub(crate) truth: Truth,
    pub(crate) healed: bool,
    calendar: BinaryHeap<Reverse<(u64, u64)>>,
    entries: BTreeMap<u64, Happening>,
    entered: u64,
    happened: u64,
    trace: bool,
}

impl World {
    /// The world of a seed. With `trace`, it prints what happens.
    ///
    /// # Errors
    /// The world can't be made.
    pub fn new(seed: u64, trace: bool) -> Result<Self, String> {
        let mut rng = Rng::with_seed(seed);
        let schedule = Schedule::draw(&mut rng);
        let count = schedule.clients;
        let clients =
            (0..count).map(|index| Client::new(index, &schedule, rng.u64(..))).collect::<Result<_, _>>()?;
        let mut world = Self {
            now: 1_000_000,
            network: Network::new(schedule.latency, count),
            server: Some(Server::start(&schedule, rng.u64(..))),
            connections: BTreeMap::new(),
            clients,
            asleep_until: vec![0; count],
            timers: vec![None; count],
            truth: Truth::default(),
            healed: false,
            calendar: BinaryHeap::new(),
            entries: BTreeMap::new(),
            entered: 0,
            happened: 0,
            trace,
            schedule,
            rng,
        };
        if trace {
            println!("{:#?}", world.schedule);
        }
        world.enter(world.schedule.fault_every, Happening::Fault);
        world.enter(world.schedule.length, Happening::Heal);
        world.enter(1_000, Happening::Tick);
        for index in 0..count {
            world.enter(0, Happening::App(index));
            if world.schedule.app_lag > 0 {
                world.enter(0, Happening::Drain(index));
            }
            let now = world.time();
            world.clients[index].session.connect(now);
            world.act(index)?;
        }
        Ok(world)
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// The broken invariant, and when it broke.
    pub fn run(mut self) -> Result<Report, String> {
        let end = self.now + self.schedule.length + SETTLE;
        let result = loop {
            match self.step() {
                Ok(false) if self.now < end => {}
                Ok(false) => break self.settled(),
                Ok(true) => break Ok(()),
                Err(broken) => break Err(broken),
            }
        };
        match result {
            Ok(()) => Ok(self.report()),
            Err(broken) => Err(format!("at {} ms: {broken}", self.now - 1_000_000)),
        }
    }

    /// The next thing happens; true when it was the last.
    fn step(&mut self) -> Result<bool, String> {
        let calendar = self.calendar.peek().map(|Reverse((at, _))| *at);
        let timer = (0..self.clients.len()).filter_map(|index| Some((self.timers[index]?.1, index))).min();
        let server = self.connections.iter().map(|(id, connection)| (connection.deadline(), *id)).min();
        let next = [calendar, timer.map(|(at, _)| at), server.map(|(at, _)| at)].into_iter().flatten().min();
        self.now = self.now.max(next.ok_or("nothing is left to happen")?);
        self.happened += 1;
        if let Some((at, index)) = timer.filter(|(at, _)| *at <= self.now) {
            if self.trace {
                println!(
                    "{} client {index}: timer of {at}: {:?}",
                    self.now,
                    self.clients[index].session.poll_timeout()
                );
            }
            self.timers[index] = None;
            let now = self.time();
            self.clients[index].session.handle_timeout(now);
            return self.act(index).map(|()| false);
        }
        if let Some((_, id)) = server.filter(|(at, _)| *at <= self.now) {
            let before = self.connections.get(&id).map(Connection::deadline);
            self.pump(id)?;
            if before.is_some_and(|at| self.connections.get(&id).map(Connection::deadline) == Some(at)) {
                // It is due and can do nothing about it: its link takes nothing. Give it up.
                self.lose_at_server(id);
            }
            return Ok(false);
        }
        let Some(Reverse((_, number))) = self.calendar.pop() else { return Ok(false) };
        let Some(happening) = self.entries.remove(&number) else { return Ok(false) };
        if self.trace {
            println!("{} {happening:?}", self.now);
        }
        self.happen(happening)
    }

    fn happen(&mut self, happening: Happening) -> Result<bool, String> {
        match happening {
            Happening::Up(id, item) => self.arrive_at_server(id, item)?,
            Happening::Down(id, item) => self.arrive_at_client(id, item)?,
            Happening::ServerLoses(id) => self.lose_at_server(id),
            Happening::ClientLoses(id) => self.lose_at_client(id)?,
            Happening::Fault => self.fault()?,
            Happening::App(index) => self.app(index)?,
            Happening::Drain(index) => self.drain(index)?,
            Happening::ServerBack => self.start_server(),
            Happening::ClientBack(index) => self.client_back(index)?,
            Happening::Tick => {
                self.server.iter().for_each(|server| server.tick(self.now));
                self.enter(1_000, Happening::Tick);
                self.pump_all()?;
            }
            Happening::Heal => self.heal()?,
            Happening::Check => {
                if self.settled().is_ok() {
                    return Ok(true);
                }
                self.enter(1_000, Happening::Check);
            }
        }
        Ok(false)
    }

    /// Does what a client's session wants, and looks at its timer.
    pub(crate) fn act(&mut self, index: usize) -> Result<(), String> {
        let client = &mut self.clients[index];
        let mut outputs =
            client.outputs(&self.truth).map_err(|broken| format!("client {index}: {broken}"))?;
        while self.schedule.app_lag == 0 && !self.clients[index].undrained.is_empty() {
            let now = self.time();
            self.clients[index].drain(now);
            let more = self.clients[index].outputs(&self.truth);
            outputs.extend(more.map_err(|broken| format!("client {index}: {broken}"))?);
        }
        for output in outputs {
            if self.trace {
                println!("{} client {index}: {}", self.now, brief(&output));
            }
            self.carry(index, output)?;
        }
        let due = self.clients[index].session.poll_timeout().map(|(at, _)| at.as_millis());
        if due != self.timers[index].map(|(due, _)| due) {
            let late = self.rng.u64(0..=self.schedule.timer_lateness);
            let fires = |due: u64| (due, due.max(self.now).max(self.asleep_until[index]) + late);
            self.timers[index] = due.map(fires);
        }
        Ok(())
    }

    /// A client's timer fires no earlier than its machine wakes up.
    pub(crate) fn hold_timer(&mut self, index: usize) {
        let until = self.asleep_until[index];
        if let Some((_, fires)) = &mut self.timers[index] {
            *fires = (*fires).max(until);
        }
    }

    /// Enters something into the calendar, so many milliseconds from now.
    pub(crate) fn enter(&mut self, delay: u64, happening: Happening) {
        self.enter_at(self.now + delay, happening);
    }

    pub(crate) fn enter_at(&mut self, at: u64, happening: Happening) {
        self.entered += 1;
        self.calendar.push(Reverse((at, self.entered)));
        self.entries.insert(self.entered, happening);
    }

    pub(crate) fn time(&self) -> Time {
        Time::from_millis(self.now)
    }

    fn settled(&self) -> Result<(), String> {
        for (index, client) in self.clients.iter().enumerate() {
            client.model.settled(&self.truth).map_err(|broken| format!("client {index}: {broken}"))?;
        }
        Ok(())
    }

    fn report(&self) -> Report {
        let mut report = Report { happenings: self.happened, ..Report::default() };
        for client in &self.clients {
            let stats = client.session.stats();
            report.delivered += client.model.delivered;
            report.gaps += client.model.gaps;
            report.repeats += stats.repeats;
            report.reconnects += stats.reconnects.total();
            report.resumes += stats.resumes;
            report.acked += stats.acked;
            report.stale += stats.stale;
            report.pauses += stats.pauses;
        }
        report
    }
}

fn brief(output: &Output) -> String {
    let mut text = format!("{output:?}");
    if let Some((at, _)) = text.char_indices().nth(200) {
        text.truncate(at);
    }
    text
}
