//! What the server sends of topics, brought to everybody who reads them.

use std::sync::Arc;

use everwire_protocol::{
    Action, Code, Epoch, From, GapReason, Position, Record, RetryWindow, ServerFrame, Topic,
};

use crate::{
    AttemptId, Event, Output, Session, SubscriptionId, Time, TimerName,
    backoff::pick_in,
    feed::Feed,
    link::Alias,
    reader::{GapVerdict, Reader},
};

/// A topic that has a hole again after this many new questions, without anything gained, has a server that is
/// out of order: the link is given up, so that backoff comes in.
const FRUITLESS: u32 = 2;

impl Session {
    /// The server answered a subscribe.
    pub(super) fn subscribed(
        &mut self,
        now: Time,
        id: AttemptId,
        topic: Topic,
        alias: u32,
        position: Position,
        recovered: bool,
    ) {
        let awaited = self.link(id).is_some_and(|link| link.awaits(&topic));
        if !self.take_answer(id, &topic) || !awaited {
            return;
        }
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        let Some(asked) = link.asked(&topic).map(|asked| asked.from) else { return };
        let Some(feed) = self.feeds.get_mut(&topic) else { return };
        link.name(&topic, Alias { number: alias, generation: feed.generation, epoch: position.epoch });
        feed.backoff.reset();
        feed.refused_until = None;
        for reader in &mut feed.readers {
            let Some((position, recovered)) = reader.subscribed(&asked, position, recovered) else {
                continue;
            };
            if asked != From::Latest {
                feed.catches_up_until = now + self.config.healthy_after;
            }
            link.fruitful = true;
            self.stats.resumes += u64::from(recovered);
            let event = Event::Subscribed { subscription: reader.id, position, recovered };
            self.outputs.push_back(Output::Event(event));
        }
        // Where a gap follows, those that were asked for are told of it first: were the next asked for at once, two
        // readers of two lives of the log that are no more would supersede each other's question for ever.
        let gap_follows = matches!(asked, From::Position(_)) && !recovered;
        if feed.lacks() && !gap_follows {
            self.ask_anew(&topic);
        }
    }

