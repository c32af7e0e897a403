//! What goes wrong between tabs, beside all that goes wrong for single clients.

use bytes::Bytes;
use everwire_core::relay::{Announcement, FromTab, TabName, ToTab};

use crate::{
    carrier::garbage,
    fault::Fault,
    pipe::Flow,
    tabs::Step,
    world::{Happening, World},
};

impl World {
    /// Something breaks that only tabs have. The page that leads is meant, or one that doesn't.
    pub(crate) fn strike_tabs(&mut self, fault: Fault) -> Result<(), String> {
        let of_leader = matches!(
            fault,
            Fault::KillLeader
                | Fault::StepDown
                | Fault::HangLeader
                | Fault::ThrottleLeader
                | Fault::TwoLeaders
                | Fault::UpstreamLost
        );
        let awake = |index: &usize| !self.machines[*index].sleeps(self.now) && self.clients[*index].lives();
        let pages = (0..self.tabs.pages.len()).filter(awake);
        let pages: Vec<_> = pages.filter(|index| !of_leader || self.leads(*index)).collect();
        let Some(index) = self.rng.choice(pages) else { return Ok(()) };
        match fault {
            // They count where they happen.
            Fault::KillLeader => self.kill_tab(index),
            Fault::StepDown => return self.strike_client(Fault::Suspend, index),
            Fault::ChannelGarbage => self.channel_garbage(index)?,
            Fault::ChannelHole => self.channel_hole(index),
            _ => {
                self.report.faults.count(fault);
                match fault {
                    Fault::HangLeader => self.hang(index, 60_000),
                    Fault::HangTab => self.hang(index, 20_000),
                    Fault::FreezeTab => self.hang(index, 400_000),
                    Fault::TwoLeaders => self.two_leaders(index),
                    Fault::ThrottleLeader => return self.throttle(index, 60_000),
                    Fault::ChannelsFail => return self.shares_no_more(index),
                    Fault::StrangerLeads => {
                        let leader = TabName(std::array::from_fn(|_| self.rng.u8(..)));
                        self.announce(usize::MAX, &Announcement::Leader { leader }.encode());
                    }
                    _ => self.upstream_lost(index),
                }
            }
        }
        Ok(())
    }

    /// Nothing reaches the page for a while, and nobody is told: its channels are read late.
    fn hang(&mut self, index: usize, longest: u64) {
        let until = self.now + self.rng.u64(longest / 20..=longest);
        for session in self.sessions_of(index) {
            self.machines[session].sleep(self.now, until, false);
        }
    }

    /// The page is frozen and loses the lock; when it comes back, it believes for a moment that it leads.
    fn two_leaders(&mut self, index: usize) {
        self.hang(index, 100_000);
        let name = self.tabs.pages[index].name;
        self.enter(1, Happening::Tabs(Step::Released(name)));
        let learns = self.machines[index].asleep_until + self.rng.u64(0..=5_000);
        self.enter_at(learns, Happening::Tabs(Step::Deposed(index, name)));
    }

    fn upstream_lost(&mut self, index: usize) {
        let upstream = self.upstream_of(index);
        match self.rng.u8(..3) {
            0 => self.network.of_client(upstream).into_iter().for_each(|id| self.cut(id)),
            1 => self.network.of_client(upstream).into_iter().for_each(|id| self.swallow(id, true, true)),
            _ => {
                self.unreachable(upstream);
                self.back_within(index, 40_000);
            }
        }
    }

    /// What is said on a link goes nowhere from now on, one way or both.
    fn channel_hole(&mut self, index: usize) {
        // To itself a page needs no channel.
        let leads = self.leads(index);
        let links = &mut self.tabs.pages[index].links;
        let Some(link) = links.last_mut().filter(|_| !leads) else { return };
        self.report.faults.count(Fault::ChannelHole);
        let (up, down) = [(true, true), (true, false), (false, true)][self.rng.usize(..3)];
        if down {
            link.down.flow = Flow::Swallow;
        }
        let number = link.number;
        let ways = self.clients.iter_mut().filter_map(|client| client.leading.as_mut());
        for way in ways.flat_map(|leading| &mut leading.ways).filter(|way| up && way.number == number) {
            way.up.flow = Flow::Swallow;
        }
    }

    /// Somebody writes to a channel what no tab says.
    fn channel_garbage(&mut self, index: usize) -> Result<(), String> {
        let junk: Bytes = garbage(&mut self.rng).into();
        let Some(number) = self.tabs.pages[index].links.last().map(|link| link.number) else { return Ok(()) };
        self.report.faults.count(Fault::ChannelGarbage);
        match self.rng.u8(..5) {
            0 => self.announce(usize::MAX, &junk),
            1 => self.say(number, junk)?,
            2 => self.say(number, FromTab::Frames(junk).encode())?,
            3 => self.say_to_tab(index, number, junk)?,
            _ => self.say_to_tab(index, number, ToTab::Frames(junk).encode())?,
        }
        Ok(())
    }
}
