//! Tabs of one origin that share a connection: what the browser gives their pages, which is a lock and channels, as the
//! sdk uses it. Each page has two sessions: the app's, and while it leads, the upstream one, whose place among the
//! clients is behind all of the apps. Knows nothing of what is said.

mod channel;
mod election;
mod faults;
mod following;
mod leading;

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use everwire_core::{AttemptId, Config, Overflow, Transport, relay::TabName};
use everwire_protocol::{ClientId, Position, Topic};

use crate::{
    client::Client,
    pipe::{Latency, Pipe},
    schedule::Schedule,
    world::{Happening, World},
};

pub(crate) use channel::Link;
use election::Lock;
pub(crate) use leading::Leading;

/// The upstream outbox has room for so many tabs with a full one.
const OUTBOXES: usize = 16;

/// Something that happens between tabs.
#[derive(Debug)]
pub(crate) enum Step {
    /// A page has the lock.
    Elected(usize, TabName),
    /// The page that had the lock, or waited for it, lets go of it.
    Released(TabName),
    /// A page that had the lock learns that it has lost it.
    Deposed(usize, TabName),
    /// A page hears what is said to all.
    Announced(usize),
    /// A page hears that it leads itself, which no channel tells it.
    Led(usize),
    /// What the leader said on a link arrives.
    ToTab(usize, u32),
    /// What a tab said on a link arrives.
    ToLeader(usize, u32),
    /// A leader learns that the tab of a link is gone.
    Gone(usize, u32),
    /// A link could not be opened.
    Failed(usize, AttemptId),
}

impl Step {
    /// Whose machine has to be awake for it.
    fn session(&self) -> Option<usize> {
        match self {
            Self::Elected(session, _)
            | Self::Deposed(session, _)
            | Self::Announced(session)
            | Self::Led(session)
            | Self::ToTab(session, _)
            | Self::ToLeader(session, _)
            | Self::Gone(session, _)
            | Self::Failed(session, _) => Some(*session),
            Self::Released(_) => None,
        }
    }
}

/// One page.
#[derive(Debug)]
pub(crate) struct Page {
    pub name: TabName,
    /// It has its channels, and waits for the lock or has it.
    pub shares: bool,
    /// Its browser gives it none of that.
    pub broken: bool,
    /// Under which name the server knows the connection.
    pub goes_by: ClientId,
    /// How it would connect if it led.
    pub config: Config,
    pub links: Vec<Link>,
    /// What is said to all, on its way here.
    heard: VecDeque<Bytes>,
    hears: Pipe,
}

/// All pages, and what is between them.
#[derive(Debug, Default)]
pub(crate) struct Tabs {
    pub pages: Vec<Page>,
    pub lock: Lock,
    last_link: u32,
}

/// Where the leaders have been: who asks for the latest may begin at such a place.
#[derive(Debug, Default)]
pub struct Stood(HashSet<(Topic, Position)>);

impl Stood {
    /// A leader is there.
    pub fn at(&mut self, topic: &Topic, position: Position) {
        self.0.insert((topic.clone(), position));
    }

    /// Whether one has been there.
    #[must_use]
    pub fn was_at(&self, topic: &Topic, position: Position) -> bool {
        self.0.contains(&(topic.clone(), position))
    }
}

/// The tab that leads first, then the others.
pub(crate) fn with_tab(mut transports: Vec<Transport>) -> Vec<Transport> {
    transports.insert(0, Transport::Tab);
    transports
}

/// The name of a page's so manieth life.
fn tab_name(index: usize, life: u32) -> TabName {
    let mut name = [0; 16];
    name[0] = index as u8;
    name[1..5].copy_from_slice(&life.to_le_bytes());
    TabName(name)
}

/// How the page's upstream session is configured.
fn upstream_config(config: &Config) -> Config {
    let mut config = config.clone();
    config.transports.retain(|transport| *transport != Transport::Tab);
    config.outbox.messages *= OUTBOXES;
    config.outbox.bytes *= OUTBOXES;
    config.outbox.overflow = Overflow::RefuseNew;
    config.outbox.persist = false;
    config
}

