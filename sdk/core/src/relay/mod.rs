//! One connection for many tabs: the tab that has it speaks the server's side of the protocol to the others.
//!
//! Every tab has a [`Session`] of its own, whose transport is [`Transport::Tab`](crate::Transport::Tab): a link
//! to the tab that leads. There, a [`Relay`] stands between those links and one more session, the upstream, which
//! has the real connection. The relay decides nothing about messages: cursors, repeats, gaps and the outbox are
//! the sessions' business on both sides, so a leader that dies loses nothing. The tabs go to the next one, from
//! their cursors, and publish again what was not acked, under the same ids.
//!
//! It does no I/O, as the session does none: how links come to be and who leads is decided outside.
//!
//! How to drive it, in the tab that leads:
//! - drive the upstream session as always, but hand each of its [`Event`](crate::Event)s to
//!   [`Relay::handle_event`] once its outputs are drained, and drain it again after every call of the relay;
//! - for each link of a tab call [`Relay::open`], then [`Relay::handle_message`] for what comes through it, and
//!   [`Relay::close`] when the tab is gone;
//! - do what [`Relay::poll_output`] says, and call [`Relay::handle_timeout`] when [`Relay::poll_timeout`] says;
//! - to stop leading call [`Relay::step_down`], do its outputs, and only then close the session.
//!
//! In each tab, on its own session: a [`TabEnd`] for each attempt at [`Transport::Tab`](crate::Transport::Tab)
//! reads what the leader says and makes messages of what the session sends, and
//! [`Session::handle_leader`] tells that a tab has come to lead.

mod end;
mod events;
mod frames;
mod message;
mod order;
mod tab;
mod unheard;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use everwire_protocol::{ClientId, Code, Limits, PublishId, RetryWindow, ServerFrame, limits};

use crate::{RequestId, Session, SubscriptionId, Time, TimerName, map::Map};

pub use end::{LinkEnded, TabEnd};
pub use message::{Announcement, FromTab, MESSAGE_BYTES, TabName, ToTab, Unreadable, VERSION};

use tab::{Reader, Tab};
use unheard::Unheard;

/// Most tabs of one leader; the others work alone.
pub const TABS: usize = 64;

/// The relay is never silent for longer than this, as its welcome says. A hidden page's timers may fire a minute
/// late, so it means to speak far more often.
const HEARTBEAT: Duration = Duration::from_secs(120);
/// How long a tab waits for its welcome while the connection is being made: less than it would wait for any
/// transport before it starts the next.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it speaks to every tab, and announces itself to those without a link.
const SPEAKS_EVERY: Duration = Duration::from_secs(30);

/// A link of a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TabId(u32);

