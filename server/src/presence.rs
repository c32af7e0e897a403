//! Who is on a topic. A member that loses its connection stays for a grace time, so that a reconnect is
//! no coming and going. Readers follow a topic's changes by cursor, like everything else here: a short
//! list of changes per topic, and a reader that falls behind it gets the whole membership again.
//! All of it is bounded: stays in number, lists in bytes.
//!
//! Where several instances share a store, `elsewhere` has what they tell each other.

#[path = "presence_elsewhere.rs"]
mod elsewhere;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use everwire_protocol::{ClientId, Epoch, Member, Topic, limits};
use tokio::sync::Notify;

use elsewhere::{Elsewhere, Secret};
pub use elsewhere::{Instance, Told};

/// Most changes of a topic that are kept for its readers.
const CHANGES: usize = 128;
/// Most bytes of the members of one answer, in the longest form that a codec has for them, so that it fits
/// a frame with room to spare.
pub const MEMBERS_BYTES: usize = limits::FRAME_BYTES / 4;
/// What a member takes in JSON beside its texts.
const MEMBER_BYTES: usize = 40;
/// Most stays of all topics together, unless it is said otherwise.
pub const STAYS: usize = 200_000;

/// Who comes: the same client id and subject is the same member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The client's own, secret name for itself.
    pub client_id: ClientId,
    /// Its subject; none for an anonymous one.
    pub subject: Option<Arc<str>>,
    /// What it tells of itself.
    pub info: Option<Arc<str>>,
}

/// There is no room for another member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What happened on a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody came, or tells something else of itself now.
    Join(Member),
    /// Somebody went.
    Leave(Member),
}

/// What a reader has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// What happened since it last asked.
    Changes(Vec<Change>),
    /// Too much for a list: who is there.
    Members(Vec<Member>),
}

type Key = (ClientId, Option<Arc<str>>);

struct Stay {
    member: Member,
    /// Connections that the member has on the topic.
    links: u32,
    /// The last change that it was told, on the connection that it had before.
    told: Option<u64>,
    /// When it goes, since its last connection was lost.
    leaves_at: Option<Turn>,
}

/// A time, and a number that tells those of one time apart.
type Turn = (u64, u64);

#[derive(Default)]
struct Room {
    stays: HashMap<Key, Stay>,
    /// The public ids of those.
    here: HashSet<Arc<str>>,
    /// Members by other instances.
    elsewhere: Elsewhere,
    changes: VecDeque<(u64, Change)>,
    /// The number of the newest change.
    newest: u64,
    /// The number of the newest change that is no longer in the list.
    forgotten: u64,
}

impl Room {
    fn note(&mut self, number: u64, change: Change) {
        self.newest = number;
        self.changes.push_back((number, change));
        while self.changes.len() > CHANGES {
            self.forgotten = self.changes.pop_front().map_or(self.forgotten, |(number, _)| number);
        }
    }

    fn members(&self, most: usize) -> Vec<Member> {
        let mut bytes = 0;
        let here = self.stays.values().map(|stay| &stay.member);
        let there = self.elsewhere.members().filter(|member| !self.here.contains(&member.id));
        let members = here.chain(there).take(limits::MEMBERS).cloned();
        // One that is too large for what is left hides none of the others.
        let mut fits = |member: &Member| {
            let with = bytes + size(member);
            let fits = with <= most;
            bytes = if fits { with } else { bytes };
            fits
        };
        let mut members: Vec<_> = members.filter(|member| fits(member)).collect();
        members.sort_by(|a, b| a.id.cmp(&b.id));
        members
    }

    fn is_empty(&self) -> bool {
        self.stays.is_empty() && self.elsewhere.is_empty()
    }
}

