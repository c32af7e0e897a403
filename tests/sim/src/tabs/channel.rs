//! The channels between tabs, which deliver in their order: one that all hear, and one for each link. Messages wait where
//! they arrive until the page there gets to them.

use std::collections::VecDeque;

use bytes::Bytes;
use everwire_core::relay::{FromTab, TabEnd};

use crate::{
    pipe::Pipe,
    tabs::Step,
    tokens::MARK,
    world::{Happening, World},
};

/// A tab's side of a link.
#[derive(Debug)]
pub(crate) struct Link {
    pub end: TabEnd,
    /// No other link of any tab has this number.
    pub number: u32,
    pub inbox: VecDeque<Bytes>,
    pub down: Pipe,
}

/// The leader's side of it.
#[derive(Debug)]
pub(crate) struct Way {
    pub tab: everwire_core::relay::TabId,
    /// Whose link it is.
    pub page: (usize, everwire_core::relay::TabName),
    pub number: u32,
    pub inbox: VecDeque<Bytes>,
    pub up: Pipe,
}

impl World {
    /// Somebody says something that all other tabs hear.
    pub(super) fn announce(&mut self, from: usize, message: &Bytes) {
        for index in 0..self.tabs.pages.len() {
            let page = &mut self.tabs.pages[index];
            if index != from
                && page.shares
                && let Some(at) = page.hears.arrival(self.now, &mut self.rng)
            {
                page.heard.push_back(message.clone());
                self.enter_at(at, Happening::Tabs(Step::Announced(index)));
            }
        }
    }

    /// A tab says something on a link. Who leads, or believes so, hears it.
    pub(super) fn say(&mut self, number: u32, message: Bytes) -> Result<(), String> {
        shows_no_token(&message)?;
        for leader in self.schedule.clients..self.clients.len() {
            let ways = self.clients[leader].leading.iter_mut().flat_map(|leading| &mut leading.ways);
            for way in ways.filter(|way| way.number == number) {
                if let Some(at) = way.up.arrival(self.now, &mut self.rng) {
                    way.inbox.push_back(message.clone());
                    self.calendar.enter(at, Happening::Tabs(Step::ToLeader(leader, number)));
                }
            }
        }
        Ok(())
    }

    /// A leader says something on a link.
    pub(super) fn say_to_tab(&mut self, index: usize, number: u32, message: Bytes) -> Result<(), String> {
        shows_no_token(&message)?;
        let mut links = self.tabs.pages[index].links.iter_mut();
        if let Some(link) = links.find(|link| link.number == number)
            && let Some(at) = link.down.arrival(self.now, &mut self.rng)
        {
            link.inbox.push_back(message);
            self.enter_at(at, Happening::Tabs(Step::ToTab(index, number)));
        }
        Ok(())
    }

    /// The page was shown, or has its network back: whoever leads is to look at the connection.
    pub(crate) fn wake_leader(&mut self, index: usize) -> Result<(), String> {
        match self.tabs.pages.get(index).and_then(|page| page.links.last()).map(|link| link.number) {
            Some(number) => self.say(number, FromTab::Wake.encode()),
            None => Ok(()),
        }
    }
}

fn shows_no_token(message: &[u8]) -> Result<(), String> {
    match message.windows(MARK.len()).any(|bytes| bytes == MARK.as_bytes()) {
        true => Err("invariant 10: a token goes through a channel".to_owned()),
        false => Ok(()),
    }
}
