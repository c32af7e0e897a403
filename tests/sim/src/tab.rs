//! The life of a tab: it is killed without a word, and another page of the same app takes its place; and it asks the
//! provider of its tokens.

use everwire_core::SubscribeOptions;
use everwire_protocol::{From, Topic};

use crate::{
    fault::Fault,
    world::{Happening, World},
};

impl World {
    /// A tab is killed.
    pub(crate) fn kill_tab(&mut self, index: usize) {
        if !self.clients[index].lives() {
            return;
        }
        let leads = self.leads(index);
        self.report.faults.count(if leads { Fault::KillLeader } else { Fault::KillTab });
        for session in self.sessions_of(index) {
            self.cut_off(session);
        }
        if leads {
            self.end_reign(self.upstream_of(index));
        }
        self.end_to_share(index, 500);
        self.report.add_stats(&self.clients[index].session.stats());
        self.clients[index].die();
        self.machines[index].set(self.now, None, 0);
        let delay = if self.rng.bool() { 0 } else { self.rng.u64(0..=20_000) };
        self.enter(delay, Happening::Reload(index));
    }

    /// What a session had sent arrives; whether the server hears of its end is another matter.
    fn cut_off(&mut self, session: usize) {
        let ids: Vec<_> = self.clients[session].connections.keys().copied().collect();
        for id in ids {
            let Some(wire) = self.network.wire(id) else { continue };
            wire.client_knows = true;
            let heard = wire.up.last_arrival().max(self.now);
            if self.rng.u8(..10) < 8 {
                let at = heard + self.rng.u64(0..=500);
                self.enter_at(at, Happening::ServerLoses(id));
            }
        }
    }

    /// Another tab takes the place of the one that was killed. Its app kept some of its positions.
    pub(crate) fn reload(&mut self, index: usize) -> Result<(), String> {
        if self.machines[index].sleeps(self.now) {
            self.enter_at(self.machines[index].asleep_until, Happening::Reload(index));
            return Ok(());
        }
        if self.rng.u8(..4) == 0 {
            // The app of this one keeps no positions.
            let begin_anew = |(_, options): &mut (Topic, SubscribeOptions)| options.from = From::Earliest;
            self.clients[index].positions.iter_mut().for_each(begin_anew);
        }
        let (now, time, seed) = (self.now, self.time(index), self.rng.u64(..));
        self.report.restored += self.clients[index].kept.len() as u64;
        let (schedule, truth) = (&self.schedule, &self.books.truth);
        self.clients[index].reload(now, time, schedule, seed, truth)?;
        if self.has_tabs() {
            self.new_page(index);
        }
        self.act(index)
    }

    /// The provider of tokens is asked.
    pub(crate) fn fetch_token(&mut self, index: usize) -> Result<(), String> {
        if self.schedule.token_life.is_none() {
            return Err("a token was asked for, and there is no provider".into());
        }
        self.report.tokens += 1;
        let luck = if self.healed { u8::MAX } else { self.rng.u8(..) };
        if luck < 20 {
            self.report.faults.count(Fault::TokenFailed);
        }
        if luck >= 10 {
            let delay = self.rng.u64(0..=1_500);
            let life = self.clients[index].life;
            self.enter(delay, Happening::Token(index, life, luck < 20));
        }
        Ok(())
    }

    /// The provider answers.
    pub(crate) fn token(&mut self, index: usize, life: u32, fails: bool) -> Result<(), String> {
        if self.clients[index].dead || self.clients[index].life != life {
            return Ok(());
        }
        if self.machines[index].sleeps(self.now) {
            self.enter_at(self.machines[index].asleep_until, Happening::Token(index, life, fails));
            return Ok(());
        }
        let longest = self.schedule.token_life.unwrap_or_default();
        let end = self.now + self.rng.u64(longest / 2..=longest);
        let token = if fails { Err(()) } else { Ok(Some(self.tokens.make(end))) };
        let now = self.time(index);
        self.clients[index].session.handle_token(now, token);
        self.act(index)
    }
}