/// The most bytes that a member takes in any codec.
pub fn size(member: &Member) -> usize {
    let written = |byte: u8| match byte {
        // JSON's `\u0000`.
        0..=0x1f | 0x7f => 6,
        // An event stream's `%20`, and JSON's `\"`.
        b' ' | b'%' | b'"' | b'\\' => 3,
        _ => 1,
    };
    let texts = [Some(&member.id), member.subject.as_ref(), member.info.as_ref()];
    MEMBER_BYTES + texts.into_iter().flatten().flat_map(|text| text.bytes()).map(written).sum::<usize>()
}

struct Inner {
    rooms: HashMap<Topic, Room>,
    /// One count of changes over all rooms: a number is never used again, even for a room that was
    /// empty and forgotten meanwhile.
    count: u64,
    /// How many stays there are, of all rooms, and members elsewhere.
    stays: usize,
    /// Members in their grace, the first to go at the front.
    leaving: BTreeMap<Turn, (Topic, Key)>,
    ids: fastrand::Rng,
    /// What public ids are made of where several instances must make the same.
    secret: Option<Secret>,
    /// Members of here of whom the other instances have something to be told.
    untold: HashSet<(Topic, Arc<str>)>,
}

/// Who is on which topic, of this server. A clone is another handle of the same.
#[derive(Clone)]
pub struct Presence {
    grace: u64,
    most: usize,
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
}

impl Presence {
    /// Nobody anywhere. `grace` is in milliseconds; `seed` makes the members' public ids.
    #[must_use]
    pub fn new(grace: u64, seed: u64) -> Self {
        let ids = fastrand::Rng::with_seed(seed);
        let inner = Inner {
            rooms: HashMap::new(),
            count: 0,
            stays: 0,
            leaving: BTreeMap::new(),
            ids,
            secret: None,
            untold: HashSet::new(),
        };
        Self { grace, most: STAYS, inner: Arc::new(Mutex::new(inner)), changed: Arc::default() }
    }

    /// With another number of most stays, of all topics together.
    #[must_use]
    pub fn with_most(mut self, stays: usize) -> Self {
        self.most = stays;
        self
    }

    /// A visitor comes by one more connection. True when others have to be told.
    ///
    /// # Errors
    /// [`Full`] when it is not there yet, and there is no room for it.
    pub fn join(&self, topic: &Topic, visitor: &Visitor) -> Result<bool, Full> {
        let mut inner = self.lock();
        let Inner { rooms, count, ids, stays, leaving, secret, untold } = &mut *inner;
        let key = (visitor.client_id.clone(), visitor.subject.clone());
        let known = rooms.get(topic).is_some_and(|room| room.stays.contains_key(&key));
        if !known && *stays >= self.most {
            return Err(Full);
        }
        let room = rooms.entry(topic.clone()).or_default();
        let mut come = false;
        let stay = room.stays.entry(key).or_insert_with(|| {
            come = true;
            *stays += 1;
            let id = secret.as_ref().map_or_else(|| ids.u64(..), |secret| secret.number(topic, visitor));
            let id = Epoch::from_number(id).as_str().into();
            let member = Member { id, subject: visitor.subject.clone(), info: visitor.info.clone() };
            Stay { member, links: 0, told: None, leaves_at: None }
        });
        stay.links += 1;
        if let Some(turn) = stay.leaves_at.take() {
            leaving.remove(&turn);
        }
        if stay.member.info != visitor.info {
            stay.member.info.clone_from(&visitor.info);
            come = true;
        }
        if come {
            let member = stay.member.clone();
            room.here.insert(Arc::clone(&member.id));
            if secret.is_some() {
                untold.insert((topic.clone(), Arc::clone(&member.id)));
                self.changed.notify_one();
            }
            // Who is there by another instance already, and tells the same of itself, only moves.
            come = !room.elsewhere.has(&member);
            if come {
                *count += 1;
                room.note(*count, Change::Join(member));
            }
        }
        Ok(come)
    }

