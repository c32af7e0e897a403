//! What the upstream session tells: each event of it becomes a frame for the tab that it concerns.

use everwire_protocol::{About, Action, Code, GapReason, Position, PublishId, Record, ServerFrame, limits};

use crate::{
    Event, Failure, Outcome, Reason, RequestId, Session, State, StateChange, SubscriptionId, Time,
    relay::{Relay, TabId, message::ToTab},
};

impl Relay {
    /// The upstream session told something. To be handed in when its outputs are drained.
    pub fn handle_event(&mut self, now: Time, session: &mut Session, event: Event) {
        if self.has_stepped_down() {
            return;
        }
        self.limits = session.limits();
        match event {
            Event::State(change) => self.state(change),
            Event::Subscribed { subscription, position, recovered } => {
                self.subscribed(subscription, position, recovered);
            }
            Event::Messages { subscription, records, .. } => {
                self.messages(now, session, subscription, records);
            }
            Event::Gap { subscription, from, to, reason, position } => {
                self.gap(subscription, from, to, reason, position);
            }
            Event::Ephemeral { subscription, time, payload, from } => {
                // What can't wait in the log is not for a tab that takes nothing.
                let Some((tab, alias)) = self.reader(subscription) else { return };
                if !self.tabs.get(&tab).is_some_and(|link| link.full) {
                    self.send(tab, &ServerFrame::Ephemeral { alias, time, payload, from });
                    self.check(now, session, tab);
                }
            }
            Event::Members { subscription, members } => {
                self.presence(now, session, subscription, |alias| ServerFrame::Members { alias, members });
            }
            Event::Join { subscription, member } => {
                self.presence(now, session, subscription, |alias| ServerFrame::Join { alias, member });
            }
            Event::Leave { subscription, member } => {
                self.presence(now, session, subscription, |alias| ServerFrame::Leave { alias, member });
            }
            Event::SubscriptionFailed { subscription, code, message } => {
                let Some(reader) = self.readers.get(&subscription) else { return };
                let (tab, about) = (reader.tab, About::Topic(reader.topic.clone()));
                self.readers.remove(&subscription);
                self.send(tab, &ServerFrame::Error { about, code, message, retry_after: None });
            }
            Event::Published { id, outcome } => self.published(id, outcome),
            Event::History { request, result } => self.answer(request, |request| {
                let page = result?;
                let (epoch, records, more) = (page.epoch, page.records, page.more);
                Ok(ServerFrame::History { request, epoch, records, more })
            }),
            Event::Presence { request, result } => {
                self.answer(request, |request| Ok(ServerFrame::Presence { request, members: result? }));
            }
        }
    }

    fn state(&mut self, change: StateChange) {
        if change.state == State::Closed {
            self.end_for_good(terminal(change.reason));
            return;
        }
        let welcomed = self.tabs.iter().filter(|(_, link)| link.welcomed).map(|(tab, _)| *tab);
        for tab in welcomed.collect::<Vec<_>>() {
            self.tell(tab, &ToTab::State(change));
        }
        if change.state != State::Connecting && !self.settled {
            self.settle(change);
        }
    }

    /// Tabs wait no longer.
    pub(super) fn settle(&mut self, change: StateChange) {
        self.settled = true;
        self.settles_at = None;
        let waiting =
            self.tabs.iter().filter(|(_, link)| link.connected && !link.welcomed).map(|(tab, _)| *tab);
        for tab in waiting.collect::<Vec<_>>() {
            self.welcome(tab, change);
        }
    }

    /// The link works: the tab may rely on it. Not before the first tries upstream have come to something, or it
    /// takes long, since a tab with a link of its own gives it up for this one. How it is upstream goes ahead, so
    /// that no tab is called connected for a moment when it isn't.
    pub(super) fn welcome(&mut self, tab: TabId, change: StateChange) {
        self.tell(tab, &ToTab::State(change));
        self.send_welcome(tab);
    }

    fn reader(&self, id: SubscriptionId) -> Option<(TabId, u32)> {
        self.readers.get(&id).map(|reader| (reader.tab, reader.alias))
    }

