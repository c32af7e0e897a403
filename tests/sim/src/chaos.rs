//! What goes wrong.

use everwire_core::Session;

use crate::{
    carrier::garbage,
    fault::Fault,
    network::{ConnectionId, Proxy},
    pipe::Flow,
    store::Trouble,
    world::{Happening, World, topics},
};

impl World {
    /// Something breaks.
    pub(crate) fn fault(&mut self) -> Result<(), String> {
        if self.healed {
            return Ok(());
        }
        let next = self.rng.u64(0..=self.schedule.fault_every * 2);
        self.enter(next, Happening::Fault);
        if self.has_tabs() && self.rng.u8(..3) == 0 {
            let fault = Fault::draw_of_tabs(&mut self.rng);
            self.trace(|| format!("{fault:?}"));
            return self.strike_tabs(fault);
        }
        let fault = Fault::draw(&mut self.rng);
        let index = self.rng.usize(..self.schedule.clients);
        self.trace(|| format!("{fault:?}, client {index}"));
        match fault {
            Fault::Cut => self.strike(fault, Self::cut),
            Fault::CutAll => {
                self.report.faults.count(fault);
                // Whole subnets go at once.
                self.network.all().into_iter().for_each(|id| self.cut(id));
            }
            Fault::HoleUp => self.strike(fault, |world, id| world.swallow(id, true, false)),
            Fault::HoleDown => self.strike(fault, |world, id| world.swallow(id, false, true)),
            Fault::HoleBoth => self.strike(fault, |world, id| world.swallow(id, true, true)),
            Fault::Stall => self.strike(fault, |world, id| world.stall(id, 60_000)),
            Fault::LongStall => self.strike(fault, |world, id| world.stall(id, 400_000)),
            Fault::GarbageDown => {
                if let Some(id) = self.network.any(&mut self.rng) {
                    self.send_garbage(id);
                }
            }
            Fault::GarbageUp => {
                let bytes = garbage(&mut self.rng);
                if let Some(server) = &mut self.server {
                    self.report.faults.count(fault);
                    server.take_garbage(self.now, bytes)?;
                }
            }
            Fault::RestartEmpty | Fault::RestartWhole | Fault::Drain => self.strike_server(fault),
            Fault::FailOver | Fault::FailOverUntold => self.fail_over(fault),
            Fault::StoreDown | Fault::StoreReadOnly | Fault::StoreFlaky => self.trouble_store(fault),
            Fault::Flood => {
                self.report.faults.count(fault);
                let topic = &topics()[self.rng.usize(..self.schedule.topics)];
                let count = self.rng.u32(100..=1_500);
                self.publish_from_outside(topic, count)?;
            }
            Fault::TokensRevoked if self.schedule.token_life.is_some() => {
                self.report.faults.count(fault);
                self.tokens.revoke_all();
            }
            Fault::SlowLink | Fault::RateLimited | Fault::TokensRevoked | Fault::TokenFailed => {}
            _ => return self.strike_client(fault, index),
        }
        Ok(())
    }

    /// Something happens to a client, its machine, or its network.
    pub(crate) fn strike_client(&mut self, fault: Fault, index: usize) -> Result<(), String> {
        if self.machines[index].sleeps(self.now) || self.clients[index].dead {
            return Ok(());
        }
        if fault == Fault::KillTab {
            self.kill_tab(index);
            return Ok(());
        }
        self.report.faults.count(fault);
        match fault {
            Fault::Unreachable => {
                self.sessions_of(index).into_iter().for_each(|session| self.unreachable(session));
                self.back_within(index, 40_000);
            }
            Fault::Offline => {
                self.tell(index, Session::handle_offline)?;
                self.back_within(index, 30_000);
            }
            Fault::Suspend => {
                self.tell(index, Session::handle_suspend)?;
                self.put_aside(index)?;
                self.back_within(index, 30_000);
            }
            Fault::Sleep | Fault::SleepDead | Fault::SleepClock | Fault::SleepUntold => {
                self.sleep(fault, index);
            }
            Fault::ThrottleSecond => return self.throttle(index, 1_000),
            Fault::ThrottleMinute => return self.throttle(index, 60_000),
            Fault::Wakeup => return self.wake_up(index),
            _ => {
                let proxy = match fault {
                    Fault::BlockSocket => Proxy::BlocksSockets,
                    Fault::MuteSocket => Proxy::MutesSockets,
                    _ => Proxy::BuffersStreams,
                };
                let delay = self.rng.u64(1_000..=120_000);
                self.enter(delay, Happening::ProxyGone(index));
                for session in self.sessions_of(index) {
                    self.network.proxies[session] = proxy;
                    // It is a new way to the server: the old connections don't go with it.
                    self.network.of_client(session).into_iter().for_each(|id| self.cut(id));
                }
            }
        }
        Ok(())
    }

    fn strike(&mut self, fault: Fault, strike: impl FnOnce(&mut Self, ConnectionId)) {
        if let Some(id) = self.network.any(&mut self.rng) {
            self.report.faults.count(fault);
            self.trace(|| format!("{fault:?} strikes connection {id}"));
            strike(self, id);
        }
    }

    /// The connection ends, and either side notices soon, or not at all.
    pub(crate) fn cut(&mut self, id: ConnectionId) {
        if let Some(wire) = self.network.wire(id) {
            wire.cut = true;
        }
        if self.rng.u8(..10) < 7 {
            self.client_will_notice(id);
        }
        if self.rng.u8(..10) < 7 {
            let delay = self.rng.u64(0..=500);
            self.enter(delay, Happening::ServerLoses(id));
        }
    }

    /// Bytes stop, one way or both, and nobody is told.
    pub(crate) fn swallow(&mut self, id: ConnectionId, up: bool, down: bool) {
        if let Some(wire) = self.network.wire(id) {
            wire.up.flow = if up { Flow::Swallow } else { wire.up.flow };
            wire.down.flow = if down { Flow::Swallow } else { wire.down.flow };
        }
    }

    /// Nothing comes through for a while, on one way or both; then all of it.
    fn stall(&mut self, id: ConnectionId, longest: u64) {
        let until = self.now + self.rng.u64(longest / 10..=longest);
        let (up, down) = [(true, true), (true, false), (false, true)][self.rng.usize(..3)];
        if let Some(wire) = self.network.wire(id) {
            if up {
                wire.up.stall(until);
            }
            if down {
                wire.down.stall(until);
            }
        }
    }

    fn strike_server(&mut self, fault: Fault) {
        if self.server.as_ref().is_some_and(|server| !server.drains) {
            self.report.faults.count(fault);
            match fault {
                Fault::Drain => self.drain_server(),
                _ => self.end_server(fault),
            }
        }
    }

    fn fail_over(&mut self, fault: Fault) {
        self.report.faults.count(fault);
        if self.rng.u8(..4) == 0 {
            // The server goes with it.
            self.end_server(Fault::FailOver);
        } else {
            self.lose_tail();
        }
        if fault == Fault::FailOver {
            self.logs.wake_all();
        }
    }

    fn trouble_store(&mut self, fault: Fault) {
        self.report.faults.count(fault);
        self.logs.trouble(match fault {
            Fault::StoreDown => Trouble::Down,
            Fault::StoreReadOnly => Trouble::ReadOnly,
            _ => Trouble::Flaky(self.rng.fork()),
        });
        let delay = self.rng.u64(100..=20_000);
        self.enter(delay, Happening::StoreBack);
    }
}
