//! What the server says: each frame that came through a link, and what it changes.

use everwire_protocol::{
    About, Action, Code, Epoch, GapReason, Position, Record, RetryWindow, ServerFrame, Topic,
};

use crate::{
    AttemptId, Event, Output, RequestId, Session, SubscriptionId, Time, TimerName,
    backoff::pick_in,
    link::{Alias, Phase},
    session::end::End,
    subscription::{GapVerdict, Subscription},
};

/// A topic that has a hole again after this many new questions, without anything gained, has a server that is
/// out of order: the link is given up, so that backoff comes in.
const FRUITLESS: u32 = 2;

impl Session {
    pub(super) fn handle_frame(&mut self, now: Time, id: AttemptId, frame: ServerFrame) {
        let Some(link) = self.link(id) else { return };
        let welcomed = link.phase == Phase::Welcomed;
        match frame {
            ServerFrame::Welcome { heartbeat, limits, .. } if !welcomed => {
                self.welcome(now, id, heartbeat, limits)
            }
            // Each answer of a poll begins with one.
            ServerFrame::Welcome { .. } | ServerFrame::Heartbeat | ServerFrame::Expires { .. } => {}
            ServerFrame::Error { about: About::Connection, code, retry_after, .. } => {
                link.window = retry_after.or(link.window);
                if welcomed && code.action() == Action::RetryWithToken && self.config.has_token {
                    self.fetch_token(now);
                }
            }
            ServerFrame::Closed { code, .. } => self.end_link(now, id, End::said(code, None)),
            ServerFrame::Drain { window } => {
                // It is about the server that says it: an attempt beside the link may be at another one.
                let about_link = self.live.is_none_or(|live| live == id);
                if about_link && self.timers.get(TimerName::Drain).is_none() {
                    let wait = pick_in(&mut self.rng, window);
                    self.timers.set(TimerName::Drain, now + wait);
                }
            }
            _ if !welcomed => self.malformed(now, id),
            ServerFrame::Subscribed { topic, alias, position, recovered } => {
                self.subscribed(id, topic, alias, position, recovered);
            }
            ServerFrame::Messages { alias, records } => self.messages(now, id, alias, records),
            ServerFrame::Gap { alias, from, to, reason, position } => {
                self.gap(now, id, alias, (from, to, reason), position);
            }
            ServerFrame::Ephemeral { alias, time, payload, from } => {
                // An app that takes nothing gets nothing that can't wait in the log.
                let known = self.known(id, alias).filter(|(.., reader)| !reader.paused());
                if let Some(subscription) = known.map(|(.., reader)| reader.id) {
                    self.bear_fruit(id);
                    self.event(Event::Ephemeral { subscription, time, payload, from });
                }
            }
            ServerFrame::Members { alias, members } => {
                if let Some(subscription) = self.known(id, alias).map(|(.., reader)| reader.id) {
                    self.event(Event::Members { subscription, members });
                }
            }
            ServerFrame::Join { alias, member } => {
                if let Some(subscription) = self.known(id, alias).map(|(.., reader)| reader.id) {
                    self.bear_fruit(id);
                    self.event(Event::Join { subscription, member });
                }
            }
            ServerFrame::Leave { alias, member } => {
                if let Some(subscription) = self.known(id, alias).map(|(.., reader)| reader.id) {
                    self.bear_fruit(id);
                    self.event(Event::Leave { subscription, member });
                }
            }
            ServerFrame::Ack { id, position } => self.acked(&id, position),
            ServerFrame::Presence { request, .. } | ServerFrame::History { request, .. } => {
                self.answered(RequestId(request), frame);
            }
            ServerFrame::Error { about: About::Topic(topic), code, message, retry_after } => {
                self.topic_refused(now, id, topic, code, message, retry_after);
            }
            ServerFrame::Error { about: About::Publish(publish), code, message, retry_after } => {
                self.publish_refused(now, &publish, code, message, retry_after);
            }
            ServerFrame::Error { about: About::Request(request), code, message, .. } => {
                self.question_failed(RequestId(request), code, &message);
            }
            ServerFrame::Pong { nonce } => self.pong(now, nonce),
        }
    }

