//! Publishes until their outcome: order, limits, age. It knows no link; others send what it hands out.

use std::{collections::VecDeque, sync::Arc};

use everwire_protocol::{ClientFrame, Payload, PublishId, Topic};

use crate::{
    BackoffConfig, OutboxConfig, Overflow, Publish, PublishError, RequestId, Time, backoff::Backoff,
};

/// A publish that waits for its outcome.
#[derive(Debug)]
struct Entry {
    id: PublishId,
    topic: Topic,
    payload: Payload,
    key: Option<Arc<str>>,
    ephemeral: bool,
    expires: Time,
    /// It went out on the present link.
    sent: bool,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.payload.data.len() + self.key.as_ref().map_or(0, |key| key.len())
    }

    fn frame(&self) -> ClientFrame {
        ClientFrame::Publish {
            topic: self.topic.clone(),
            id: self.id.clone(),
            payload: self.payload.clone(),
            key: self.key.clone(),
            ephemeral: self.ephemeral,
        }
    }
}

/// A publish request over HTTP that has no answer yet.
#[derive(Debug)]
struct Post {
    request: RequestId,
    ids: Vec<PublishId>,
}

/// The publishes, oldest first.
#[derive(Debug)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Nothing is sent before this.
    hold_until: Option<Time>,
    post: Option<Post>,
    /// How often sending failed in a row.
    pub backoff: Backoff,
}

impl Outbox {
    pub fn new(backoff: BackoffConfig) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            hold_until: None,
            post: None,
            backoff: Backoff::new(backoff),
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a publish. Returns the ids that had to go for it.
    pub fn push(
        &mut self,
        config: &OutboxConfig,
        now: Time,
        id: PublishId,
        publish: Publish,
    ) -> Result<Vec<PublishId>, PublishError> {
        let Publish { topic, payload, key, ephemeral } = publish;
        let expires = now + config.max_age;
        let entry = Entry { id, topic, payload, key, ephemeral, expires, sent: false };
        let size = entry.bytes();
        let fits = |outbox: &Self| outbox.len() < config.messages && outbox.bytes + size <= config.bytes;
        let mut dropped = Vec::new();
        if config.messages == 0 || size > config.bytes {
            return Err(PublishError::OutboxFull);
        }
        while !fits(self) {
            match (config.overflow, self.entries.front()) {
                (Overflow::DropOldest, Some(_)) => dropped.extend(self.remove(0)),
                _ => return Err(PublishError::OutboxFull),
            }
        }
        self.bytes += size;
        self.entries.push_back(entry);
        Ok(dropped)
    }

    /// Takes a publish out, for its outcome. `None` when it has had one.
    pub fn settle(&mut self, id: &PublishId) -> Option<PublishId> {
        let index = self.entries.iter().position(|entry| entry.id == *id)?;
        self.remove(index)
    }

    /// Whether a publish is ephemeral; `None` when it has had its outcome.
    pub fn is_ephemeral(&self, id: &PublishId) -> Option<bool> {
        self.entries.iter().find(|entry| entry.id == *id).map(|entry| entry.ephemeral)
    }

    /// A publish was refused for now, and is to be sent again.
    pub fn unsend(&mut self, id: &PublishId) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == *id) {
            entry.sent = false;
        }
    }

    /// The link is gone: what had been sent on it is to be sent again, in its order. Takes out the ephemeral
    /// ones.
    pub fn link_lost(&mut self) -> Vec<PublishId> {
        self.entries.iter_mut().for_each(|entry| entry.sent = false);
        self.remove_where(|entry| entry.ephemeral)
    }

    /// Takes out those whose time is over.
    pub fn expire(&mut self, now: Time) -> Vec<PublishId> {
        self.remove_where(|entry| entry.expires <= now)
    }

    /// Takes out all.
    pub fn clear(&mut self) -> Vec<PublishId> {
        self.post = None;
        self.remove_where(|_| true)
    }

    /// When the oldest expires.
    pub fn next_expiry(&self) -> Option<Time> {
        // All may wait equally long, so the oldest is the first.
        self.entries.front().map(|entry| entry.expires)
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
        let mut sum = 0;
        let batch = self.entries.iter().take_while(|entry| {
            let first = sum == 0;
            // Each costs something beside its payload.
            sum += entry.bytes() + 128;
            first || sum <= bytes
        });
        let (ids, frames) = batch.map(|entry| (entry.id.clone(), entry.frame())).unzip();
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

    fn remove(&mut self, index: usize) -> Option<PublishId> {
        let entry = self.entries.remove(index)?;
        self.bytes -= entry.bytes();
        Some(entry.id)
    }

    fn remove_where(&mut self, gone: impl Fn(&Entry) -> bool) -> Vec<PublishId> {
        let mut ids = Vec::new();
        let mut bytes = 0;
        self.entries.retain(|entry| {
            let keep = !gone(entry);
            if !keep {
                ids.push(entry.id.clone());
                bytes += entry.bytes();
            }
            keep
        });
        self.bytes -= bytes;
        ids
    }
}

#[cfg(test)]
#[path = "outbox/tests.rs"]
mod tests;
