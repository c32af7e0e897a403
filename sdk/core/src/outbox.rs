//! Publishes until their outcome: order, limits, age. It knows no link; others send what it hands out.

use everwire_protocol::{ClientFrame, PublishId};

use crate::{
    OutboxConfig, Overflow, Publish, PublishError, RequestId, StoredPublish, Time, backoff::Backoff,
};

/// A publish that waits for its outcome.
#[derive(Debug)]
struct Entry {
    id: PublishId,
    publish: Publish,
    expires: Time,
    /// It is kept over a reload until its outcome.
    saved: bool,
    /// It went out on the present link.
    sent: bool,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.publish.payload.data.len() + self.publish.key.as_ref().map_or(0, |key| key.len())
    }

    fn frame(&self) -> ClientFrame {
        let Publish { topic, payload, key, ephemeral } = self.publish.clone();
        ClientFrame::Publish { topic, id: self.id.clone(), payload, key, ephemeral }
    }
}

/// A publish that was taken out, for its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub id: PublishId,
    /// It was kept over a reload until now.
    pub saved: bool,
}

/// A publish request over HTTP that has no answer yet.
#[derive(Debug)]
struct Post {
    request: RequestId,
    ids: Vec<PublishId>,
}

/// The publishes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Not many: what is at the front goes, and the others move up.
    entries: Vec<Entry>,
    bytes: usize,
    /// Nothing is sent before this.
    hold_until: Option<Time>,
    post: Option<Post>,
    /// How often sending failed in a row.
    pub backoff: Backoff,
}

impl Outbox {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn contains(&self, id: &PublishId) -> bool {
        self.entries.iter().any(|entry| entry.id == *id)
    }

    /// Takes a publish. Returns those that had to go for it.
    pub fn push(
        &mut self,
        config: &OutboxConfig,
        now: Time,
        id: PublishId,
        publish: Publish,
        saved: bool,
    ) -> Result<Vec<Gone>, PublishError> {
        let entry = Entry { id, publish, expires: now + config.max_age, saved, sent: false };
        let size = entry.bytes();
        let fits = |outbox: &Self| outbox.len() < config.messages && outbox.bytes + size <= config.bytes;
        let mut dropped = Vec::new();
        if config.messages == 0 || size > config.bytes {
            return Err(PublishError::OutboxFull);
        }
        while !fits(self) {
            match (config.overflow, self.entries.first()) {
                (Overflow::DropOldest, Some(_)) => dropped.push(self.remove(0)),
                _ => return Err(PublishError::OutboxFull),
            }
        }
        self.bytes += size;
        self.entries.push(entry);
        Ok(dropped)
    }

    /// Takes back what an earlier page could not send: before all else, in this order. It was within the limits
    /// when it was saved, and is taken whatever waits by now.
    pub fn restore(&mut self, config: &OutboxConfig, now: Time, stored: Vec<StoredPublish>) {
        let mut place = 0;
        for StoredPublish { id, publish, expires_in } in stored {
            if !self.contains(&id) {
                let expires = now + expires_in.min(config.max_age);
                let entry = Entry { id, publish, expires, saved: config.persist, sent: false };
                self.bytes += entry.bytes();
                self.entries.insert(place, entry);
                place += 1;
            }
        }
    }

    /// Takes a publish out, for its outcome. `None` when it has had one.
    pub fn settle(&mut self, id: &PublishId) -> Option<Gone> {
        let index = self.entries.iter().position(|entry| entry.id == *id)?;
        Some(self.remove(index))
    }

    /// Whether a publish is ephemeral; `None` when it has had its outcome.
    pub fn is_ephemeral(&self, id: &PublishId) -> Option<bool> {
        self.entries.iter().find(|entry| entry.id == *id).map(|entry| entry.publish.ephemeral)
    }

    /// A publish was refused for now, and is to be sent again.
    pub fn unsend(&mut self, id: &PublishId) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == *id) {
            entry.sent = false;
        }
    }

    /// The link is gone: what had been sent on it is to be sent again, in its order. Takes out the ephemeral
    /// ones.
    pub fn link_lost(&mut self) -> Vec<Gone> {
        self.entries.iter_mut().for_each(|entry| entry.sent = false);
        self.remove_where(&|entry| entry.publish.ephemeral)
    }

    /// Takes out those whose time is over.
    pub fn expire(&mut self, now: Time) -> Vec<Gone> {
        self.remove_where(&|entry| entry.expires <= now)
    }

    /// Takes out all. What is saved stays so, for the next page to send.
    pub fn clear(&mut self) -> Vec<Gone> {
        self.post = None;
        self.entries.iter_mut().for_each(|entry| entry.saved = false);
        self.remove_where(&|_| true)
    }

    /// When the next one expires. What was restored has its own time.
    pub fn next_expiry(&self) -> Option<Time> {
        self.entries.iter().map(|entry| entry.expires).min()
    }

    /// Sends nothing before a moment; `None` lifts that.
    pub fn hold(&mut self, until: Option<Time>) {
        self.hold_until = until;
    }

    pub fn is_held(&self) -> bool {
        self.hold_until.is_some()
    }

    pub fn held_until(&self) -> Option<Time> {
        self.hold_until
    }

    /// Marks the next one that has not been sent on this link as sent, and gives its frame.
    pub fn next_to_send(&mut self) -> Option<ClientFrame> {
        if self.is_held() {
            return None;
        }
        // What has been sent stands at the front, except where one behind it was refused for now.
        let entry = self.entries.iter_mut().find(|entry| !entry.sent)?;
        entry.sent = true;
        Some(entry.frame())
    }

    /// Begins a publish request: the oldest ones, in their order, until their bytes reach `bytes`. `None`
    /// while another request is under way: order holds because there is only one at a time.
    pub fn begin_post(&mut self, request: RequestId, bytes: usize) -> Option<Vec<ClientFrame>> {
        if self.is_held() || self.post.is_some() || self.entries.is_empty() {
            return None;
        }
        let (mut ids, mut frames, mut sum) = (Vec::new(), Vec::new(), 0);
        for entry in &self.entries {
            // Each costs something beside its payload.
            sum += entry.bytes() + 128;
            if sum > bytes && !ids.is_empty() {
                break;
            }
            ids.push(entry.id.clone());
            frames.push(entry.frame());
        }
        self.post = Some(Post { request, ids });
        Some(frames)
    }

    pub fn is_posting(&self) -> bool {
        self.post.is_some()
    }

    /// Ends the publish request of this number, and gives the ids that it carried.
    pub fn end_post(&mut self, request: RequestId) -> Option<Vec<PublishId>> {
        self.post.take_if(|post| post.request == request).map(|post| post.ids)
    }

    /// Gives up the publish request that is under way.
    pub fn abandon_post(&mut self) {
        self.post = None;
    }

    fn remove(&mut self, index: usize) -> Gone {
        let entry = self.entries.remove(index);
        self.bytes -= entry.bytes();
        Gone { id: entry.id, saved: entry.saved }
    }

    fn remove_where(&mut self, gone: &dyn Fn(&Entry) -> bool) -> Vec<Gone> {
        let (mut all, mut index) = (Vec::new(), 0);
        while let Some(entry) = self.entries.get(index) {
            if gone(entry) {
                all.push(self.remove(index));
            } else {
                index += 1;
            }
        }
        all
    }
}

#[cfg(test)]
#[path = "outbox/tests.rs"]
mod tests;
