//! Tabs, one of which leads, and their server, in virtual time. Messages travel in order and at once, unless a test
//! takes them away. Which tab leads, and which dies, the test says.

mod steps;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use everwire_core::{
    AttemptId, Closed, Config, Event, Outcome, Publish, Session, State, SubscribeOptions, SubscriptionId,
    Time, Transport,
    protocol::{From, Payload, PublishId, Topic},
    relay::{FromTab, Relay, TabEnd, TabId, TabName},
};

use crate::server::Server;
use steps::encoded;

pub struct Tab {
    pub session: Session,
    link: Option<Link>,
    pub events: VecDeque<Event>,
    /// It takes nothing in: what is said to it piles up.
    pub hangs: bool,
    /// It works alone.
    pub alone: Option<AttemptId>,
}

struct Link {
    end: TabEnd,
    /// Where it ends, if anybody has answered.
    at: Option<(usize, TabId)>,
    inbox: VecDeque<Bytes>,
}

pub struct Leader {
    pub tab: usize,
    pub relay: Relay,
    pub session: Session,
    socket: Option<AttemptId>,
    events: Vec<Event>,
    pub announced: usize,
}

pub struct World {
    pub now: Time,
    pub server: Server,
    pub tabs: Vec<Tab>,
    pub leader: Option<Leader>,
    /// The network takes WebSockets from the leader to the server.
    pub network: bool,
    /// The page of the leader is hidden, and its timers don't fire.
    pub throttled: bool,
    /// How often somebody has come to lead.
    reigns: usize,
}

pub fn topic(name: &str) -> Topic {
    name.parse().unwrap()
}

pub fn text(text: &str) -> Publish {
    Publish { topic: topic("room"), payload: Payload::text(text), key: None, ephemeral: false }
}

pub fn ephemeral(what: &str) -> Publish {
    Publish { ephemeral: true, ..text(what) }
}

fn config(transports: &[Transport]) -> Config {
    Config { transports: transports.to_vec(), ..Config::default() }
}

impl World {
    /// So many tabs, of which the first leads; all are connected.
    pub fn new(tabs: usize) -> Self {
        let mut world = Self::unconnected(tabs);
        world.lead(0);
        world.run();
        for tab in &world.tabs {
            assert_eq!(tab.session.state().state, State::Connected);
        }
        world
    }

    /// So many tabs, none of which leads.
    pub fn unconnected(tabs: usize) -> Self {
        let tab = |index: usize| Tab {
            session: Session::new(
                config(&[Transport::Tab, Transport::WebSocket]),
                format!("tab{index}").parse().unwrap(),
                index as u64,
            ),
            link: None,
            events: VecDeque::new(),
            hangs: false,
            alone: None,
        };
        let mut world = Self {
            now: Time::from_millis(1_000),
            server: Server::default(),
            tabs: (0..tabs).map(tab).collect(),
            leader: None,
            network: true,
            throttled: false,
            reigns: 0,
        };
        for tab in &mut world.tabs {
            tab.session.connect(world.now);
        }
        world.run();
        world
    }

    /// A tab gets the lock.
    pub fn lead(&mut self, tab: usize) {
        self.reigns += 1;
        // The name under which the server knows the connection is handed on.
        let known = self.tabs[tab].link.as_ref().and_then(|link| link.end.leader());
        let client_id = known.map_or_else(|| "tab0".parse().unwrap(), |(_, client_id)| client_id.clone());
        let mut session =
            Session::new(config(&[Transport::WebSocket]), client_id.clone(), 1_000 + self.reigns as u64);
        session.connect(self.now);
        let name = TabName([self.reigns as u8; 16]);
        let relay = Relay::new(self.now, name, client_id);
        self.leader = Some(Leader { tab, relay, session, socket: None, events: Vec::new(), announced: 0 });
    }

    /// The tab that leads dies, and the browser knows.
    pub fn kill_leader(&mut self) -> usize {
        let leader = self.leader.take().expect("a leader");
        self.server.lost();
        self.kill(leader.tab);
        leader.tab
    }

    /// A tab dies: its session is no more. The place is kept.
    pub fn kill(&mut self, tab: usize) {
        let dead = &mut self.tabs[tab];
        dead.session.close(self.now);
        while dead.session.poll_output().is_some() {}
        dead.events.clear();
        let link = dead.link.take().and_then(|link| link.at);
        if let (Some((_, id)), Some(leader)) = (link, &mut self.leader) {
            leader.relay.close(self.now, &mut leader.session, id);
        }
    }

    pub fn step_down(&mut self) -> Leader {
        let leader = self.leader.as_mut().expect("a leader");
        leader.relay.step_down();
        self.run();
        let mut leader = self.leader.take().expect("a leader");
        leader.session.close(self.now);
        self.server.lost();
        leader
    }

