//! What happens to a page and its machine, and to every session in it: its network goes and comes back, it sleeps, its
//! timers are throttled, and it is told what a browser tells.

use everwire_core::{Session, Time, Transport};

use crate::{
    fault::Fault,
    network::Proxy,
    tabs::with_tab,
    world::{Happening, World},
};

impl World {
    /// Tells every session of a page.
    pub(crate) fn tell(&mut self, index: usize, what: impl Fn(&mut Session, Time)) -> Result<(), String> {
        for session in self.sessions_of(index) {
            let now = self.time(session);
            if !self.clients[session].dead {
                what(&mut self.clients[session].session, now);
                self.act(session)?;
            }
        }
        Ok(())
    }

    /// The network of a session swallows everything, and says nothing.
    pub(crate) fn unreachable(&mut self, session: usize) {
        self.network.unreachable[session] = true;
        self.network.of_client(session).into_iter().for_each(|id| self.swallow(id, true, true));
    }

    pub(crate) fn back_within(&mut self, index: usize, longest: u64) {
        let delay = self.rng.u64(100..=longest);
        self.enter(delay, Happening::ClientBack(index));
    }

    pub(crate) fn sleep(&mut self, fault: Fault, index: usize) {
        let until = self.now + self.rng.u64(1_000..=400_000);
        for session in self.sessions_of(index) {
            self.machines[session].sleep(self.now, until, fault == Fault::SleepClock);
            if fault == Fault::SleepDead {
                for id in self.network.of_client(session) {
                    match self.rng.bool() {
                        true => self.cut(id),
                        false => self.swallow(id, true, true),
                    }
                }
            }
        }
        let wakes = match fault {
            Fault::SleepUntold => Happening::Awake(index),
            _ => Happening::ClientBack(index),
        };
        self.enter_at(until, wakes);
    }

    /// The page goes to the background.
    pub(crate) fn throttle(&mut self, index: usize, granularity: u64) -> Result<(), String> {
        for session in self.sessions_of(index) {
            self.machines[session].throttle(self.now, granularity);
        }
        let delay = self.rng.u64(1_000..=200_000);
        self.enter(delay, Happening::Unthrottled(index));
        Ok(())
    }

    /// The page is in the foreground again, and is told.
    pub(crate) fn unthrottled(&mut self, index: usize) -> Result<(), String> {
        for session in self.sessions_of(index) {
            self.machines[session].throttle(self.now, 1);
        }
        self.client_back(index)
    }

    /// Whatever kept the page from the network is over, and it is told as a browser would tell it.
    pub(crate) fn client_back(&mut self, index: usize) -> Result<(), String> {
        if self.machines[index].sleeps(self.now) {
            self.enter_at(self.machines[index].asleep_until, Happening::ClientBack(index));
            return Ok(());
        }
        self.reachable(index);
        if self.clients[index].dead {
            return Ok(());
        }
        self.tell(index, Session::handle_online)?;
        self.wake_leader(index)?;
        self.wake_up(index)
    }

    pub(crate) fn reachable(&mut self, index: usize) {
        for session in self.sessions_of(index) {
            self.network.unreachable[session] = false;
        }
    }

    pub(crate) fn proxy_gone(&mut self, index: usize) {
        for session in self.sessions_of(index) {
            self.network.proxies[session] = Proxy::None;
        }
    }

    /// The page is told that it is awake.
    pub(crate) fn wake_up(&mut self, index: usize) -> Result<(), String> {
        self.begin_to_share(index);
        self.tell(index, Session::handle_wakeup)?;
        self.wake_leader(index)
    }

    /// The app chooses other transports.
    pub(crate) fn choose(&mut self, index: usize, choice: Vec<Transport>) -> Result<(), String> {
        let now = self.time(index);
        let session = &mut self.clients[index].session;
        if !self.schedule.has_tabs {
            session.set_transports(now, choice);
            return Ok(());
        }
        session.set_transports(now, with_tab(choice.clone()));
        self.tabs.pages[index].config.transports.clone_from(&choice);
        if self.leads(index) {
            let upstream = self.upstream_of(index);
            self.clients[upstream].session.set_transports(now, choice);
            self.act(upstream)?;
        }
        Ok(())
    }
}
