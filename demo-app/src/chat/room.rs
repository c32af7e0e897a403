//! One room as the page sees it: signals over the pure models, fed by the room's subscription. It outlives
//! the page that shows it, so that unread messages count while another room, or the dashboard, is open.

use std::sync::Arc;

use everwire::{Event, GapReason, HistoryRange, Message, Position};
use leptos::{prelude::*, task::spawn_local};

use super::{
    log::{Item, Line, Log, Row},
    me::{Me, publisher_of},
    note::{Note, topic},
    outbox::Outbox,
    people::People,
    typing::Typists,
};
use crate::{
    browser,
    link::{Link, timeline::Tone},
};

/// Messages shown on opening, and of one page of history.
pub const PAGE: u32 = 50;

/// Where a room is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The server has not answered yet.
    Opening,
    /// It is shown.
    Open,
    /// The server refused it for good.
    Refused(Arc<str>),
}

/// What there is above the oldest message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above {
    /// More of it, to be asked for.
    More,
    /// It has been asked for.
    Loading,
    /// Asking failed; it may be asked for again.
    Failed,
    /// Nothing: this is where the room begins.
    Beginning,
    /// Nothing that is still kept.
    NotKept,
}

/// A chunk of the list, drawn as one.
#[derive(Clone, Copy)]
pub struct ChunkCell {
    /// Its place: rising from top to bottom.
    pub id: i64,
    /// What it holds.
    pub rows: RwSignal<Vec<Row>>,
}

/// A room.
#[derive(Clone, Copy)]
pub struct Room {
    name: StoredValue<Arc<str>>,
    me: Me,
    log: StoredValue<Log>,
    seen: StoredValue<Option<Position>>,
    opened: u64,
    /// What is in its composer: it waits there while another room is read.
    pub typed: StoredValue<String>,
    /// The list, top to bottom.
    pub chunks: RwSignal<Vec<ChunkCell>>,
    /// What this user wrote and the log has not shown yet.
    pub drafts: RwSignal<Outbox>,
    /// Who is here.
    pub people: RwSignal<People>,
    /// Who types.
    pub typists: RwSignal<Typists>,
    /// Messages that nobody at this window has seen.
    pub unread: RwSignal<usize>,
    /// Messages of others that have come since the page was opened. Only ever rises.
    pub arrived: RwSignal<usize>,
    /// Where it is in its life.
    pub phase: RwSignal<Phase>,
    /// What there is above the oldest message.
    pub above: RwSignal<Above>,
}