    /// The link brought something to tell. A poll that brings nothing has its pace.
    fn bear_fruit(&mut self, id: AttemptId) {
        if let Some(link) = self.link(id) {
            link.fruitful = true;
        }
    }

    fn subscribed(&mut self, id: AttemptId, topic: Topic, alias: u32, position: Position, recovered: bool) {
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        let generation = link.answered(&topic);
        if self.live == Some(id) && link.subscribe_due.is_none() {
            self.timers.stop(TimerName::Subscribe);
        }
        let subscription = self.subscriptions.get_mut(&topic);
        let Some(subscription) =
            subscription.filter(|subscription| Some(subscription.generation) == generation)
        else {
            self.stats.stale += 1;
            return;
        };
        let asked_from = link.topics.get(&topic).and_then(|on_link| on_link.asked_from);
        if asked_from.is_none() && subscription.is_behind(position) {
            // Another link's answer to the first question was an earlier place: what lies between is owed.
            self.ask_anew(&topic);
            return;
        }
        link.aliases.retain(|alias| alias.topic != topic);
        let generation = subscription.generation;
        link.aliases.insert(alias, Alias { topic: topic.clone(), generation, epoch: position.epoch });
        if subscription.subscribed(position) {
            // A link that is being left may have brought more since the new one was asked.
            let ahead = |cursor: &Position| cursor.epoch == position.epoch && cursor.offset > position.offset;
            let position = subscription.cursor().filter(ahead).unwrap_or(position);
            link.fruitful = true;
            self.stats.resumes += u64::from(recovered);
            let subscription = subscription.id;
            self.event(Event::Subscribed { subscription, position, recovered });
        }
    }

    fn messages(&mut self, now: Time, id: AttemptId, alias: u32, records: Vec<Record>) {
        let flow = self.config.flow;
        let Some((topic, epoch, reader)) = self.known(id, alias) else { return };
        if reader.must_skip(&flow) {
            return;
        }
        let accepted = reader.accept(epoch, records);
        let pauses = reader.delivered(&flow, &accepted.records);
        let subscription = reader.id;
        self.stats.repeats += accepted.repeats;
        if pauses {
            self.stats.pauses += 1;
            self.unsynced = true;
        }
        if !accepted.records.is_empty() {
            self.bear_fruit(id);
            self.stats.messages_received += accepted.records.len() as u64;
            self.deliver(subscription, epoch, accepted.records);
        }
        if accepted.hole {
            self.ask_again(now, id, &topic);
        }
    }

    /// Tells the app of messages: with those that it has not taken yet, where they are of the same subscription.
    fn deliver(&mut self, subscription: SubscriptionId, epoch: Epoch, more: Vec<Record>) {
        match self.outputs.back_mut() {
            Some(Output::Event(Event::Messages { subscription: last, epoch: of, records }))
                if *last == subscription && *of == epoch =>
            {
                records.extend(more);
            }
            _ => self.event(Event::Messages { subscription, epoch, records: more }),
        }
    }

    fn gap(
        &mut self,
        now: Time,
        id: AttemptId,
        alias: u32,
        (from, to, reason): (u64, Option<u64>, GapReason),
        position: Position,
    ) {
        let flow = self.config.flow;
        let asked_from = self.link(id).and_then(|link| link.asked_from(alias));
        let Some((topic, _, reader)) = self.known(id, alias) else { return };
        if reader.must_skip(&flow) {
            return;
        }
        let subscription = reader.id;
        match reader.gap(asked_from, from, to, reason, position) {
            GapVerdict::Tell { from, to } => {
                if let Some(link) = self.link(id) {
                    link.fruitful = true;
                    if let Some(alias) = link.aliases.get_mut(&alias) {
                        alias.epoch = position.epoch;
                    }
                }
                self.stats.gaps += 1;
                self.event(Event::Gap { subscription, from, to, reason, position });
            }
            GapVerdict::Repeat => {}
            GapVerdict::Hole => self.ask_again(now, id, &topic),
        }
    }

