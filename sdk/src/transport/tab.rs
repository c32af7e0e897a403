//! A link to the tab that has the connection: hands its messages in as they come, and sends. Knows nothing of what
//! is in them.

use std::rc::Weak;

use bytes::Bytes;
use everwire_core::{
    AttemptId, Transport,
    relay::{FromTab, TabEnd, TabId, TabName},
};
use everwire_protocol::ClientId;
use wasm_bindgen_futures::spawn_local;

use crate::{
    driver::Driver,
    environment::Change,
    log::note,
    tabs::Channel,
    transport::{Link, Links},
};

/// How messages come to the leader.
pub(crate) enum Way {
    Channel(Channel),
    /// It is this tab.
    Pipe {
        leader: Weak<Driver>,
        tab: TabId,
    },
}

/// A link, open or waiting for the leader to answer. Dropped, it is closed, and nothing of it is heard any more.
pub(crate) struct TabLink {
    end: TabEnd,
    way: Way,
}

impl TabLink {
    pub(crate) fn new(attempt: AttemptId, way: Way) -> Self {
        Self { end: TabEnd::new(attempt), way }
    }

    pub(crate) fn attempt(&self) -> AttemptId {
        self.end.attempt()
    }

    /// Who leads, and the client id of the connection, once it has answered.
    pub(crate) fn leader(&self) -> Option<&(TabName, ClientId)> {
        self.end.leader()
    }

    pub(super) fn send(&self, data: Bytes) {
        self.say(TabEnd::send(data));
    }

    /// The page was shown, or slept.
    pub(crate) fn wake(&self) {
        self.say(FromTab::Wake.encode());
    }

    fn say(&self, message: Bytes) {
        match &self.way {
            Way::Channel(channel) => channel.send(&message),
            Way::Pipe { leader, tab } => {
                let (leader, tab) = (leader.clone(), *tab);
                // Later, as through a channel: this driver, and that one, may be at work now.
                spawn_local(async move {
                    if let Some(leader) = leader.upgrade() {
                        leader.heard_of_tab(tab, message);
                    }
                });
            }
        }
    }
}

impl Drop for TabLink {
    fn drop(&mut self) {
        self.say(FromTab::Closed.encode());
    }
}

impl Driver {
    /// A message came from the tab that has the connection.
    pub(crate) fn heard_of_leader(&self, attempt: AttemptId, data: Bytes) {
        self.input(|inner, now| {
            let Some(link) = inner.links.tab_link().filter(|link| link.attempt() == attempt) else { return };
            note!(now, "message", attempt = attempt.as_u32(), bytes = data.len());
            let was_open = link.leader().is_some();
            match link.end.handle_message(now, &mut inner.session, data) {
                Ok(Some(answer)) => link.say(answer),
                Ok(None) => {}
                Err(_) => return inner.links.forget(attempt),
            }
            if let Some((_, client_id)) = link.leader().filter(|_| !was_open).cloned()
                && let Some(tabs) = &mut inner.links.tabs
            {
                tabs.goes_by(client_id);
            }
        });
    }
}

impl Links {
    /// The link to the tab that has the connection, or that is to be found.
    pub(crate) fn tab_link(&mut self) -> Option<&mut TabLink> {
        self.open.iter_mut().rev().find_map(|(_, link)| match link {
            Link::Tab(link) => Some(link),
            _ => None,
        })
    }

    /// Asks again for the link that nobody has answered yet, if there is one.
    pub(crate) fn ask_again(&mut self) {
        let mut links = self.open.iter_mut().rev();
        let waiting = links.find_map(|(_, link)| match link {
            Link::Tab(link) if link.leader().is_none() => Some(link),
            _ => None,
        });
        if let (Some(link), Some(tabs)) = (waiting, &self.tabs) {
            match tabs.pipe(link.attempt()) {
                Some(way) => link.way = way,
                None => tabs.hello(),
            }
        }
    }

    /// The transports of this client, when these are chosen.
    pub(crate) fn chosen(&mut self, transports: Vec<Transport>) -> Vec<Transport> {
        match &mut self.tabs {
            Some(tabs) => tabs.set_transports(transports),
            None => transports,
        }
    }

    pub(crate) fn forget(&mut self, attempt: AttemptId) {
        drop(self.remove(attempt));
    }

    /// What is to be done before the session learns of a change.
    pub(crate) fn tabs_before(&mut self, change: Change) {
        if let (Change::Wakeup, Some(tabs)) = (change, &mut self.tabs) {
            tabs.resume();
        }
    }

    /// What is to be done after the session has learned of a change, and has done what follows.
    pub(crate) fn tabs_after(&mut self, change: Change) {
        match change {
            Change::Suspend => {
                if let Some(tabs) = &mut self.tabs {
                    tabs.suspend();
                }
            }
            Change::Wakeup | Change::Online => {
                if let Some(link) = self.tab_link() {
                    link.wake();
                }
            }
            Change::Offline => {}
        }
    }
}