    /// A connection of a visitor is about to end, and was told all up to a change.
    pub fn told(&self, topic: &Topic, visitor: &Visitor, change: u64) {
        let mut inner = self.lock();
        let key = (visitor.client_id.clone(), visitor.subject.clone());
        if let Some(stay) = inner.rooms.get_mut(topic).and_then(|room| room.stays.get_mut(&key)) {
            stay.told = Some(change);
        }
    }

    /// Whether something happened on a topic since a visitor's earlier connection ended: one that polls is
    /// told so at once.
    pub fn missed(&self, topic: &Topic, visitor: &Visitor) -> bool {
        let inner = self.lock();
        let key = (visitor.client_id.clone(), visitor.subject.clone());
        let Some(room) = inner.rooms.get(topic) else { return false };
        room.stays.get(&key).and_then(|stay| stay.told).is_some_and(|told| room.newest > told)
    }

    /// One connection of a visitor ends: `clean` when it said so itself, and goes at once; otherwise it
    /// stays for the grace time. True when others have to be told now.
    pub fn leave(&self, now: u64, topic: &Topic, visitor: &Visitor, clean: bool) -> bool {
        let mut inner = self.lock();
        let Inner { rooms, count, leaving, .. } = &mut *inner;
        let key = (visitor.client_id.clone(), visitor.subject.clone());
        let Some(room) = rooms.get_mut(topic) else { return false };
        let Some(stay) = room.stays.get_mut(&key) else { return false };
        stay.links = stay.links.saturating_sub(1);
        if stay.links > 0 {
            return false;
        }
        if !clean && self.grace > 0 {
            *count += 1;
            let turn = (now.saturating_add(self.grace), *count);
            stay.leaves_at = Some(turn);
            leaving.insert(turn, (topic.clone(), key));
            return false;
        }
        self.remove(&mut inner, topic, &key)
    }

    /// Lets those go whose grace is over; answers the topics whose readers have to be told.
    pub fn expire(&self, now: u64) -> Vec<Topic> {
        let mut inner = self.lock();
        let mut changed = Vec::new();
        while let Some(next) = inner.leaving.first_entry().filter(|next| next.key().0 <= now) {
            let (topic, key) = next.remove();
            if self.remove(&mut inner, &topic, &key) {
                changed.push(topic);
            }
        }
        changed
    }

    /// Who is on a topic, at most [`limits::MEMBERS`] and so many bytes, and the cursor from which
    /// [`Presence::news`] goes on.
    pub fn members(&self, topic: &Topic, bytes: usize) -> (Vec<Member>, u64) {
        let inner = self.lock();
        let room = inner.rooms.get(topic);
        room.map_or((Vec::new(), inner.count), |room| (room.members(bytes), room.newest))
    }

    /// What happened on a topic after a cursor, and the next cursor; `None` for nothing.
    pub fn news(&self, topic: &Topic, after: u64) -> Option<(News, u64)> {
        let inner = self.lock();
        let room = inner.rooms.get(topic).filter(|room| room.newest > after)?;
        let news = if after < room.forgotten {
            News::Members(room.members(MEMBERS_BYTES))
        } else {
            let new = room.changes.iter().filter(|(number, _)| *number > after);
            News::Changes(new.map(|(_, change)| change.clone()).collect())
        };
        Some((news, room.newest))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// Takes a stay away; true when others have to be told.
    fn remove(&self, inner: &mut Inner, topic: &Topic, key: &Key) -> bool {
        let Some(room) = inner.rooms.get_mut(topic) else { return false };
        let Some(stay) = room.stays.remove(key) else { return false };
        room.here.remove(&stay.member.id);
        inner.stays -= 1;
        if inner.secret.is_some() {
            inner.untold.insert((topic.clone(), Arc::clone(&stay.member.id)));
            self.changed.notify_one();
        }
        if room.is_empty() {
            inner.rooms.remove(topic);
        } else if room.elsewhere.by_id(&stay.member.id).is_none() {
            inner.count += 1;
            room.note(inner.count, Change::Leave(stay.member));
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
#[path = "presence_tests.rs"]
mod tests;
