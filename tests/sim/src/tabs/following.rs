//! The app's session in each tab, and its links to whoever leads: the sdk's part, over channels that the world delays.

use bytes::Bytes;
use everwire_core::{
    AttemptId, Closed,
    relay::{Announcement, FromTab, TabEnd, TabName},
};

use crate::{
    tabs::{Link, Step},
    world::{Happening, World},
};

impl World {
    /// The session wants a link to whoever leads.
    pub(crate) fn open_link(&mut self, index: usize, attempt: AttemptId) {
        if !self.tabs.pages[index].shares {
            self.enter(0, Happening::Tabs(Step::Failed(index, attempt)));
            return;
        }
        self.tabs.last_link += 1;
        let number = self.tabs.last_link;
        let own = self.leads(index);
        let down = self.pipe_between(index, if own { index } else { usize::MAX });
        let link = Link { end: TabEnd::new(attempt), number, inbox: [].into(), down };
        self.tabs.pages[index].links.push(link);
        self.look_for_leader(index, number);
    }

    /// Asks whoever leads to come to a link.
    fn look_for_leader(&mut self, index: usize, number: u32) {
        let tab = self.tabs.pages[index].name;
        if self.leads(index) {
            let own = self.pipe_between(index, index);
            let mut links = self.tabs.pages[index].links.iter_mut();
            if let Some(link) = links.find(|link| link.number == number) {
                link.down = own;
            }
            let leader = self.upstream_of(index);
            self.accept(leader, tab, number);
            // What the relay says of it goes out as soon as it is its turn.
            self.enter(0, Happening::Tabs(Step::ToLeader(leader, number)));
        } else {
            self.announce(index, &Announcement::Hello { tab, link: number }.encode());
        }
    }

    /// Takes what the session sends, or the end of an attempt, where that is a link.
    pub(crate) fn send_on_link(
        &mut self,
        index: usize,
        attempt: AttemptId,
        data: &Bytes,
    ) -> Option<Result<(), String>> {
        let number = self.link_of(index, attempt)?;
        Some(self.say(number, TabEnd::send(data.clone())))
    }

    /// See [`send_on_link`](Self::send_on_link).
    pub(crate) fn close_link(&mut self, index: usize, attempt: AttemptId) -> Option<Result<(), String>> {
        let number = self.link_of(index, attempt)?;
        Some(self.drop_link(index, number))
    }

    fn link_of(&self, index: usize, attempt: AttemptId) -> Option<u32> {
        let mut links = self.tabs.pages.get(index)?.links.iter();
        links.find(|link| link.end.attempt() == attempt).map(|link| link.number)
    }

    pub(super) fn drop_link(&mut self, index: usize, number: u32) -> Result<(), String> {
        self.tabs.pages[index].links.retain(|link| link.number != number);
        self.say(number, FromTab::Closed.encode())
    }

    pub(super) fn link_failed(&mut self, index: usize, attempt: AttemptId) -> Result<(), String> {
        let now = self.time(index);
        self.clients[index].session.handle_closed(now, attempt, Closed::Network);
        self.act(index)
    }

    /// The leader said something on a link.
    pub(super) fn heard_of_leader(&mut self, index: usize, number: u32) -> Result<(), String> {
        let now = self.time(index);
        let page = &mut self.tabs.pages[index];
        let Some(link) = page.links.iter_mut().find(|link| link.number == number) else { return Ok(()) };
        let Some(data) = link.inbox.pop_front() else { return Ok(()) };
        let was_open = link.end.leader().is_some();
        let answer = link.end.handle_message(now, &mut self.clients[index].session, data);
        if let Some((_, client_id)) = link.end.leader().filter(|_| !was_open) {
            page.goes_by = client_id.clone();
        }
        match answer {
            Ok(Some(answer)) => self.say(number, answer)?,
            Ok(None) => {}
            Err(_) => self.drop_link(index, number)?,
        }
        self.act(index)
    }

    /// Something was said to all tabs.
    pub(super) fn announced(&mut self, index: usize) -> Result<(), String> {
        let page = &mut self.tabs.pages[index];
        let Some(data) = page.heard.pop_front().filter(|_| page.shares) else { return Ok(()) };
        match Announcement::decode(data) {
            Ok(Announcement::Hello { tab, link }) if self.leads(index) => {
                let leader = self.upstream_of(index);
                self.accept(leader, tab, link);
                self.act(leader)
            }
            Ok(Announcement::Leader { leader }) if !self.leads(index) => self.follow(index, leader),
            _ => Ok(()),
        }
    }

    /// A tab leads: goes to it.
    pub(super) fn follow(&mut self, index: usize, leader: TabName) -> Result<(), String> {
        let link = self.tabs.pages[index].links.last();
        match link.map(|link| (link.number, link.end.leader().map(|(name, _)| *name))) {
            Some((_, Some(known))) if known == leader => {}
            Some((number, None)) => self.look_for_leader(index, number),
            _ => {
                let now = self.time(index);
                self.clients[index].session.handle_leader(now);
            }
        }
        self.act(index)
    }

    /// The page announced that it leads: its own client may have lost its way there.
    pub(super) fn leads_itself(&mut self, index: usize) -> Result<(), String> {
        if self.leads(index) && self.tabs.pages[index].links.is_empty() {
            let now = self.time(index);
            self.clients[index].session.handle_leader(now);
        }
        self.act(index)
    }

    /// The app's client can share no more, and works alone: its browser doesn't let it.
    pub(super) fn shares_no_more(&mut self, index: usize) -> Result<(), String> {
        self.step_down(index)?;
        self.end_to_share(index, 100);
        self.tabs.pages[index].broken = true;
        if let Some((number, attempt)) =
            self.tabs.pages[index].links.last().map(|link| (link.number, link.end.attempt()))
        {
            self.drop_link(index, number)?;
            return self.link_failed(index, attempt);
        }
        Ok(())
    }

    /// The page was put aside, or its client was closed.
    pub(crate) fn put_aside(&mut self, index: usize) -> Result<(), String> {
        self.step_down(index)?;
        self.end_to_share(index, 100);
        Ok(())
    }
}
