//! Who leads: a lock that one page has, and the others wait for in a row, as the browser's Web Locks. A page that dies
//! lets go of it a moment later. Knows no session.

use std::collections::VecDeque;

use everwire_core::relay::TabName;

use crate::{
    tabs::Step,
    world::{Happening, World},
};

/// The lock.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    holder: Option<TabName>,
    waiting: VecDeque<(usize, TabName)>,
}

impl Lock {
    fn wait(&mut self, index: usize, name: TabName) {
        self.waiting.push_back((index, name));
    }

    fn release(&mut self, name: TabName) {
        self.waiting.retain(|(_, waiting)| *waiting != name);
        self.holder.take_if(|holder| *holder == name);
    }

    /// Gives the lock to the next in the row, if it is free.
    fn grant(&mut self) -> Option<(usize, TabName)> {
        if self.holder.is_some() {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.holder = Some(next.1);
        Some(next)
    }

    /// Whether it is this one that has it.
    pub fn is_held_by(&self, name: TabName) -> bool {
        self.holder == Some(name)
    }
}

impl World {
    /// The page opens its channels and waits for the lock, unless it has done so.
    pub(crate) fn begin_to_share(&mut self, index: usize) {
        let Some(page) = self.tabs.pages.get_mut(index) else { return };
        if !page.shares && !page.broken && self.clients[index].lives() {
            page.shares = true;
            let name = page.name;
            self.tabs.lock.wait(index, name);
            self.grant();
        }
    }

    /// The page lets go of all of that; a leader has stepped down before.
    pub(crate) fn end_to_share(&mut self, index: usize, within: u64) {
        let Some(page) = self.tabs.pages.get_mut(index) else { return };
        if !std::mem::take(&mut page.shares) {
            return;
        }
        page.heard.clear();
        let name = page.name;
        let delay = self.rng.u64(0..=within);
        self.enter(delay, Happening::Tabs(Step::Released(name)));
        // The locks by which each leader knows that the tab lives.
        for leader in self.schedule.clients..self.clients.len() {
            let ways = self.clients[leader].leading.iter().flat_map(|leading| &leading.ways);
            let links: Vec<_> = ways.filter(|way| way.page.1 == name).map(|way| way.number).collect();
            for number in links {
                let delay = self.rng.u64(0..=within);
                self.enter(delay, Happening::Tabs(Step::Gone(leader, number)));
            }
        }
    }

    pub(super) fn released(&mut self, name: TabName) {
        // It may wait for it again already.
        let again = self.tabs.pages.iter().position(|page| page.name == name && page.shares);
        self.tabs.lock.release(name);
        if let Some(index) = again {
            self.tabs.lock.wait(index, name);
        }
        self.grant();
    }

    fn grant(&mut self) {
        if let Some((index, name)) = self.tabs.lock.grant() {
            let delay = self.rng.u64(0..=20);
            self.enter(delay, Happening::Tabs(Step::Elected(index, name)));
        }
    }

    /// The page has the lock.
    pub(super) fn elected(&mut self, index: usize, name: TabName) -> Result<(), String> {
        let page = &self.tabs.pages[index];
        if page.name != name || !page.shares || !self.tabs.lock.is_held_by(name) || self.leads(index) {
            return Ok(());
        }
        self.lead(index)?;
        self.follow(index, name)
    }

    /// The page that had the lock once learns that it has it no more, and waits for it again.
    pub(super) fn deposed(&mut self, index: usize, name: TabName) -> Result<(), String> {
        let page = &self.tabs.pages[index];
        if page.name != name || !page.shares || self.tabs.lock.is_held_by(name) {
            return Ok(());
        }
        self.step_down(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_goes_to_one_after_the_other() {
        let [first, second, third] = [1, 2, 3].map(|n| TabName([n; 16]));
        let mut lock = Lock::default();
        [first, second, third].into_iter().zip(0..).for_each(|(name, index)| lock.wait(index, name));
        assert_eq!(lock.grant(), Some((0, first)));
        assert_eq!(lock.grant(), None);
        lock.release(second);
        lock.release(first);
        assert_eq!(lock.grant(), Some((2, third)));
        assert!(lock.is_held_by(third));
    }
}
