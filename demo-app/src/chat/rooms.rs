//! All rooms of this user: which there are, which one is read, and what feeds each from its subscription. Subscriptions stay open while another room is read: that is what counts its unread ones.

use std::sync::Arc;

use everwire::From;
use everwire_leptos::use_batches;
use gloo_timers::callback::Interval;
use leptos::prelude::*;

use super::{
    me::Me,
    note::{Note, topic},
    room::{PAGE, Room},
};
use crate::{browser, link::Link, route::room_name};

/// The rooms that everybody has.
pub const COMMON: [&str; 3] = ["general", "random", "rust"];
const OWN: &str = "everwire.rooms";
/// With these and the dashboard's four, one connection stays far below the protocol's 128 topics.
const MOST: usize = 40;

/// A room, and what owns its subscription.
#[derive(Clone)]
struct Fed {
    room: Room,
    feed: Owner,
}

/// All rooms of this user.
#[derive(Clone, Copy)]
pub struct Rooms {
    link: Link,
    me: Me,
    /// Rooms live as long as the app, wherever they are asked for.
    owner: StoredValue<Owner>,
    fed: RwSignal<Vec<Fed>>,
    current: RwSignal<Arc<str>>,
    /// Whether the chat page is the one shown.
    reading: RwSignal<bool>,
}

impl Rooms {
    /// The common rooms and those of earlier visits, all of them subscribed to.
    #[must_use]
    pub fn new(link: Link, me: Me) -> Self {
        let owner = Owner::current().unwrap_or_default();
        let rooms = Self {
            link,
            me,
            owner: StoredValue::new(owner),
            fed: RwSignal::default(),
            current: RwSignal::new(COMMON[0].into()),
            reading: RwSignal::new(false),
        };
        let own = browser::stored(OWN).unwrap_or_default();
        for name in COMMON.iter().copied().chain(own.split(' ')).filter_map(room_name) {
            rooms.add(name);
        }
        // Owned by whoever makes the rooms: it stops with them.
        StoredValue::new_local(Interval::new(1_000, move || rooms.expire_typing()));
        rooms
    }

    /// Their list, in the order in which they were added.
    #[must_use]
    pub fn list(&self) -> Vec<Room> {
        self.fed.with(|fed| fed.iter().map(|fed| fed.room).collect())
    }

    /// The one that is read.
    #[must_use]
    pub fn current(&self) -> Option<Room> {
        let name = self.current.get();
        self.fed.with(|fed| fed.iter().find(|fed| fed.room.name() == name).map(|fed| fed.room))
    }

    /// The name of the one that is read.
    #[must_use]
    pub fn current_name(&self) -> Arc<str> {
        self.current.get()
    }

    /// Reads a room; one that there isn't yet is added.
    pub fn open(&self, name: &Arc<str>) {
        if self.find(name).is_none() {
            self.add(name.clone());
            self.remember();
        }
        let room = self.find(name);
        if let Some(room) = room {
            self.current.set(name.clone());
            room.unread.set(0);
        }
    }

    /// Whether somebody added it here, so that it can be left.
    #[must_use]
    pub fn is_own(name: &str) -> bool {
        !COMMON.contains(&name)
    }

    /// Leaves a room: its subscription ends.
    pub fn leave(&self, name: &Arc<str>) {
        self.fed.update(|fed| {
            fed.retain(|fed| {
                let stays = fed.room.name() != *name;
                if !stays {
                    fed.feed.cleanup();
                }
                stays
            });
        });
        self.remember();
    }

    /// The chat page is shown, or no longer.
    pub fn set_reading(&self, reading: bool) {
        self.reading.set(reading);
        if let (true, Some(room)) = (reading, self.find(&self.current.get_untracked())) {
            room.unread.set(0);
        }
    }

    /// Messages that nobody at this window has seen, in all rooms.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.list().iter().map(|room| room.unread.get()).sum()
    }

    /// Feeds a room from its subscription. Another client goes on where the one before stopped.
    fn feed(&self, room: Room) {
        let rooms = *self;
        use_batches(
            move |client| {
                let from = room.seen().map_or(From::Last(PAGE), From::Position);
                client.subscribe::<Note>(&topic(&room.name())).from(from).presence(true)
            },
            move |batch| {
                let current = rooms.current.with_untracked(|current| *current == room.name());
                room.take(batch, rooms.link, rooms.reading.get_untracked() && current);
            },
        );
    }

    fn add(&self, name: Arc<str>) {
        let full = self.fed.with_untracked(|fed| fed.len() >= MOST);
        if full || self.find(&name).is_some() {
            return;
        }
        // The room itself outlives its subscription: a view may show it for a moment longer.
        let (room, feed) = self.owner.with_value(|owner| {
            let feed = owner.child();
            let room = owner.with(|| Room::new(name, self.me));
            feed.with(|| self.feed(room));
            (room, feed)
        });
        self.fed.update(|fed| fed.push(Fed { room, feed }));
    }

    fn find(&self, name: &Arc<str>) -> Option<Room> {
        self.fed.with_untracked(|fed| fed.iter().find(|fed| fed.room.name() == *name).map(|fed| fed.room))
    }

    fn remember(&self) {
        let names: Vec<_> = self.fed.with_untracked(|fed| fed.iter().map(|fed| fed.room.name()).collect());
        let own: Vec<_> = names.iter().map(|name| &**name).filter(|name| Self::is_own(name)).collect();
        browser::store(OWN, &own.join(" "));
    }

    fn expire_typing(&self) {
        let now = browser::now();
        for room in self.fed.with_untracked(|fed| fed.iter().map(|fed| fed.room).collect::<Vec<_>>()) {
            if room.typists.with_untracked(|typists| !typists.is_empty()) {
                room.typists.maybe_update(|typists| typists.expire(now));
            }
        }
    }
}
