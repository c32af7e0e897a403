//! One run: clients, network and server in virtual time, from a seed to a verdict.

use std::{collections::BTreeMap, sync::Arc};

use everwire_core::{Output, Time};
use everwire_protocol::Topic;
use fastrand::Rng;

use crate::{
    books::Books,
    calendar::Calendar,
    carrier::{ToClient, ToServer},
    client::Client,
    connection::Connection,
    fault::Fault,
    machine::Machine,
    network::{ConnectionId, Network},
    report::Report,
    schedule::Schedule,
    server::Server,
    store::Logs,
    tabs::{Step, Tabs},
    tokens::Tokens,
};

/// How long the world may take to settle once the network has healed: longer than every deadline of the
/// client together.
const SETTLE: u64 = 15 * 60_000;

/// When a world begins.
const START: u64 = 1_000_000;

/// The topics of every world.
#[must_use]
pub fn topics() -> &'static [Topic] {
    static TOPICS: std::sync::LazyLock<Vec<Topic>> = std::sync::LazyLock::new(|| {
        ["room:a", "room:b", "metrics:c"].into_iter().filter_map(|name| Topic::new(name).ok()).collect()
    });
    &TOPICS
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
    /// The server process ends, with what becomes of the logs.
    ServerEnds(Fault),
    /// The server process is there again.
    ServerBack,
    /// The store works again.
    StoreBack,
    /// What kept a client from the network ends.
    ClientBack(usize),
    /// A client's machine wakes up, and nobody tells the page.
    Awake(usize),
    /// A client's page is in the foreground again.
    Unthrottled(usize),
    /// The app of a client lets all go on that it had paused.
    Resume(usize),
    /// A proxy is gone.
    ProxyGone(usize),
    /// The provider of tokens answers the tab of this life.
    Token(usize, u32, bool),
    /// Another tab takes the place of the one that was killed.
    Reload(usize),
    /// Something happens between tabs.
    Tabs(Step),
    /// The server's housekeeping.
    Tick,
    /// Nothing breaks from now on, and what is broken is repaired.
    Heal,
    /// Is all well?
    Check,
}

