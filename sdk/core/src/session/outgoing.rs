//! Publishes that the app hands in: new ones, those of an earlier page, and those of another client.

use everwire_protocol::{Code, Kind, PublishId, limits};

use crate::{Event, Outcome, Output, Publish, PublishError, Session, StoredPublish, Time};

impl Session {
    /// Publishes, now or once there is a link. What becomes of it comes as
    /// [`Event::Published`], once. In a session without a topic, whose WebSocket keeps failing, publishes and
    /// questions go by requests of their own, without a link, where the transports allow requests.
    ///
    /// Publishes take effect in the order of these calls. One that the server refuses for now (its rate
    /// limit) holds up those not sent yet, and the server refuses with it those that are on their way behind it.
    /// An ephemeral one expires at once when there is no link.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has been sent then, and no id was used up.
    pub fn publish(&mut self, now: Time, publish: Publish) -> Result<PublishId, PublishError> {
        let id = self.publisher.next_id()?;
        self.take_publish(now, id.clone(), publish, self.config.outbox.persist)?;
        self.publisher.advance();
        Ok(id)
    }

    /// Publishes for another client of this app (another tab), which gave the publish its id and keeps it
    /// until the outcome. One that waits here already is taken once.
    ///
    /// # Errors
    /// [`PublishError`], as with [`publish`](Self::publish).
    pub fn forward(&mut self, now: Time, id: PublishId, publish: Publish) -> Result<(), PublishError> {
        if self.outbox.contains(&id) {
            self.now = now;
            return Ok(());
        }
        self.take_publish(now, id, publish, false)
    }

    /// Takes back what an earlier page had not sent, or had no ack for: it goes first, in this order, under the
    /// ids that it had, so that what has taken effect already does not do so again.
    pub fn restore(&mut self, now: Time, stored: Vec<StoredPublish>) {
        self.now = now;
        if self.is_closed() {
            return;
        }
        let (good, bad): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|stored| self.check(&stored.publish).is_ok());
        for StoredPublish { id, .. } in bad {
            // Whatever else was in the store: it could not be sent by anybody.
            let (code, message) = (Code::BAD_REQUEST, "a stored publish that can't be sent".into());
            self.outputs.push_back(Output::Forget(id.clone()));
            self.event(Event::Published { id, outcome: Outcome::Rejected { code, message } });
        }
        self.outbox.restore(&self.config.outbox, now, good);
        // What is over is told so before anything is sent.
        self.expire_publishes(now);
    }

    fn take_publish(
        &mut self,
        now: Time,
        id: PublishId,
        publish: Publish,
        persist: bool,
    ) -> Result<(), PublishError> {
        self.now = now;
        if self.is_closed() {
            return Err(PublishError::Closed);
        }
        self.check(&publish)?;
        if publish.ephemeral && self.live.is_none() {
            self.stats.published += 1;
            self.stats.expired += 1;
            self.event(Event::Published { id, outcome: Outcome::Expired });
            return Ok(());
        }
        let saved = (persist && !publish.ephemeral).then(|| {
            let expires_in = self.config.outbox.max_age;
            StoredPublish { id: id.clone(), publish: publish.clone(), expires_in }
        });
        let dropped = self.outbox.push(&self.config.outbox, now, id, publish, saved.is_some())?;
        self.stats.published += 1;
        if let Some(saved) = saved {
            self.outputs.push_back(Output::Save(saved));
        }
        self.expired(dropped);
        self.set_outbox_age();
        Ok(())
    }

    fn check(&self, Publish { payload, key, .. }: &Publish) -> Result<(), PublishError> {
        if payload.data.len() > self.limits.payload.min(limits::FRAME_BYTES as u32 / 2) as usize
            || key.as_ref().is_some_and(|key| key.len() > limits::KEY_BYTES)
        {
            return Err(PublishError::TooLarge);
        }
        if payload.kind != Kind::Bytes && std::str::from_utf8(&payload.data).is_err() {
            return Err(PublishError::NotUtf8);
        }
        Ok(())
    }
}
