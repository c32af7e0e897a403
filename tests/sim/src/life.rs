//! The lives of one client: how its session is made, what dies with a tab and what the next one gets, and how it comes
//! to be the connection that tabs share. It knows no network.

use everwire_core::{Session, StoredPublish, SubscribeOptions, Time};
use everwire_protocol::{ClientId, From};

use crate::{
    client::{Client, Held},
    schedule::Schedule,
    tabs::Leading,
    truth::Truth,
};

impl Client {
    /// From now on it is the connection that tabs share, with an outbox for so many.
    pub fn begin_to_lead(&mut self, session: Session, id: ClientId, most: usize, leading: Leading) {
        (self.session, self.id, self.bounds.1) = (session, id, most);
        (self.closed, self.dead, self.leading) = (false, false, Some(leading));
        self.life += 1;
    }

    /// The tab is no more. What it had kept is there for the next one.
    pub fn die(&mut self) {
        self.dead = true;
        self.connections.clear();
        self.browsers.clear();
        let position = |held: Held| {
            let from = From::Position(self.model.position(held.id.as_u32())?);
            Some((held.topic, SubscribeOptions { from, presence: held.presence }))
        };
        self.positions = std::mem::take(&mut self.held).into_iter().filter_map(position).collect();
        let kept = &self.kept;
        self.model.die(|id| kept.iter().any(|(_, stored)| stored.id == *id));
    }

    /// Another page of the same app takes the place of the one that died, and gets what that had kept: publishes, and
    /// the positions of some of its topics, which the app kept itself.
    ///
    /// # Errors
    /// Its name is refused, or a subscription.
    pub fn reload(
        &mut self,
        now: u64,
        time: Time,
        schedule: &Schedule,
        seed: u64,
        truth: &Truth,
    ) -> Result<(), String> {
        self.life += 1;
        self.dead = false;
        self.session = session(self.index, self.life, schedule, seed)?;
        self.id = client_id(self.index, self.life)?;
        let age = |since: u64| std::time::Duration::from_millis(now - since);
        let stored = std::mem::take(&mut self.kept).into_iter().map(|(since, stored)| StoredPublish {
            expires_in: stored.expires_in.saturating_sub(age(since)),
            ..stored
        });
        let stored: Vec<_> = stored.collect();
        self.kept = stored.iter().map(|stored| (now, stored.clone())).collect();
        self.session.restore(time, stored);
        for (topic, options) in std::mem::take(&mut self.positions) {
            self.subscribe(time, &topic, options, truth)?;
        }
        self.session.connect(time);
        Ok(())
    }
}

/// What a client of this id tells of itself.
pub(crate) fn name_of(id: &ClientId) -> String {
    id.as_str().replace("client", "")
}

pub(crate) fn client_id(index: usize, life: u32) -> Result<ClientId, String> {
    ClientId::new(&format!("client{index}-{life}")).map_err(|e| e.to_string())
}

/// A session of the tab's so manieth life. It is a stranger to the server: nothing but what was kept connects it with
/// the one before.
pub(crate) fn session(index: usize, life: u32, schedule: &Schedule, seed: u64) -> Result<Session, String> {
    let mut config = schedule.config.clone();
    let id = client_id(index, life)?;
    config.info = Some(name_of(&id));
    Ok(Session::new(config, id, seed))
}
