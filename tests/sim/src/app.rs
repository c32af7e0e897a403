//! What the apps do meanwhile, and others beside them, and how all heals in the end.

use std::sync::Arc;

use everwire_core::{Reason, SubscribeOptions};
use everwire_protocol::{From, HistoryRange, Payload, Topic};
use everwire_server::hub::Publication;

use crate::{
    network::Proxy,
    schedule::transports,
    store::Trouble,
    world::{Happening, World, topics},
};

impl World {
    /// The app of a client does something.
    pub(crate) fn app(&mut self, index: usize) -> Result<(), String> {
        if self.healed {
            return Ok(());
        }
        let next = self.rng.u64(0..=self.schedule.app_every * 2);
        self.enter(next, Happening::App(index));
        if self.machines[index].sleeps(self.now) || !self.clients[index].lives() {
            return Ok(());
        }
        let topic = &topics()[self.rng.usize(..self.schedule.topics)];
        let now = self.time(index);
        let held = self.clients[index].held.len();
        match self.rng.u16(..1_000) {
            0..=449 if self.schedule.is_crowded() => self.publish_from_outside(topic, 1)?,
            0..=449 => self.clients[index].publish(now, topic.clone(), false)?,
            450..=499 => {
                // A burst, so that some are on their way when one is refused.
                for _ in 0..if self.schedule.is_crowded() { 0 } else { self.rng.u8(2..=20) } {
                    self.clients[index].publish(now, topic.clone(), false)?;
                }
            }
            500..=549 => self.clients[index].publish(now, topic.clone(), true)?,
            550..=749 => {
                let count = if self.rng.u8(..10) == 0 { self.rng.u32(1..=100) } else { 1 };
                self.publish_from_outside(topic, count)?;
            }
            750..=829 => {
                let from =
                    [From::Latest, From::Earliest, From::Last(self.rng.u32(0..=20))][self.rng.usize(..3)];
                let options = SubscribeOptions { from, presence: self.rng.bool() };
                self.clients[index].subscribe(now, topic, options, &self.books.truth)?;
            }
            830..=859 if held > 0 => {
                let held = self.rng.usize(..held);
                self.clients[index].unsubscribe(now, held);
            }
            860..=914 if held > 0 => {
                let (held, paused) = (self.rng.usize(..held), self.rng.u8(..3) == 0);
                self.clients[index].pause(now, held, paused);
            }
            915..=939 => {
                let choice = transports(&mut self.rng, self.schedule.token_life.is_some());
                self.choose(index, choice)?;
            }
            940..=949 => self.clients[index].session.reconnect(now, Reason::Asked),
            950..=974 => {
                let topic = topic.clone();
                self.clients[index].session.history(now, topic, HistoryRange::Before(u64::MAX), 10);
            }
            975..=998 => {
                self.clients[index].session.presence(now, topic.clone());
            }
            999 => {
                self.clients[index].close(now);
                self.act(index)?;
                self.put_aside(index)?;
            }
            _ => {}
        }
        self.act(index)
    }

    /// Others write to the log, once or in a burst.
    pub(crate) fn publish_from_outside(&mut self, topic: &Topic, count: u32) -> Result<(), String> {
        for number in 0..count {
            let Some(server) = &self.server else { return Ok(()) };
            let key: Option<Arc<str>> = self.rng.bool().then(|| format!("key{}", number % 3).into());
            let payload = Payload::text(format!("line one\r\nline {number}"));
            let publication = Publication { topic: topic.clone(), payload, key, id: None, ephemeral: false };
            server.publish(self.now, publication)?;
            server.mirror(&mut self.books)?;
            if number % 200 == 0 {
                // Readers keep up with a part of it.
                self.pump_all()?;
            }
        }
        self.pump_all()
    }

    /// The app takes all that waits, and does so again some time later.
    pub(crate) fn drain(&mut self, index: usize) -> Result<(), String> {
        let next = self.rng.u64(0..=self.schedule.app_lag);
        self.enter(next.max(1), Happening::Drain(index));
        if self.machines[index].sleeps(self.now) || self.clients[index].dead {
            return Ok(());
        }
        let now = self.time(index);
        self.clients[index].drain(now);
        self.act(index)
    }

    /// From now on nothing breaks. What was swallowed stays lost: that is for the clients to find out.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        self.healed = true;
        self.logs.trouble(Trouble::None);
        self.start_server();
        self.network.proxies.fill(Proxy::None);
        for index in 0..self.schedule.clients {
            let back = self.machines[index].asleep_until.max(self.now);
            self.enter_at(back, Happening::Unthrottled(index));
            self.enter_at(back, Happening::Resume(index));
        }
        // Something new in every topic, so that being up to date means this life of the log.
        for topic in topics() {
            self.publish_from_outside(topic, 1)?;
        }
        self.enter(1_000, Happening::Check);
        Ok(())
    }

    /// The app lets all go on that it had paused.
    pub(crate) fn resume_all(&mut self, index: usize) -> Result<(), String> {
        let now = self.time(index);
        for held in 0..self.clients[index].held.len() {
            self.clients[index].pause(now, held, false);
        }
        self.act(index)
    }
}