impl TabId {
    /// Its number, for logs.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

/// What the relay wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayOutput {
    /// Say [`Announcement::Leader`] on the channel that all tabs hear.
    Announce,
    /// Send a message on a link.
    Send {
        /// The link.
        tab: TabId,
        /// The message, see [`ToTab`].
        data: Bytes,
    },
    /// A link is no more: forget it. It needs no report.
    Close {
        /// The link.
        tab: TabId,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Relay {
    leader: TabName,
    client_id: ClientId,
    tabs: Map<TabId, Tab>,
    readers: Map<SubscriptionId, Reader>,
    /// Who asked, and under which number of its own.
    questions: Map<RequestId, (TabId, u32)>,
    /// Publishes without an outcome, and who waits for it: nobody, when that tab is gone. As many as the upstream
    /// session's outbox holds.
    publishes: Map<PublishId, Option<TabId>>,
    /// Outcomes that nobody was there to hear of.
    unheard: Unheard,
    outputs: VecDeque<RelayOutput>,
    /// The server's, as far as they are known.
    limits: Limits,
    /// The upstream connection has come to be, or its first round of tries has failed.
    settled: bool,
    /// When not to wait for that any longer.
    settles_at: Option<Time>,
    speaks_at: Option<Time>,
    next_tab: u32,
}

impl Relay {
    /// A relay in the tab of this name, for a session of this client id.
    #[must_use]
    pub fn new(now: Time, leader: TabName, client_id: ClientId) -> Self {
        Self {
            leader,
            client_id,
            tabs: Map::default(),
            readers: Map::default(),
            questions: Map::default(),
            publishes: Map::default(),
            unheard: Unheard::default(),
            outputs: [RelayOutput::Announce].into(),
            limits: Limits::default(),
            settled: false,
            settles_at: None,
            speaks_at: Some(now + SPEAKS_EVERY),
            next_tab: 1,
        }
    }

    /// A tab has opened a link. `None` when there are [`TABS`] already, or it has stepped down: the tab works
    /// alone.
    pub fn open(&mut self) -> Option<TabId> {
        if self.tabs.len() >= TABS || self.has_stepped_down() {
            return None;
        }
        let id = TabId(self.next_tab);
        self.next_tab = self.next_tab.checked_add(1)?;
        self.tabs.insert(id, Tab::default());
        self.tell(id, &ToTab::Opened { leader: self.leader, client_id: self.client_id.clone() });
        Some(id)
    }

    /// A message came through a link.
    pub fn handle_message(&mut self, now: Time, session: &mut Session, tab: TabId, data: Bytes) {
        if !self.tabs.contains_key(&tab) {
            return;
        }
        self.limits = session.limits();
        // A hidden page's timers are late; what comes from a tab that is seen is not.
        if session.poll_timeout().is_some_and(|(at, _)| at <= now) {
            session.handle_timeout(now);
        }
        match FromTab::decode(data) {
            Ok(FromTab::Frames(frames)) => self.read_frames(now, session, tab, frames),
            Ok(FromTab::Taken(bytes)) => self.taken(now, session, tab, bytes),
            Ok(FromTab::Wake) => session.handle_wakeup(now),
            Ok(FromTab::Closed) => self.close(now, session, tab),
            Err(_) => self.turn_out(now, session, tab),
        }
    }

    /// A tab is gone, or closed its link: nothing of it is left behind but its publishes, which go on, and
    /// what became of those that did not.
    pub fn close(&mut self, now: Time, session: &mut Session, tab: TabId) {
        if !self.tabs.contains_key(&tab) {
            return;
        }
        self.tabs.remove(&tab);
        for id in self.readers_of(tab) {
            self.readers.remove(&id);
            session.unsubscribe(now, id);
        }
        self.questions.retain(|(asker, _)| *asker != tab);
        for waits in self.publishes.values_mut() {
            if *waits == Some(tab) {
                *waits = None;
            }
        }
        self.outputs.push_back(RelayOutput::Close { tab });
    }

    /// The tab leads no more: every tab is told to look for the next one, at once. After that there is nothing more,
    /// whatever comes in.
    ///
    /// What was published and not acked is the tabs' again: outcomes that the session makes up when it is closed
    /// must not be told, and are not.
    pub fn step_down(&mut self) {
        let tabs: Vec<_> = self.tabs.iter().map(|(tab, _)| *tab).collect();
        for tab in tabs {
            self.send(tab, &ServerFrame::Drain { window: RetryWindow { min: 0, max: 0 } });
            self.flush(tab);
            self.outputs.push_back(RelayOutput::Close { tab });
        }
        self.end();
    }

    /// What to do next; `None` when there is nothing more until the next input.
    pub fn poll_output(&mut self) -> Option<RelayOutput> {
        if self.outputs.is_empty() {
            let waiting = self.tabs.iter().find(|(_, tab)| !tab.outgoing.is_empty()).map(|(id, _)| *id);
            if let Some(tab) = waiting {
                self.flush(tab);
            }
        }
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and what for: [`TimerName::Connect`] is the end of
    /// what tabs wait for the first tries upstream, [`TimerName::Heartbeat`] the moment to be heard of. `None` once it
    /// has stepped down.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, TimerName)> {
        let settles = self.settles_at.map(|at| (at, TimerName::Connect));
        let speaks = self.speaks_at.map(|at| (at, TimerName::Heartbeat));
        [settles, speaks].into_iter().flatten().min()
    }

    /// Time has passed: acts on the deadlines that are due.
    pub fn handle_timeout(&mut self, now: Time, session: &Session) {
        if self.settles_at.is_some_and(|at| at <= now) {
            self.settle(session.state());
        }
        if self.speaks_at.is_none_or(|at| at > now) {
            return;
        }
        self.speaks_at = Some(now + SPEAKS_EVERY);
        self.outputs.push_back(RelayOutput::Announce);
        for tab in self.tabs.values_mut().filter(|tab| tab.welcomed) {
            tab.send(&ServerFrame::Heartbeat);
        }
    }

    /// How many links there are.
    #[must_use]
    pub fn tabs(&self) -> usize {
        self.tabs.len()
    }

    /// How much it keeps: links, readers, questions and publishes together. Nothing of a tab that is gone stays,
    /// but publishes until their outcome, and of those that were given up the outcome, which is not counted here.
    #[must_use]
    pub fn held(&self) -> usize {
        self.tabs.len() + self.readers.len() + self.questions.len() + self.publishes.len()
    }

    fn has_stepped_down(&self) -> bool {
        self.speaks_at.is_none()
    }

    fn end(&mut self) {
        self.tabs.clear();
        self.readers.clear();
        self.questions.clear();
        self.publishes.clear();
        self.unheard = Unheard::default();
        self.settles_at = None;
        self.speaks_at = None;
    }

    /// The server said that it is over for good.
    fn end_for_good(&mut self, code: Code) {
        let tabs: Vec<_> = self.tabs.iter().map(|(tab, _)| *tab).collect();
        for tab in tabs {
            self.send(
                tab,
                &ServerFrame::Closed {
                    code,
                    reason: "the connection that the tabs share was refused".into(),
                },
            );
            self.flush(tab);
            self.outputs.push_back(RelayOutput::Close { tab });
        }
        self.end();
    }

    /// Ends the link of a tab that says what can't be read, or takes nothing.
    fn turn_out(&mut self, now: Time, session: &mut Session, tab: TabId) {
        self.tell(tab, &ToTab::Closed);
        self.close(now, session, tab);
    }

    /// Says something beside the frames, in its place among them.
    fn tell(&mut self, tab: TabId, message: &ToTab) {
        self.flush(tab);
        self.outputs.push_back(RelayOutput::Send { tab, data: message.encode() });
    }

    /// Sends a frame, behind the welcome at the earliest.
    fn send(&mut self, id: TabId, frame: &ServerFrame) {
        self.send_welcome(id);
        let Some(tab) = self.tabs.get_mut(&id) else { return };
        let before = tab.outgoing.len();
        tab.send(frame);
        if tab.outgoing.len() > limits::FRAME_BYTES {
            // What was there goes first; no frame alone is over the limit, since each came in one.
            let frame = tab.outgoing.split_off(before);
            self.flush(id);
            if let Some(tab) = self.tabs.get_mut(&id) {
                tab.outgoing = frame;
            }
        }
    }

    fn send_welcome(&mut self, id: TabId) {
        let Some(tab) = self.tabs.get_mut(&id).filter(|tab| !tab.welcomed) else { return };
        tab.welcomed = true;
        tab.send(&ServerFrame::Welcome {
            session: "tab".into(),
            heartbeat: HEARTBEAT.as_millis() as u32,
            limits: self.limits,
            server: "everwire-tab".into(),
        });
    }

    fn flush(&mut self, id: TabId) {
        if let Some(tab) = self.tabs.get_mut(&id).filter(|tab| !tab.outgoing.is_empty()) {
            let data = ToTab::Frames(std::mem::take(&mut tab.outgoing).into()).encode();
            tab.untaken += data.len();
            self.outputs.push_back(RelayOutput::Send { tab: id, data });
        }
    }

    fn readers_of(&self, tab: TabId) -> Vec<SubscriptionId> {
        self.readers.iter().filter(|(_, reader)| reader.tab == tab).map(|(id, _)| *id).collect()
    }
}
