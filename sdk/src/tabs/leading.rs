//! What the tab that leads has beside its upstream session: the relay, and the ways to the tabs. Belongs to
//! the upstream's driver, which is an ordinary one. Knows neither how it came to lead nor what is said.

use std::rc::{Rc, Weak};

use bytes::Bytes;
use everwire_core::{
    AttemptId, Event, Session, State, Time,
    relay::{Announcement, Relay, RelayOutput, TabId, TabName},
};
use everwire_protocol::ClientId;
use wasm_bindgen_futures::spawn_local;

use crate::{
    driver::{Driver, Inner},
    log::note,
    tabs::{channel::Channel, lock::Claim},
};

/// How messages come to a tab.
enum Way {
    Channel {
        /// The tab, and its number of the link.
        name: (TabName, u32),
        channel: Channel,
        /// The tab's own lock, which is granted when the tab is gone.
        _gone: Option<Claim>,
    },
    /// The client in this very tab.
    Pipe { driver: Weak<Driver>, attempt: AttemptId },
}

/// See the module.
pub(crate) struct Leading {
    /// The app's driver in this tab.
    app: Weak<Driver>,
    relay: Relay,
    name: TabName,
    announcements: Rc<Channel>,
    ways: Vec<(TabId, Way)>,
    events: Vec<Event>,
    /// The server has ended the session for good.
    is_refused: bool,
}

impl Leading {
    pub(super) fn new(
        now: Time,
        app: Weak<Driver>,
        name: TabName,
        client_id: ClientId,
        announcements: Rc<Channel>,
    ) -> Self {
        let relay = Relay::new(now, name, client_id);
        Self { app, relay, name, announcements, ways: Vec::new(), events: Vec::new(), is_refused: false }
    }

    /// Passes on what the session told, or else sends what there is to send. Returns whether the session has to be
    /// drained again.
    fn settle(&mut self, now: Time, session: &mut Session) -> bool {
        if !self.events.is_empty() {
            for event in std::mem::take(&mut self.events) {
                self.relay.handle_event(now, session, event);
            }
            return true;
        }
        while let Some(output) = self.relay.poll_output() {
            match output {
                RelayOutput::Announce => {
                    let announcement = Announcement::Leader { leader: self.name };
                    self.announcements.send(&announcement.encode());
                    // No channel brings that back to this very page, whose client may have lost its way to here.
                    let app = self.app.clone();
                    spawn_local(async move {
                        if let Some(app) = app.upgrade() {
                            app.leads_itself();
                        }
                    });
                }
                RelayOutput::Send { tab, data } => self.send(tab, data),
                RelayOutput::Close { tab } => self.ways.retain(|(id, _)| *id != tab),
            }
        }
        if std::mem::take(&mut self.is_refused) {
            // The links have been told, so this comes behind. Whoever has none must not lead with nothing.
            let app = self.app.clone();
            spawn_local(async move {
                if let Some(app) = app.upgrade() {
                    app.shares_no_more();
                }
            });
        }
        false
    }

    /// The relay's next one.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.relay.poll_timeout().map(|(due, _)| due)
    }

    /// It has not stepped down.
    fn leads(&self) -> bool {
        self.relay.poll_timeout().is_some()
    }

    /// Returns whether there is another tab to take over.
    pub(super) fn step_down(&mut self) -> bool {
        self.relay.step_down();
        self.ways.iter().any(|(_, way)| matches!(way, Way::Channel { .. }))
    }

    fn send(&self, tab: TabId, data: Bytes) {
        match self.ways.iter().find(|(id, _)| *id == tab) {
            Some((_, Way::Channel { channel, .. })) => channel.send(&data),
            Some((_, Way::Pipe { driver, attempt })) => {
                let (driver, attempt) = (driver.clone(), *attempt);
                // Later, as through a channel: this driver, and that one, are at work now.
                spawn_local(async move {
                    if let Some(driver) = driver.upgrade() {
                        driver.heard_of_leader(attempt, data);
                    }
                });
            }
            None => {}
        }
    }
}

impl Inner {
    /// The upstream session told something. To be called while its outputs are drained.
    pub(crate) fn hear(&mut self, event: Event) {
        self.remember(&event);
        if let Some(leading) = &mut self.leading {
            let is_closed = matches!(&event, Event::State(change) if change.state == State::Closed);
            leading.is_refused |= is_closed && leading.leads();
            leading.events.push(event);
        }
    }

    /// To be called when the session's outputs are drained. Returns whether it has to be drained again.
    pub(crate) fn relay(&mut self, now: Time) -> bool {
        self.leading.as_mut().is_some_and(|leading| leading.settle(now, &mut self.session))
    }

    pub(crate) fn relay_timer_fired(&mut self, now: Time) {
        if let Some(leading) = &mut self.leading
            && let Some((_, name)) = leading.relay.poll_timeout().filter(|(due, _)| *due <= now)
        {
            note!(now, "relay timer fired", timer = name.as_str());
            leading.relay.handle_timeout(now, &self.session);
        }
    }
}

impl Driver {
    pub(super) fn lead(&self, leading: Leading) {
        self.look(|inner| inner.leading = Some(leading));
    }

    /// A tab wants a link, and has opened the channel.
    pub(super) fn accept(self: &Rc<Self>, name: (TabName, u32), channel: &str, lock: &str) {
        self.input(|inner, now| {
            let Some(leading) = &mut inner.leading else { return };
            let known = leading.ways.iter().find_map(|(id, way)| match way {
                Way::Channel { name: known, .. } if known.0 == name.0 => Some((*id, known.1)),
                _ => None,
            });
            match known {
                // It asked more than once.
                Some((_, link)) if link == name.1 => return,
                // Its last one, of which it knows no more.
                Some((old, _)) => leading.relay.close(now, &mut inner.session, old),
                None => {}
            }
            let Some(id) = leading.relay.open() else { return };
            let me = Rc::downgrade(self);
            let heard = move |data| {
                if let Some(driver) = me.upgrade() {
                    driver.heard_of_tab(id, data);
                }
            };
            let me = Rc::downgrade(self);
            let gone = move || {
                if let Some(driver) = me.upgrade() {
                    driver.tab_gone(id);
                }
            };
            match Channel::open(channel, heard) {
                Some(channel) => {
                    let way = Way::Channel { name, channel, _gone: Claim::new(lock, gone, || {}) };
                    leading.ways.push((id, way));
                }
                None => leading.relay.close(now, &mut inner.session, id),
            }
        });
    }

    /// The client in this tab wants a link.
    pub(super) fn pipe(&self, driver: Weak<Driver>, attempt: AttemptId) -> Option<TabId> {
        self.input(|inner, _| {
            let leading = inner.leading.as_mut()?;
            let id = leading.relay.open()?;
            leading.ways.push((id, Way::Pipe { driver, attempt }));
            Some(id)
        })
    }

    /// A message came from a tab.
    pub(crate) fn heard_of_tab(&self, tab: TabId, data: Bytes) {
        self.input(|inner, now| {
            if let Some(leading) = &mut inner.leading {
                note!(now, "message of a tab", tab = tab.as_u32(), bytes = data.len());
                leading.relay.handle_message(now, &mut inner.session, tab, data);
            }
        });
    }

    fn tab_gone(&self, tab: TabId) {
        self.input(|inner, now| {
            if let Some(leading) = &mut inner.leading {
                leading.relay.close(now, &mut inner.session, tab);
            }
        });
    }
}
