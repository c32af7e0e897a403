//! The way in: what each client frame does.

use std::sync::Arc;

use everwire_protocol::{
    About, ClientFrame, ClientId, Code, From, HistoryRange, Mode, ServerFrame, Token, Topic,
};

use super::{Peer, pull::gap_frame, subscription::Subscription};
use crate::{
    auth::{Action, Denied},
    counters::Standing,
    hub::{Publication, Refusal},
    presence::{MEMBERS_BYTES, Visitor},
    store::Store,
};

impl<S: Store> Peer<S> {
    /// Takes a frame of the client in. What it causes is then there to be pulled.
    pub async fn handle(&mut self, now: u64, frame: ClientFrame) {
        self.check_token(now);
        if self.closing.is_some() {
            return;
        }
        match (self.welcomed, frame) {
            (false, ClientFrame::Connect { client_id, token, info }) => {
                self.connect(now, client_id, token.as_ref(), info);
            }
            (false, _) => self.refuse(Code::BAD_REQUEST, "the first frame must be connect"),
            (true, ClientFrame::Connect { .. }) => self.refuse(Code::BAD_REQUEST, "connected already"),
            (true, ClientFrame::Subscribe { topic, from, mode }) => {
                if let Err(refusal) = self.subscribe(now, &topic, from, mode).await {
                    self.error(About::Topic(topic), refusal);
                }
            }
            (true, ClientFrame::Unsubscribe { topic }) => self.unsubscribe(&topic),
            (true, ClientFrame::Pause { topic }) => self.pause(topic, true),
            (true, ClientFrame::Resume { topic }) => self.pause(topic, false),
            (true, ClientFrame::Publish { topic, id, payload, key, ephemeral }) => {
                let publication = Publication { topic, payload, key, id: Some(id.clone()), ephemeral };
                match self.hub.publish_in(&mut self.order, now, &self.subject, publication).await {
                    Ok(position) => self.push(ServerFrame::Ack { id, position }),
                    Err(refusal) => self.error(About::Publish(id), refusal),
                }
                if self.order.is_full() {
                    // A new connection begins anew, and in order.
                    self.close(Code::RATE_LIMITED, "too many publishes wait to be sent again");
                }
            }
            (true, ClientFrame::Presence { request, topic }) => {
                if let Err(refusal) = self.presence(request, &topic).await {
                    self.error(About::Request(request), refusal);
                }
            }
            (true, ClientFrame::History { request, topic, range, limit }) => {
                if let Err(refusal) = self.history(now, request, &topic, range, limit).await {
                    self.error(About::Request(request), refusal);
                }
            }
            (true, ClientFrame::Refresh { token }) => self.refresh(now, &token),
            (true, ClientFrame::Ping { nonce }) => self.push(ServerFrame::Pong { nonce }),
        }
    }

    fn connect(&mut self, now: u64, client_id: ClientId, token: Option<&Token>, info: Option<String>) {
        match self.hub.authorizer.authenticate(now, token.map(Token::as_str)) {
            Ok(subject) => {
                match self.hub.guards.place_of(&subject) {
                    Ok(place) => self.place = place,
                    Err(refusal) => return self.refuse_for(refusal),
                }
                let info = info.map(Arc::from);
                self.visitor = Some(Visitor { client_id, subject: subject.name.clone(), info });
                self.subject = subject.at(self.subject.address);
                self.welcome(now);
            }
            Err(Denied { code, message }) => self.refuse(code, message),
        }
    }