/// One world.
pub struct World {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) schedule: Schedule,
    pub(crate) network: Network,
    pub(crate) logs: Logs,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) server: Option<Server>,
    /// The server's side of each connection.
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    /// The apps' own, and behind them the connections that tabs share.
    pub(crate) clients: Vec<Client>,
    pub(crate) tabs: Tabs,
    pub(crate) machines: Vec<Machine>,
    pub(crate) books: Books,
    pub(crate) healed: bool,
    pub(crate) report: Report,
    pub(crate) calendar: Calendar<Happening>,
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
        let all = if schedule.has_tabs { 2 * count } else { count };
        let clients = (0..all).map(|index| Client::new(index, &schedule, rng.u64(..)));
        let mut clients: Vec<_> = clients.collect::<Result<_, _>>()?;
        // No tab leads yet.
        clients[count..].iter_mut().for_each(|client| client.dead = true);
        let mut world = Self {
            now: START,
            network: Network::new(schedule.latency, all),
            logs: Logs::new(&schedule, rng.u64(..)),
            tokens: Arc::new(Tokens::new(schedule.token_life.is_some())),
            server: None,
            connections: BTreeMap::new(),
            clients,
            tabs: Tabs::default(),
            machines: (0..all).map(|_| Machine::default()).collect(),
            books: Books::default(),
            healed: false,
            report: Report::default(),
            calendar: Calendar::default(),
            trace,
            schedule,
            rng,
        };
        if trace {
            println!("{:#?}", world.schedule);
        }
        world.start_server();
        world.enter(world.schedule.fault_every, Happening::Fault);
        world.enter(world.schedule.length, Happening::Heal);
        world.enter(1_000, Happening::Tick);
        for index in 0..count {
            world.enter(0, Happening::App(index));
            if world.schedule.app_lag > 0 {
                world.enter(0, Happening::Drain(index));
            }
            if world.has_tabs() {
                world.new_page(index);
            }
            let now = world.time(index);
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
            Ok(()) => Ok(self.total()),
            Err(broken) => Err(format!("at {} ms: {broken}", self.now - START)),
        }
    }

    /// The next thing happens; true when it was the last.
    fn step(&mut self) -> Result<bool, String> {
        let calendar = self.calendar.next();
        let timer = (0..self.machines.len()).filter_map(|i| Some((self.machines[i].fires()?, i))).min();
        let server = self.connections.iter().map(|(id, connection)| (connection.deadline(), *id)).min();
        let next = [calendar, timer.map(|(at, _)| at), server.map(|(at, _)| at)].into_iter().flatten().min();
        self.now = self.now.max(next.ok_or("nothing is left to happen")?);
        self.report.happenings += 1;
        if let Some((_, index)) = timer.filter(|(at, _)| *at <= self.now) {
            return self.fire(index).map(|()| false);
        }
        if let Some((_, id)) = server.filter(|(at, _)| *at <= self.now) {
            let before = self.connections.get(&id).map(Connection::deadline);
            self.pump(id)?;
            if before.is_some_and(|at| self.connections.get(&id).map(Connection::deadline) == Some(at)) {
                // It is due and can do nothing about it: its link takes nothing. Give it up.
                self.lose_at_server(id, false);
            }
            return Ok(false);
        }
        let Some(happening) = self.calendar.pop() else { return Ok(false) };
        if self.trace {
            println!("{} {happening:?}", self.now);
        }
        self.happen(happening)
    }

    fn happen(&mut self, happening: Happening) -> Result<bool, String> {
        match happening {
            Happening::Up(id, item) => self.arrive_at_server(id, item)?,
            Happening::Down(id, item) => self.arrive_at_client(id, item)?,
            Happening::ServerLoses(id) => self.lose_at_server(id, false),
            Happening::ClientLoses(id) => self.lose_at_client(id)?,
            Happening::Fault => self.fault()?,
            Happening::App(index) => self.app(index)?,
            Happening::Drain(index) => self.drain(index)?,
            Happening::ServerEnds(how) => self.end_server(how),
            Happening::ServerBack => self.start_server(),
            Happening::StoreBack => self.logs.trouble(crate::store::Trouble::None),
            Happening::ClientBack(index) => self.client_back(index)?,
            Happening::Awake(index) => self.reachable(index),
            Happening::Unthrottled(index) => self.unthrottled(index)?,
            Happening::Resume(index) => self.resume_all(index)?,
            Happening::ProxyGone(index) => self.proxy_gone(index),
            Happening::Token(index, life, fails) => self.token(index, life, fails)?,
            Happening::Reload(index) => self.reload(index)?,
            Happening::Tabs(step) => self.tabs_step(step)?,
            Happening::Tick => {
                self.server.iter().for_each(|server| server.tick(self.now));
                self.logs.mirror(&mut self.books.truth)?;
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

    /// A client's timer fires.
    fn fire(&mut self, index: usize) -> Result<(), String> {
        if self.is_upstream(index) {
            return self.fire_upstream(index);
        }
        let due = self.clients[index].session.poll_timeout();
        let name = due.map(|(_, name)| name).ok_or("invariant 6: a timer fired that has no name")?;
        self.trace(|| format!("client {index}: timer {name:?} of {due:?}"));
        self.report.deadlines.count(name);
        self.machines[index].fire();
        let now = self.time(index);
        self.clients[index].session.handle_timeout(now);
        self.act(index)
    }

    /// Does what a client's session wants, and looks at its timer.
    pub(crate) fn act(&mut self, index: usize) -> Result<(), String> {
        if self.clients[index].dead {
            return Ok(());
        }
        if self.is_upstream(index) {
            return self.act_upstream(index);
        }
        let blame = |broken| format!("client {index}: {broken}");
        let mut outputs = self.clients[index].outputs(self.now, &mut self.books).map_err(blame)?;
        while self.schedule.app_lag == 0 && self.clients[index].has_undrained() {
            let now = self.time(index);
            self.clients[index].drain(now);
            outputs.extend(self.clients[index].outputs(self.now, &mut self.books).map_err(blame)?);
        }
        for output in outputs {
            self.trace(|| format!("client {index}: {}", brief(&output)));
            self.carry(index, output)?;
        }
        self.clients[index].is_watchful(self.time(index)).map_err(blame)?;
        let due = self.clients[index].session.poll_timeout().map(|(at, _)| at);
        let lateness = self.rng.u64(0..=self.schedule.timer_lateness);
        self.machines[index].set(self.now, due, lateness);
        Ok(())
    }

    /// The apps' clients.
    fn apps(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().take(self.schedule.clients)
    }

    /// Enters something into the calendar, so many milliseconds from now.
    pub(crate) fn enter(&mut self, delay: u64, happening: Happening) {
        self.calendar.enter(self.now + delay, happening);
    }

    pub(crate) fn enter_at(&mut self, at: u64, happening: Happening) {
        self.calendar.enter(at, happening);
    }

    /// The time by a client's clock.
    pub(crate) fn time(&self, index: usize) -> Time {
        self.machines[index].time(self.now)
    }

    pub(crate) fn trace(&self, line: impl FnOnce() -> String) {
        if self.trace {
            println!("{} {}", self.now, line());
        }
    }

    fn settled(&self) -> Result<(), String> {
        let present = self.present()?;
        self.tabs_settled()?;
        for (index, client) in self.apps().enumerate() {
            let blame = |broken| format!("client {index}: {broken}");
            if client.dead {
                return Err(blame("its tab is dead".to_owned()));
            }
            client.model.settled(&self.books.truth, &present).map_err(blame)?;
            client.keeps_nothing().map_err(blame)?;
        }
        Ok(())
    }

    /// Who is on each topic: by what the apps hold, and by what the server says.
    fn present(&self) -> Result<BTreeMap<Topic, Vec<String>>, String> {
        let server = self.server.as_ref().ok_or("the server is not back")?;
        let mut present = BTreeMap::new();
        for topic in topics() {
            let alone = |client: &&Client| client.lives() && client.holds(topic) && !client.shares();
            let mut names: Vec<_> = self.apps().filter(alone).map(Client::name).collect();
            names.extend(self.shared_name(topic));
            names.sort_unstable();
            names.dedup();
            let told = server.present(topic);
            if names != told {
                return Err(format!("presence: {names:?} are on {topic}, and the server says {told:?}"));
            }
            present.insert(topic.clone(), names);
        }
        Ok(present)
    }

    fn total(&self) -> Report {
        let mut report = self.report;
        let limited = self.server.as_ref().map_or(0, Server::rate_limited);
        report.faults.count_more(Fault::RateLimited, limited);
        for client in self.clients.iter().filter(|client| !client.dead) {
            report.delivered += client.model.delivered;
            report.gaps += client.model.gaps;
            report.leaves += client.leaves;
            report.add_stats(&client.session.stats());
        }
        report
    }
}

/// An output for the trace. It shows no token (invariant 10).
pub(crate) fn brief(output: &Output) -> String {
    let mut text = format!("{output:?}");
    if let Some((at, _)) = text.char_indices().nth(200) {
        text.truncate(at);
    }
    text
}