impl Page {
    fn new(index: usize, life: u32, goes_by: ClientId, schedule: &Schedule) -> Self {
        Self {
            name: tab_name(index, life),
            shares: false,
            broken: false,
            goes_by,
            config: upstream_config(&schedule.config),
            links: Vec::new(),
            heard: VecDeque::new(),
            hears: Pipe::new(schedule.channels),
        }
    }
}

impl World {
    /// Whether this is a world of tabs.
    pub(crate) fn has_tabs(&self) -> bool {
        self.schedule.has_tabs
    }

    /// The upstream session of a page.
    pub(crate) fn upstream_of(&self, index: usize) -> usize {
        self.schedule.clients + index
    }

    pub(crate) fn is_upstream(&self, index: usize) -> bool {
        index >= self.schedule.clients
    }

    /// The sessions of a page: the app's first.
    pub(crate) fn sessions_of(&self, index: usize) -> Vec<usize> {
        let upstream = self.has_tabs().then(|| self.upstream_of(index));
        [index].into_iter().chain(upstream).collect()
    }

    pub(crate) fn leads(&self, index: usize) -> bool {
        self.has_tabs() && self.clients[self.upstream_of(index)].lives()
    }

    /// A page begins its life.
    pub(crate) fn new_page(&mut self, index: usize) {
        let client = &self.clients[index];
        let page = Page::new(index, client.life, client.id.clone(), &self.schedule);
        match self.tabs.pages.get_mut(index) {
            Some(before) => *before = page,
            None => self.tabs.pages.push(page),
        }
        self.begin_to_share(index);
    }

    /// The latency of a channel, or none where it is no channel but the page itself.
    fn pipe_between(&self, one: usize, other: usize) -> Pipe {
        let at_once = Latency { min: 0, max: 0 };
        Pipe::new(if one == other { at_once } else { self.schedule.channels })
    }

    pub(crate) fn tabs_step(&mut self, step: Step) -> Result<(), String> {
        if let Some(session) = step.session().filter(|session| self.machines[*session].sleeps(self.now)) {
            self.enter_at(self.machines[session].asleep_until, Happening::Tabs(step));
            return Ok(());
        }
        match step {
            Step::Elected(index, name) => self.elected(index, name),
            Step::Released(name) => {
                self.released(name);
                Ok(())
            }
            Step::Deposed(index, name) => self.deposed(index, name),
            Step::Announced(index) => self.announced(index),
            Step::Led(index) => self.leads_itself(index),
            Step::ToTab(index, link) => self.heard_of_leader(index, link),
            Step::ToLeader(leader, link) => self.heard_of_tab(leader, link),
            Step::Gone(leader, link) => self.tab_gone(leader, link),
            Step::Failed(index, attempt) => self.link_failed(index, attempt),
        }
    }

    /// Every tab that can share does, and the leader holds nothing of those that are gone.
    pub(crate) fn tabs_settled(&self) -> Result<(), String> {
        let mut linked = 0;
        for (index, page) in self.tabs.pages.iter().enumerate() {
            let client = &self.clients[index];
            if page.shares && client.lives() {
                linked += 1;
                if !client.shares() {
                    return Err(format!("tab {index} works alone: {:?}", client.session.state()));
                }
            }
        }
        let leaders = self.clients.iter().filter(|client| client.lives()).filter_map(|c| c.leading.as_ref());
        let leaders: Vec<_> = leaders.collect();
        match leaders[..] {
            [] if linked == 0 => Ok(()),
            [leader] if leader.relay.tabs() == linked => Ok(()),
            _ => {
                let links: Vec<_> = leaders.iter().map(|leader| leader.relay.tabs()).collect();
                Err(format!("{linked} tabs share, and those that lead have {links:?} links"))
            }
        }
    }

    /// Who is on a topic of those whose connection is shared: the one that leads, as the server knows it.
    pub(crate) fn shared_name(&self, topic: &Topic) -> Option<String> {
        let holds = |client: &Client| client.lives() && client.holds(topic) && client.shares();
        let leader = self.clients.iter().find(|client| client.leading.is_some() && client.lives())?;
        self.clients.iter().any(holds).then(|| leader.name())
    }
}