    /// Whether an answer is the one to what was last asked of a topic, and that is still wanted.
    fn take_answer(&mut self, id: AttemptId, topic: &Topic) -> bool {
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return false };
        let generation = if link.awaits(topic) {
            link.answered(topic)
        } else {
            link.asked(topic).map(|asked| asked.generation)
        };
        if self.live == Some(id) && link.subscribe_due.is_none() {
            self.timers.stop(TimerName::Subscribe);
        }
        let wanted = self.feeds.get(topic).map(|feed| feed.generation);
        let counts = wanted.is_some() && wanted == generation;
        self.stats.stale += u64::from(!counts);
        counts
    }

    pub(super) fn messages(&mut self, now: Time, id: AttemptId, alias: u32, records: Vec<Record>) {
        let flow = self.config.flow;
        let Some((epoch, feed)) = self.known(id, alias) else { return };
        let (mut told, mut hole, mut repeats, mut pauses) = (Vec::new(), false, usize::MAX, 0);
        for reader in &mut feed.readers {
            if reader.lacks() || reader.must_skip(&flow) {
                continue;
            }
            let accepted = reader.accept(epoch, &records);
            // What one reader needs is no repeat, though it be one to another.
            repeats = repeats.min(accepted.repeats);
            hole |= accepted.hole && !reader.paused();
            let fresh = &records[accepted.fresh.clone()];
            if !fresh.is_empty() {
                pauses += u64::from(reader.delivered(&flow, fresh));
                told.push((reader.id, accepted.fresh));
                feed.fruitless = 0;
            }
        }
        self.stats.repeats += if repeats == usize::MAX { 0 } else { repeats as u64 };
        self.stats.pauses += pauses;
        self.unsynced |= pauses > 0;
        if let Some((subscription, fresh)) = told.pop() {
            self.bear_fruit(id);
            for (subscription, fresh) in told {
                self.deliver(subscription, epoch, records[fresh].to_vec());
            }
            let all = fresh.len() == records.len();
            let fresh = if all { records } else { records[fresh].to_vec() };
            self.deliver(subscription, epoch, fresh);
        }
        if hole {
            self.ask_again(now, id, alias);
        }
    }

    /// Tells the app of messages: with those that it has not taken yet, where they are of the same subscription.
    fn deliver(&mut self, subscription: SubscriptionId, epoch: Epoch, more: Vec<Record>) {
        self.stats.messages_received += more.len() as u64;
        // Other readers of the topic may have been told of theirs meanwhile.
        for output in self.outputs.iter_mut().rev() {
            let Output::Event(Event::Messages { subscription: last, epoch: of, records }) = output else {
                break;
            };
            if *last == subscription {
                if *of != epoch {
                    break;
                }
                records.extend(more);
                return;
            }
        }
        self.event(Event::Messages { subscription, epoch, records: more });
    }

    pub(super) fn gap(
        &mut self,
        now: Time,
        id: AttemptId,
        alias: u32,
        lost: (u64, Option<u64>, GapReason),
        position: Position,
    ) {
        let flow = self.config.flow;
        let on_link = self.link(id).and_then(|link| link.known(alias));
        let asked = on_link.and_then(|(_, on_link)| on_link.asked).map_or(From::Latest, |asked| asked.from);
        let Some((_, feed)) = self.known(id, alias) else { return };
        let (mut told, mut hole) = (Vec::new(), false);
        for reader in &mut feed.readers {
            if reader.lacks() || reader.must_skip(&flow) {
                continue;
            }
            match reader.gap(&asked, lost, position) {
                GapVerdict::Tell { from, to } => {
                    feed.fruitless = 0;
                    told.push((reader.id, from, to));
                }
                GapVerdict::Repeat => {}
                GapVerdict::Hole => hole |= !reader.paused(),
            }
        }
        let lacks = feed.lacks();
        if let Some(link) = self.link(id) {
            link.fruitful |= !told.is_empty();
            if let Some(alias) = link.known(alias).and_then(|(_, on_link)| on_link.alias.as_mut()) {
                alias.epoch = position.epoch;
            }
        }
        self.stats.gaps += told.len() as u64;
        for (subscription, from, to) in told {
            self.event(Event::Gap { subscription, from, to, reason: lost.2, position });
        }
        if hole {
            self.ask_again(now, id, alias);
        } else if lacks && let Some(topic) = self.topic_of(id, alias) {
            self.ask_anew(&topic);
        }
    }

    /// What is not logged, and who is there: told to those whom it concerns.
    pub(super) fn told_now(&mut self, id: AttemptId, alias: u32, frame: ServerFrame) {
        let Some((_, feed)) = self.known(id, alias) else { return };
        let mut fruitful = true;
        match &frame {
            ServerFrame::Members { members, .. } => {
                feed.members = feed.presence().then(|| members.clone());
                fruitful = false;
            }
            ServerFrame::Join { member, .. } => feed.member_changed(member, true),
            ServerFrame::Leave { member, .. } => feed.member_changed(member, false),
            _ => {}
        }
        let ephemeral = matches!(frame, ServerFrame::Ephemeral { .. });
        let concerns = |reader: &Reader| {
            // An app that takes nothing gets nothing that can't wait in the log.
            reader.stands && if ephemeral { !reader.paused() } else { reader.presence() }
        };
        let ids: Vec<_> =
            feed.readers.iter().filter(|reader| concerns(reader)).map(|reader| reader.id).collect();
        for subscription in &ids {
            if let Some(event) = event_of(*subscription, &frame) {
                self.event(event);
            }
        }
        if fruitful && !ids.is_empty() {
            self.bear_fruit(id);
        }
    }

    /// The link brought something to tell. A poll that brings nothing has its pace.
    fn bear_fruit(&mut self, id: AttemptId) {
        if let Some(link) = self.link(id) {
            link.fruitful = true;
        }
    }

    /// The next message of a topic is not the next one: asks again from the cursor. Only the server may
    /// say that what lies between is lost.
    fn ask_again(&mut self, now: Time, id: AttemptId, alias: u32) {
        self.stats.asked_again += 1;
        let Some(topic) = self.topic_of(id, alias) else { return };
        let Some(feed) = self.ask_anew(&topic) else { return };
        feed.fruitless += 1;
        if feed.fruitless > FRUITLESS {
            self.malformed(now, id);
        }
    }

    /// Asks anew for what the readers of a topic need by now, with the next outputs.
    pub(super) fn ask_anew(&mut self, topic: &Topic) -> Option<&mut Feed> {
        let generation = self.new_generation();
        self.unsynced = true;
        let feed = self.feeds.get_mut(topic)?;
        feed.generation = generation;
        // They come again with the answer.
        feed.members = None;
        Some(feed)
    }

    fn topic_of(&mut self, id: AttemptId, alias: u32) -> Option<Topic> {
        Some(self.link(id)?.known(alias)?.0.clone())
    }

    /// What an alias stands for, unless it was ended or asked for anew since.
    fn known(&mut self, id: AttemptId, alias: u32) -> Option<(Epoch, &mut Feed)> {
        let link = self.links.iter_mut().find(|link| link.id == id);
        let found = link.and_then(|link| link.known(alias)).and_then(|(topic, on_link)| {
            let (feed, alias) = (self.feeds.get_mut(topic)?, on_link.alias?);
            (feed.generation == alias.generation).then_some((alias.epoch, feed))
        });
        self.stats.stale += u64::from(found.is_none());
        found
    }

    /// The server refused a topic, or ended it.
    pub(super) fn topic_refused(
        &mut self,
        now: Time,
        id: AttemptId,
        topic: Topic,
        code: Code,
        message: Arc<str>,
        window: Option<RetryWindow>,
    ) {
        // To a pause or its end, of a subscription that the server had ended by then.
        if code == Code::NOT_SUBSCRIBED || !self.take_answer(id, &topic) {
            return;
        }
        if code == Code::ALREADY_SUBSCRIBED {
            // The two sides don't agree on what was asked. A new link settles it.
            self.malformed(now, id);
            return;
        }
        if let Some(link) = self.link(id) {
            link.drop_topic(&topic);
        }
        let with_token = code.action() == Action::RetryWithToken;
        if code.action() == Action::Stop || with_token && !self.config.has_token {
            self.topic_failed(&topic, code, &message);
            return;
        }
        let Some(feed) = self.feeds.get_mut(&topic) else { return };
        let backoff = feed.backoff.fail(&self.config.backoff, &mut self.rng);
        let wait = window.map_or(backoff, |window| pick_in(&mut self.rng, window));
        feed.refused_until = Some(now + wait);
        self.set_resubscribe();
        if with_token {
            self.fetch_token(now);
        }
    }

    /// The server will have none of it: that ends those who read the topic. Where only some want to know who is
    /// there, it may be that which is refused: then the others are asked for without.
    fn topic_failed(&mut self, topic: &Topic, code: Code, message: &Arc<str>) {
        let Some(feed) = self.feeds.get_mut(topic) else { return };
        let split = feed.presence() && !feed.readers.iter().all(Reader::presence);
        let mut failed = Vec::new();
        for reader in &feed.readers {
            if !split || reader.presence() {
                failed.push(reader.id);
            }
        }
        feed.readers.retain(|reader| !failed.contains(&reader.id));
        for subscription in failed {
            self.event(Event::SubscriptionFailed { subscription, code, message: message.clone() });
        }
        if split {
            self.ask_anew(topic);
        } else {
            self.feeds.remove(topic);
        }
    }

    pub(super) fn set_resubscribe(&mut self) {
        let next = self.feeds.iter().filter_map(|(_, feed)| feed.refused_until).min();
        self.timers.put(TimerName::Resubscribe, next);
    }

    /// Asks again for the topics whose time has come.
    pub(super) fn resubscribe(&mut self, now: Time) {
        for feed in self.feeds.values_mut() {
            if feed.refused_until.is_some_and(|until| until <= now) {
                feed.refused_until = None;
                self.unsynced = true;
            }
        }
        self.set_resubscribe();
    }
}

/// A frame as its reader is told of it. Of each part its own copy: a copy of any frame is much code.
fn event_of(subscription: SubscriptionId, frame: &ServerFrame) -> Option<Event> {
    Some(match frame {
        ServerFrame::Ephemeral { time, payload, from, .. } => {
            Event::Ephemeral { subscription, time: *time, payload: payload.clone(), from: from.clone() }
        }
        ServerFrame::Join { member, .. } => Event::Join { subscription, member: member.clone() },
        ServerFrame::Leave { member, .. } => Event::Leave { subscription, member: member.clone() },
        ServerFrame::Members { members, .. } => Event::Members { subscription, members: members.clone() },
        _ => return None,
    })
}