    fn subscribed(&mut self, id: SubscriptionId, position: Position, recovered: bool) {
        let Some(reader) = self.readers.get_mut(&id) else { return };
        // Its link to here has not changed when the one to the server has: that is told by the state.
        if !std::mem::replace(&mut reader.told, true) {
            let (tab, topic, alias) = (reader.tab, reader.topic.clone(), reader.alias);
            self.send(tab, &ServerFrame::Subscribed { topic, alias, position, recovered });
        }
    }

    fn messages(&mut self, now: Time, session: &mut Session, id: SubscriptionId, mut records: Vec<Record>) {
        let bytes = records.iter().map(|record| record.payload.data.len()).sum();
        session.consumed(now, id, records.len(), bytes);
        let Some((tab, alias)) = self.reader(id) else { return };
        while !records.is_empty() {
            let mut sum = 0;
            let fits = |record: &&Record| {
                let first = sum == 0;
                // Each costs something beside its payload.
                sum += record.payload.data.len() + 64;
                first || sum <= limits::BATCH_BYTES
            };
            let fitting = records.iter().take(limits::RECORDS).take_while(fits).count();
            let rest = records.split_off(fitting);
            self.send(tab, &ServerFrame::Messages { alias, records });
            records = rest;
        }
        self.check(now, session, tab);
    }

    fn gap(&mut self, id: SubscriptionId, from: u64, to: Option<u64>, reason: GapReason, position: Position) {
        if let Some((tab, alias)) = self.reader(id) {
            self.send(tab, &ServerFrame::Gap { alias, from, to, reason, position });
        }
    }

    fn presence(
        &mut self,
        now: Time,
        session: &mut Session,
        id: SubscriptionId,
        frame: impl FnOnce(u32) -> ServerFrame,
    ) {
        // Another tab may have asked for it.
        if let Some(reader) = self.readers.get(&id).filter(|reader| reader.presence) {
            let (tab, alias) = (reader.tab, reader.alias);
            self.send(tab, &frame(alias));
            self.check(now, session, tab);
        }
    }

    fn published(&mut self, id: PublishId, outcome: Outcome) {
        let waits = self.publishes.get(&id).copied().flatten();
        self.publishes.remove(&id);
        match waits {
            Some(tab) => self.tell_outcome(tab, id, outcome),
            None => self.unheard.keep(id, outcome),
        }
    }

    pub(super) fn tell_outcome(&mut self, tab: TabId, id: PublishId, outcome: Outcome) {
        match outcome {
            Outcome::Acked { position } => self.send(tab, &ServerFrame::Ack { id, position }),
            Outcome::Rejected { code, message } => {
                let about = About::Publish(id);
                self.send(tab, &ServerFrame::Error { about, code, message, retry_after: None });
            }
            Outcome::Expired => self.tell(tab, &ToTab::Expired(id)),
        }
    }

    fn answer(&mut self, id: RequestId, frame: impl FnOnce(u32) -> Result<ServerFrame, Failure>) {
        let Some((tab, request)) = self.questions.get(&id).copied() else { return };
        self.questions.remove(&id);
        let frame = frame(request).unwrap_or_else(|Failure { code, message }| ServerFrame::Error {
            about: About::Request(request),
            code,
            message,
            retry_after: None,
        });
        self.send(tab, &frame);
    }

    /// Pauses what a tab reads when so much is on its way to it, and gives it up when that doesn't help.
    fn check(&mut self, now: Time, session: &mut Session, tab: TabId) {
        let Some(link) = self.tabs.get_mut(&tab) else { return };
        if link.hangs() {
            self.turn_out(now, session, tab);
        } else if link.fills() {
            for id in self.readers_of(tab) {
                session.pause(now, id);
            }
        }
    }
}

/// The code that says what the end of the upstream session was.
fn terminal(reason: Reason) -> Code {
    match reason {
        Reason::Closed(code) if Code(code).action() == Action::Stop => Code(code),
        Reason::Status(401) => Code::TOKEN_REQUIRED,
        Reason::Status(404) => Code::NOT_FOUND,
        _ => Code::FORBIDDEN,
    }
}