    /// Cuts the leader's connection to the server.
    pub fn cut(&mut self) {
        let now = self.now;
        self.server.lost();
        let leader = self.leader.as_mut().expect("a leader");
        if let Some(socket) = leader.socket.take() {
            leader.session.handle_closed(now, socket, Closed::Network);
        }
        self.run();
    }

    pub fn tab<T>(&mut self, tab: usize, act: impl FnOnce(&mut Session, Time) -> T) -> T {
        let result = act(&mut self.tabs[tab].session, self.now);
        self.run();
        result
    }

    pub fn subscribe(&mut self, tab: usize, name: &str, from: From) -> SubscriptionId {
        let options = SubscribeOptions { from, presence: false };
        self.tab(tab, |session, now| session.subscribe(now, topic(name), options)).unwrap()
    }

    pub fn publish(&mut self, tab: usize, publish: Publish) -> PublishId {
        self.tab(tab, |session, now| session.publish(now, publish)).unwrap()
    }

    /// Something that no tab said comes through a tab's link.
    pub fn inject(&mut self, tab: usize, data: impl Into<Bytes>) {
        let (_, id) = self.tabs[tab].link.as_ref().and_then(|link| link.at).expect("a link");
        let leader = self.leader.as_mut().expect("a leader");
        leader.relay.handle_message(self.now, &mut leader.session, id, data.into());
        self.run();
    }

    /// A page was shown.
    pub fn wake(&mut self, tab: usize) {
        self.inject(tab, FromTab::Wake.encode());
    }

    /// Does all that there is to do at this moment.
    pub fn run(&mut self) {
        while self.step_tabs() | self.step_leader() {}
    }

    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let tabs = self.tabs.iter().filter(|tab| !tab.hangs).filter_map(|tab| tab.session.poll_timeout());
            let leader = self.leader.as_ref().filter(|_| !self.throttled);
            let upstream = leader.and_then(|leader| leader.session.poll_timeout());
            let relay = leader.and_then(|leader| leader.relay.poll_timeout());
            let next = tabs.chain(upstream).chain(relay).map(|(at, _)| at).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            let now = self.now.max(at);
            self.now = now;
            for tab in self.tabs.iter_mut().filter(|tab| !tab.hangs) {
                if tab.session.poll_timeout().is_some_and(|(at, _)| at <= now) {
                    tab.session.handle_timeout(now);
                }
            }
            if let Some(leader) = self.leader.as_mut().filter(|_| !self.throttled) {
                if leader.session.poll_timeout().is_some_and(|(at, _)| at <= now) {
                    leader.session.handle_timeout(now);
                }
                leader.relay.handle_timeout(now, &leader.session);
            }
            self.run();
        }
        self.now = end;
    }

    /// The offsets that a tab was given since this was last asked; a gap is the negative of its first one.
    pub fn delivered(&mut self, tab: usize) -> Vec<i64> {
        let mut offsets = Vec::new();
        self.tabs[tab].events.retain(|event| match event {
            Event::Messages { records, .. } => {
                offsets.extend(records.iter().map(|record| record.offset as i64));
                false
            }
            Event::Gap { from, .. } => {
                offsets.push(-(*from as i64));
                false
            }
            _ => true,
        });
        offsets
    }

    /// What became of a tab's publishes since this was last asked.
    pub fn outcomes(&mut self, tab: usize) -> Vec<(PublishId, Outcome)> {
        let mut outcomes = Vec::new();
        self.tabs[tab].events.retain(|event| match event {
            Event::Published { id, outcome } => {
                outcomes.push((id.clone(), outcome.clone()));
                false
            }
            _ => true,
        });
        outcomes
    }

    /// What a tab's app is told of the connection.
    pub fn state(&self, tab: usize) -> State {
        self.tabs[tab].session.state().state
    }

    /// What is on its way to a tab.
    pub fn piled_up(&self, tab: usize) -> usize {
        self.tabs[tab].link.as_ref().map_or(0, |link| link.inbox.iter().map(Bytes::len).sum())
    }

    pub fn leader(&mut self) -> &mut Leader {
        self.leader.as_mut().expect("a leader")
    }

    /// The server appends, and the leader hears of it.
    pub fn server_says(&mut self, count: usize, bytes: usize) {
        for _ in 0..count {
            self.server.append(bytes);
        }
        let mut frames = Vec::new();
        self.server.pull(&mut frames);
        let now = self.now;
        let leader = self.leader();
        if let Some(socket) = leader.socket {
            for frame in frames {
                leader.session.handle_message(now, socket, encoded(&frame));
            }
        }
        self.run();
    }
}