    /// The next message of a topic is not the next one: asks again from the cursor. Only the server may
    /// say that what lies between is lost.
    fn ask_again(&mut self, now: Time, id: AttemptId, topic: &Topic) {
        let Some(subscription) = self.ask_anew(topic) else { return };
        subscription.fruitless += 1;
        if subscription.fruitless > FRUITLESS {
            self.malformed(now, id);
        }
    }

    /// Asks again from the cursor, with the next outputs.
    fn ask_anew(&mut self, topic: &Topic) -> Option<&mut Subscription> {
        let generation = self.new_generation();
        let subscription = self.subscriptions.get_mut(topic)?;
        subscription.generation = generation;
        self.stats.asked_again += 1;
        self.unsynced = true;
        Some(subscription)
    }

    /// The subscription that an alias stands for, unless it was ended or asked for anew since.
    fn known(&mut self, id: AttemptId, alias: u32) -> Option<(Topic, Epoch, &mut Subscription)> {
        let known = self.links.iter().find(|link| link.id == id).and_then(|link| link.aliases.get(&alias));
        let found = known.and_then(|alias| {
            let subscription = self.subscriptions.get_mut(&alias.topic)?;
            (subscription.generation == alias.generation)
                .then(|| (alias.topic.clone(), alias.epoch, subscription))
        });
        if found.is_none() {
            self.stats.stale += 1;
        }
        found
    }

    pub(super) fn topic_refused(
        &mut self,
        now: Time,
        id: AttemptId,
        topic: Topic,
        code: Code,
        message: std::sync::Arc<str>,
        window: Option<RetryWindow>,
    ) {
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        if code == Code::NOT_SUBSCRIBED {
            // To a pause or its end, of a subscription that the server had ended by then.
            return;
        }
        let generation = if link.awaits(&topic) {
            link.answered(&topic)
        } else {
            link.topics.get(&topic).map(|on_link| on_link.generation)
        };
        if self.live == Some(id) && link.subscribe_due.is_none() {
            self.timers.stop(TimerName::Subscribe);
        }
        let subscription = self.subscriptions.get_mut(&topic);
        let Some(subscription) =
            subscription.filter(|subscription| Some(subscription.generation) == generation)
        else {
            self.stats.stale += 1;
            return;
        };
        if code == Code::ALREADY_SUBSCRIBED {
            // The two sides don't agree on what was asked. A new link settles it.
            self.malformed(now, id);
            return;
        }
        link.drop_topic(&topic);
        let with_token = code.action() == Action::RetryWithToken;
        if code.action() == Action::Stop || with_token && !self.config.has_token {
            let subscription = subscription.id;
            self.subscriptions.remove(&topic);
            self.event(Event::SubscriptionFailed { subscription, code, message });
            return;
        }
        let backoff = subscription.backoff.fail(&mut self.rng);
        let wait = window.map_or(backoff, |window| pick_in(&mut self.rng, window));
        subscription.refused_until = Some(now + wait);
        self.set_resubscribe();
        if with_token {
            self.fetch_token(now);
        }
    }

    pub(super) fn set_resubscribe(&mut self) {
        let next = self.subscriptions.iter().filter_map(|(_, subscription)| subscription.refused_until).min();
        self.timers.put(TimerName::Resubscribe, next);
    }

    /// Asks again for the topics whose time has come.
    pub(super) fn resubscribe(&mut self, now: Time) {
        for subscription in self.subscriptions.values_mut() {
            if subscription.refused_until.is_some_and(|until| until <= now) {
                subscription.refused_until = None;
                self.unsynced = true;
            }
        }
        self.set_resubscribe();
    }
}
