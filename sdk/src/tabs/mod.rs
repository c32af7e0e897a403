//! One connection for all tabs of a scope: who leads, and how the others find it.
//!
//! Each tab waits for the same Web Lock, and who holds it leads: it has an upstream client of its own beside the
//! app's, and a relay. When it goes, however that comes, the browser gives the lock to the next one, which announces
//! itself. The app's client in every tab, the leader's too, has a link to the leader as its first transport;
//! where that fails it has the others, as always. Knows nothing of what is said on a link.

mod channel;
mod leading;
mod lock;

use std::rc::{Rc, Weak};

use bytes::Bytes;
use everwire_core::{
    AttemptId, Closed, Config, Overflow, Time, Transport,
    relay::{Announcement, TabName, VERSION},
};
use everwire_protocol::ClientId;

use crate::{
    address::Address,
    driver::{Driver, Inner, TokenProvider},
    outbox, platform,
    transport::{TabLink, Way},
};

pub(crate) use channel::Channel;
pub(crate) use leading::Leading;

use lock::Claim;

/// The upstream outbox has room for so many tabs with a full one.
const OUTBOXES: usize = 16;

/// What the upstream client is made of.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) address: Address,
    pub(crate) config: Config,
    pub(crate) client_id: ClientId,
    pub(crate) token: Option<TokenProvider>,
}

/// See the module.
pub(crate) struct Tabs {
    driver: Weak<Driver>,
    upstream: Upstream,
    /// Of the lock that the leader holds, and of the channel that all tabs hear.
    name: String,
    tab: TabName,
    last_link: u32,
    /// None while the page is put aside, and where the browser hasn't what it takes.
    parts: Option<Parts>,
}

/// What is held of the browser, in the order in which it is let go of.
struct Parts {
    leader: Option<Leader>,
    _election: Claim,
    _alive: Claim,
    /// The lock that tells the leader that this tab lives is held.
    is_alive: bool,
    announcements: Rc<Channel>,
}

/// The upstream client, in the tab that leads. Dropped, it steps down.
struct Leader(Rc<Driver>);

impl Drop for Leader {
    fn drop(&mut self) {
        self.0.input(|inner, now| {
            if inner.leading.as_mut().is_some_and(Leading::step_down) {
                // The server is to take it for what moves, and not for what goes: the next tab comes as the same client.
                inner.session.handle_offline(now);
            }
            inner.session.close(now);
        });
    }
}

/// Starts a client that shares its connection.
pub(crate) fn start(scope: &str, upstream: Upstream, outbox: Option<outbox::Start>) -> Rc<Driver> {
    let Upstream { address, mut config, client_id, token } = upstream.clone();
    config.transports = with_tab(&config.transports);
    config.remembered = None;
    let driver = Driver::new(address, config, client_id, token, outbox);
    let tabs = Tabs::new(Rc::downgrade(&driver), scope, upstream);
    driver.look(|inner| inner.links.tabs = Some(tabs));
    driver.start();
    driver
}

/// The tab that leads first, then the others.
fn with_tab(transports: &[Transport]) -> Vec<Transport> {
    let others = if transports.is_empty() { &Config::TRANSPORTS } else { transports };
    [&[Transport::Tab], others].concat()
}

impl Tabs {
    /// Begins to share. `scope` keeps apart who must not share: other users, above all.
    fn new(driver: Weak<Driver>, scope: &str, mut upstream: Upstream) -> Self {
        upstream.config.transports.retain(|transport| *transport != Transport::Tab);
        let outbox = &mut upstream.config.outbox;
        outbox.messages = outbox.messages.saturating_mul(OUTBOXES);
        outbox.bytes = outbox.bytes.saturating_mul(OUTBOXES);
        outbox.overflow = Overflow::RefuseNew;
        outbox.persist = false;
        let (version, length) = (VERSION.to_string(), scope.len().to_string());
        let server = upstream.address.http("");
        let mut tabs = Self {
            driver,
            upstream,
            name: ["everwire ", &version, " ", &length, " ", scope, " ", &server].concat(),
            tab: TabName(platform::random()),
            last_link: 0,
            parts: None,
        };
        tabs.resume();
        tabs
    }

    /// Lets go of all, and leads no more: the page is put aside.
    pub(crate) fn suspend(&mut self) {
        self.parts = None;
    }

    /// Begins, or begins again.
    pub(crate) fn resume(&mut self) {
        if self.parts.is_none() {
            self.parts = self.begin();
        }
    }

    fn begin(&self) -> Option<Parts> {
        let call = |act: fn(&Driver)| {
            let driver = self.driver.clone();
            move || {
                if let Some(driver) = driver.upgrade() {
                    act(&driver);
                }
            }
        };
        let driver = self.driver.clone();
        let announcements = Channel::open(&self.name, move |data| {
            if let Some(driver) = driver.upgrade() {
                driver.announced(data);
            }
        })?;
        Some(Parts {
            leader: None,
            _alive: Claim::new(&self.lock(self.tab), call(Driver::is_alive), call(Driver::shares_no_more))?,
            _election: Claim::new(&self.name, call(Driver::elected), call(Driver::shares_no_more))?,
            is_alive: false,
            announcements: Rc::new(announcements),
        })
    }