impl Room {
    /// A room that nothing is known of yet.
    #[must_use]
    pub fn new(name: Arc<str>, me: Me) -> Self {
        Self {
            name: StoredValue::new(name),
            me,
            log: StoredValue::new(Log::new(browser::zone())),
            seen: StoredValue::new(None),
            opened: browser::now(),
            typed: StoredValue::new(String::new()),
            chunks: RwSignal::default(),
            drafts: RwSignal::default(),
            people: RwSignal::default(),
            typists: RwSignal::default(),
            unread: RwSignal::new(0),
            arrived: RwSignal::new(0),
            phase: RwSignal::new(Phase::Opening),
            above: RwSignal::new(Above::Beginning),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        self.name.get_value()
    }

    /// How far it has been shown: where a new client goes on.
    #[must_use]
    pub fn seen(&self) -> Option<Position> {
        self.seen.get_value()
    }

    /// Whether a message of this user's, written now, goes on the group that the list ends with.
    #[must_use]
    pub fn goes_on_group(&self, time: u64) -> bool {
        let user = self.me.name.get_untracked();
        self.log.with_value(|log| user.is_some_and(|user| log.ends_with_group_of(&user, true, time)))
    }

    /// Takes what the subscription yielded, and changes each signal once.
    pub fn take(&self, batch: Vec<Event<Note>>, link: Link, reading: bool) {
        let mut items = Vec::new();
        let mut others = 0;
        let mut fresh = 0;
        let mut spoken = false;
        for event in batch {
            match event {
                Event::Message(message) => {
                    let line = self.line(message);
                    self.seen.set_value(Some(line.position));
                    spoken = true;
                    self.typists.update_untracked(|typists| typists.spoke(&line.user, line.time));
                    others += usize::from(!line.own);
                    fresh += usize::from(!line.own && line.time > self.opened);
                    items.push(Item::Line(line));
                }
                Event::Gap(gap) => {
                    let lost = gap.to.map(|to| to.saturating_sub(gap.from) + 1);
                    items.push(Item::Gap { reason: gap.reason, lost });
                    self.goes_on_at(gap.position);
                    let why = match gap.reason {
                        GapReason::Evicted => "older messages are no longer kept",
                        GapReason::Epoch => "the server lost its history",
                    };
                    link.note(Tone::Bad, &format!("Gap in {}", topic(&self.name())), why);
                }
                Event::Ephemeral(word) => {
                    if let Ok(Note { user, typing: Some(typing), .. }) = word.data {
                        self.heard_typing(&user, word.time, typing);
                    }
                }
                Event::Members(members) => self.people.update(|people| people.set(members)),
                Event::Join(member) => self.people.update(|people| people.join(member)),
                Event::Leave(member) => self.people.update(|people| {
                    if let Some(name) = people.leave(&member) {
                        self.typists.update(|typists| _ = typists.stopped(&name));
                    }
                }),
                Event::Subscribed { position, .. } => {
                    if self.log.with_value(Log::is_empty) && items.is_empty() {
                        self.above.set(if position.offset > 0 { Above::More } else { Above::Beginning });
                    }
                    self.goes_on_at(position);
                    self.phase.set(Phase::Open);
                }
                // It loads nothing beside its messages.
                Event::SnapshotFailed(_) => {}
                Event::Failed(error) => self.phase.set(Phase::Refused(error.to_string().into())),
            }
        }
        if spoken {
            self.typists.notify();
        }
        self.append(items);
        if others > 0 {
            self.arrived.update(|arrived| *arrived += others);
        }
        if fresh > 0 && !reading {
            self.unread.update(|unread| *unread += fresh);
        }
    }

    /// Writes a message: it is shown at once, and sent now or when there is a connection.
    pub fn write(&self, link: Link, text: &str) {
        let Some(user) = self.me.name.get_untracked() else { return };
        let room = *self;
        let note = Note::message(&user, text);
        let mut publishing = link.client().publish(&topic(&self.name()), &note);
        let id: Arc<str> = match publishing.id() {
            Some(id) => {
                self.me.writes_as(publisher_of(id.as_str()));
                id.as_str().into()
            }
            // Refused at once: it needs a key of its own to be shown as such.
            None => format!("refused.{}", js_sys::Math::random()).into(),
        };
        self.drafts.update(|drafts| drafts.wrote(id.clone(), text.into(), browser::now()));
        spawn_local(async move {
            match publishing.await {
                Ok(Some(position)) => {
                    let seen = room.seen();
                    room.drafts.update(|drafts| drafts.acked(&id, position, seen));
                }
                Ok(None) => {}
                Err(error) => room.drafts.update(|drafts| drafts.failed(&id, &error.to_string())),
            }
        });
    }

    /// Fetches the page before the oldest message, unless that is under way.
    pub async fn load_above(&self, link: Link) {
        if !matches!(self.above.get_untracked(), Above::More | Above::Failed) {
            return;
        }
        let Some(oldest) = self.log.with_value(Log::oldest) else { return };
        self.above.set(Above::Loading);
        let range = HistoryRange::Before(oldest.offset);
        let page = link.client().history::<Note>(&topic(&self.name()), range, PAGE).await;
        let Ok(page) = page else {
            self.above.set(Above::Failed);
            return;
        };
        let epoch = page.messages.first().map_or(oldest.epoch, |message| message.epoch);
        if epoch != oldest.epoch {
            // The log has begun a new life below; what was above belonged to the old one.
            self.above.set(Above::NotKept);
            return;
        }
        let items: Vec<_> = page.messages.into_iter().map(|message| Item::Line(self.line(message))).collect();
        let mut touched = Vec::new();
        self.log.update_value(|log| touched = log.prepend(items));
        self.show(&touched);
        let first = self.log.with_value(Log::oldest).map_or(0, |position| position.offset);
        self.above.set(match (page.more, first) {
            (true, _) => Above::More,
            (false, 0 | 1) => Above::Beginning,
            (false, _) => Above::NotKept,
        });
    }

    fn line(&self, message: Message<Note>) -> Line {
        let id = message.id.as_ref().map(|id| id.as_str());
        let own = id.is_some_and(|id| self.me.wrote(id));
        if own && let Some(id) = id {
            let known = self.drafts.with_untracked(|drafts| drafts.drafts().iter().any(|d| &*d.id == id));
            if known {
                self.drafts.update(|drafts| _ = drafts.echoed(id));
            }
        }
        let (user, text) = match message.data {
            Ok(Note { user, text: Some(text), .. }) => (user, text),
            // Leaving it out would be a silent hole.
            _ => ("Unknown".to_owned(), "This message can’t be read.".to_owned()),
        };
        let position = Position { epoch: message.epoch, offset: message.offset };
        Line { position, time: message.time, user: user.into(), text: text.into(), own }
    }

    fn goes_on_at(&self, position: Position) {
        self.seen.set_value(Some(position));
        if self.drafts.with_untracked(|drafts| !drafts.drafts().is_empty()) {
            self.drafts.update(|drafts| drafts.continues_at(position));
        }
    }

    fn heard_typing(&self, user: &str, time: u64, typing: bool) {
        if self.me.name.get_untracked().as_deref() == Some(user) {
            return;
        }
        let user: Arc<str> = user.into();
        self.typists.update(|typists| {
            if typing {
                typists.heard(&user, time, browser::now());
            } else {
                typists.stopped(&user);
            }
        });
    }

    fn append(&self, items: Vec<Item>) {
        if items.is_empty() {
            return;
        }
        let (mut touched, mut dropped) = (Vec::new(), Vec::new());
        self.log.update_value(|log| {
            touched = log.append(items);
            dropped = log.trim();
        });
        if !dropped.is_empty() {
            self.chunks.update(|cells| {
                cells.retain(|cell| !dropped.contains(&cell.id));
            });
            self.above.set(Above::More);
        }
        self.show(&touched);
    }

    /// Brings the signals of some chunks up to the log; others are not touched.
    fn show(&self, touched: &[i64]) {
        let mut new = Vec::new();
        for &id in touched {
            let rows = self.log.with_value(|log| log.rows(id));
            let cell = self.chunks.with_untracked(|cells| cells.iter().find(|cell| cell.id == id).copied());
            match cell {
                Some(cell) => cell.rows.set(rows),
                None => new.push((id, rows)),
            }
        }
        if !new.is_empty() {
            self.chunks.update(|cells| {
                cells.extend(new.into_iter().map(|(id, rows)| ChunkCell { id, rows: RwSignal::new(rows) }));
                cells.sort_by_key(|cell| cell.id);
            });
        }
    }
}