    async fn subscribe(&mut self, now: u64, topic: &Topic, from: From, mode: Mode) -> Result<(), Refusal> {
        let alias = self.subscriptions.asked;
        self.subscriptions.asked += 1;
        self.hub.check(&self.subject, Action::Subscribe, topic)?;
        if self.subscriptions.contains(topic) {
            // The error would end the subscription that stands, for the client too: so it does here.
            self.unsubscribe(topic);
            return Err(Refusal::new(Code::ALREADY_SUBSCRIBED, format!("{topic} was subscribed to already")));
        }
        let max = self.hub.rules.limits.topics;
        if self.subscriptions.len() >= max as usize {
            return Err(Refusal::new(Code::TOO_MANY_TOPICS, format!("one connection may read {max} topics")));
        }
        let visitor = if mode.presence { Some(self.presence_visitor(topic)?.clone()) } else { None };
        let slot = self.subscriptions.free_slot();
        let watch = self.hub.store.watch(now, topic, &self.wakeup, slot)?;
        let (_, ephemeral) = self.hub.store.read_ephemeral(topic, u64::MAX);
        let start = self.hub.store.resolve(now, topic, from).await?;
        if visitor.is_some() {
            self.hub.store.list_members(topic).await?;
        }

        self.missed_members |=
            visitor.as_ref().is_some_and(|visitor| self.hub.presence.missed(topic, visitor));
        let come = visitor.as_ref().map(|visitor| self.hub.presence.join(topic, visitor)).transpose()?;
        if come == Some(true) {
            self.hub.store.wake(topic);
        }
        let (position, recovered) = (start.position, start.recovered);
        self.push(ServerFrame::Subscribed { topic: topic.clone(), alias, position, recovered });
        if let Some(gap) = start.gap {
            self.hub.counters.count_gap(gap.reason);
            self.push(gap_frame(alias, gap));
        }
        let mut seen = None;
        if come.is_some() {
            let (members, newest) = self.hub.presence.members(topic, self.members.share());
            self.members.take(&members);
            seen = Some(newest);
            self.push(ServerFrame::Members { alias, members });
        }
        let subscription = Subscription {
            topic: topic.clone(),
            alias,
            cursor: position,
            ephemeral,
            presence: seen,
            paused: false,
            live: false,
            _standing: Standing::count(&self.hub.counters),
            _watch: watch,
        };
        self.subscriptions.insert(slot, subscription);
        Ok(())
    }

    fn presence_visitor(&self, topic: &Topic) -> Result<&Visitor, Refusal> {
        self.hub.check(&self.subject, Action::Presence, topic)?;
        self.visitor.as_ref().ok_or_else(|| Refusal::new(Code::BAD_REQUEST, "presence needs a client id"))
    }

    pub(super) fn unsubscribe(&mut self, topic: &Topic) {
        // It goes only when all that came with it has been handled: a client that asks for a topic anew says both at
        // once, and that is no coming and going.
        let subscription = self.subscriptions.remove(topic);
        self.departing.extend(subscription.filter(|subscription| subscription.presence.is_some()));
    }

    pub(super) fn depart_all(&mut self, now: u64) {
        for subscription in std::mem::take(&mut self.departing) {
            self.depart(now, &subscription, true);
        }
    }

    /// The peer is no longer on a topic: others may have to be told.
    pub(super) fn depart(&self, now: u64, subscription: &Subscription, clean: bool) {
        let (Some(seen), Some(visitor)) = (subscription.presence, &self.visitor) else { return };
        let presence = &self.hub.presence;
        presence.told(&subscription.topic, visitor, seen);
        if presence.leave(now, &subscription.topic, visitor, clean) {
            self.hub.store.wake(&subscription.topic);
        }
    }

    fn pause(&mut self, topic: Topic, paused: bool) {
        let Some((slot, subscription)) = self.subscriptions.get_mut(&topic) else {
            return self.not_subscribed(topic);
        };
        subscription.paused = paused;
        if !paused {
            // What was ephemeral meanwhile is over.
            (_, subscription.ephemeral) = self.hub.store.read_ephemeral(&topic, u64::MAX);
            self.subscriptions.make_ready(slot);
        }
    }

    fn not_subscribed(&mut self, topic: Topic) {
        let refusal = Refusal::new(Code::NOT_SUBSCRIBED, format!("{topic} is not subscribed to"));
        self.error(About::Topic(topic), refusal);
    }

    async fn presence(&mut self, request: u32, topic: &Topic) -> Result<(), Refusal> {
        self.hub.check(&self.subject, Action::Presence, topic)?;
        self.hub.store.list_members(topic).await?;
        let (members, _) = self.hub.presence.members(topic, MEMBERS_BYTES);
        self.push(ServerFrame::Presence { request, members });
        Ok(())
    }

    async fn history(
        &mut self,
        now: u64,
        request: u32,
        topic: &Topic,
        range: HistoryRange,
        limit: u32,
    ) -> Result<(), Refusal> {
        self.hub.check(&self.subject, Action::History, topic)?;
        let page = self.hub.store.history(now, topic, range, limit).await?;
        let records = page.entries.iter().map(|entry| entry.record.clone()).collect();
        self.push(ServerFrame::History { request, epoch: page.epoch, records, more: page.more });
        Ok(())
    }
}