    /// Opens a link to whoever leads. `None` where nothing can be shared.
    pub(crate) fn open(&mut self, attempt: AttemptId) -> Option<TabLink> {
        if let Some(way) = self.pipe(attempt) {
            return Some(TabLink::new(attempt, way));
        }
        self.last_link += 1;
        let driver = self.driver.clone();
        let channel = Channel::open(&self.channel(self.tab, self.last_link), move |data| {
            if let Some(driver) = driver.upgrade() {
                driver.heard_of_leader(attempt, data);
            }
        })?;
        self.parts.as_ref()?;
        self.hello();
        Some(TabLink::new(attempt, Way::Channel(channel)))
    }

    /// The server is known under this name; the tab that leads next goes on under it.
    pub(crate) fn goes_by(&mut self, client_id: ClientId) {
        self.upstream.client_id = client_id;
    }

    /// Chooses other transports for the connection. Returns those for this tab.
    pub(crate) fn set_transports(&mut self, transports: Vec<Transport>) -> Vec<Transport> {
        let for_tab = with_tab(&transports);
        self.upstream.config.transports.clone_from(&transports);
        if let Some(Leader(driver)) = self.parts.as_ref().and_then(|parts| parts.leader.as_ref()) {
            driver.input(|inner, now| inner.session.set_transports(now, transports));
        }
        for_tab
    }

    /// A way to this tab's own leader, if it leads.
    pub(crate) fn pipe(&self, attempt: AttemptId) -> Option<Way> {
        let Leader(leader) = self.parts.as_ref()?.leader.as_ref()?;
        let tab = leader.pipe(self.driver.clone(), attempt)?;
        Some(Way::Pipe { leader: Rc::downgrade(leader), tab })
    }

    /// Asks whoever leads to come to the last link's channel.
    pub(crate) fn hello(&self) {
        if let Some(parts) = self.parts.as_ref().filter(|parts| parts.is_alive) {
            let hello = Announcement::Hello { tab: self.tab, link: self.last_link };
            parts.announcements.send(&hello.encode());
        }
    }

    fn lead(&mut self, now: Time) {
        let Some(parts) = &mut self.parts else { return };
        let Upstream { address, config, client_id, token } = &self.upstream;
        let app = self.driver.clone();
        let leading = Leading::new(now, app, self.tab, client_id.clone(), parts.announcements.clone());
        let driver = Driver::new(address.clone(), config.clone(), client_id.clone(), token.clone(), None);
        driver.lead(leading);
        driver.start();
        parts.leader = Some(Leader(driver));
    }

    fn is_leading(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.leader.is_some())
    }

    fn answer(&self, tab: TabName, link: u32) {
        if let Some(Leader(leader)) = self.parts.as_ref().and_then(|parts| parts.leader.as_ref()) {
            leader.accept((tab, link), &self.channel(tab, link), &self.lock(tab));
        }
    }

    fn lock(&self, tab: TabName) -> String {
        [&self.name, " ", &tab.to_hex()].concat()
    }

    fn channel(&self, tab: TabName, link: u32) -> String {
        [&self.lock(tab), " ", &link.to_string()].concat()
    }
}

impl Inner {
    /// A tab leads: goes to it.
    fn follow(&mut self, now: Time, leader: TabName) {
        let Some(link) = self.links.tab_link() else { return self.session.handle_leader(now) };
        match link.leader() {
            Some((name, _)) if *name == leader => {}
            Some(_) => self.session.handle_leader(now),
            None => self.links.ask_again(),
        }
    }
}

impl Driver {
    fn announced(&self, data: Bytes) {
        let Ok(announcement) = Announcement::decode(data) else { return };
        self.input(|inner, now| match announcement {
            Announcement::Hello { tab, link } => {
                if let Some(tabs) = &inner.links.tabs {
                    tabs.answer(tab, link);
                }
            }
            Announcement::Leader { leader } => {
                // Who holds the lock is the only one who leads.
                if inner.links.tabs.as_ref().is_some_and(|tabs| !tabs.is_leading()) {
                    inner.follow(now, leader);
                }
            }
        });
    }

    fn elected(&self) {
        self.input(|inner, now| {
            let Some(tabs) = &mut inner.links.tabs else { return };
            tabs.lead(now);
            let me = tabs.tab;
            inner.follow(now, me);
        });
    }

    /// The leader in this very tab announced itself. A link that there is was made to it.
    fn leads_itself(&self) {
        self.input(|inner, now| {
            let is_leading = inner.links.tabs.as_ref().is_some_and(Tabs::is_leading);
            if is_leading && inner.links.tab_link().is_none() {
                inner.session.handle_leader(now);
            }
        });
    }

    fn is_alive(&self) {
        self.input(|inner, _| {
            let Some(tabs) = &mut inner.links.tabs else { return };
            if let Some(parts) = &mut tabs.parts {
                parts.is_alive = true;
            }
            inner.links.ask_again();
        });
    }

    /// The browser refuses the locks, or the server what the tabs share: this client works alone.
    pub(super) fn shares_no_more(&self) {
        self.input(|inner, now| {
            let Some(tabs) = &mut inner.links.tabs else { return };
            tabs.parts = None;
            if let Some(attempt) = inner.links.tab_link().map(|link| link.attempt()) {
                inner.links.forget(attempt);
                inner.session.handle_closed(now, attempt, Closed::Network);
            }
        });
    }
}
