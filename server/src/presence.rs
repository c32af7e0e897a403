//! Who is on a topic. A member that loses its connection stays for a grace time, so that a reconnect is
//! no coming and going. Readers follow a topic's changes by cursor, like everything else here: a short
//! list of changes per topic, and a reader that falls behind it gets the whole membership again.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use everwire_protocol::{ClientId, Epoch, Member, Topic, limits};

/// Most changes of a topic that are kept for its readers.
const CHANGES: usize = 128;
/// Most bytes of the members of one answer, so that it fits a frame with room to spare.
const MEMBERS_BYTES: usize = limits::FRAME_BYTES / 4;

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
    /// When it goes, since its last connection was lost.
    leaves_at: Option<u64>,
}

#[derive(Default)]
struct Room {
    stays: HashMap<Key, Stay>,
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

    fn members(&self) -> Vec<Member> {
        let mut bytes = 0;
        let members = self.stays.values().map(|stay| stay.member.clone()).take(limits::MEMBERS);
        let size = |m: &Member| [&m.subject, &m.info].into_iter().flatten().map(|s| s.len()).sum::<usize>();
        let mut members: Vec<_> = members
            .take_while(|member| {
                bytes += size(member) + member.id.len() + 8;
                bytes <= MEMBERS_BYTES
            })
            .collect();
        members.sort_by(|a, b| a.id.cmp(&b.id));
        members
    }
}

struct Inner {
    rooms: HashMap<Topic, Room>,
    /// One count of changes over all rooms: a number is never used again, even for a room that was
    /// empty and forgotten meanwhile.
    count: u64,
    /// Members in their grace, the first to go at the front: the grace is the same for all.
    leaving: VecDeque<(u64, Topic, Key)>,
    ids: fastrand::Rng,
}

/// Who is on which topic, of this server.
pub struct Presence {
    grace: u64,
    inner: Mutex<Inner>,
}

impl Presence {
    /// Nobody anywhere. `grace` is in milliseconds; `seed` makes the members' public ids.
    #[must_use]
    pub fn new(grace: u64, seed: u64) -> Self {
        let ids = fastrand::Rng::with_seed(seed);
        let inner = Inner { rooms: HashMap::new(), count: 0, leaving: VecDeque::new(), ids };
        Self { grace, inner: Mutex::new(inner) }
    }

    /// A visitor comes by one more connection. True when others have to be told.
    pub fn join(&self, topic: &Topic, visitor: &Visitor) -> bool {
        let mut inner = self.lock();
        let Inner { rooms, count, ids, .. } = &mut *inner;
        let room = rooms.entry(topic.clone()).or_default();
        let key = (visitor.client_id.clone(), visitor.subject.clone());
        let mut come = false;
        let stay = room.stays.entry(key).or_insert_with(|| {
            come = true;
            let id = Epoch::from_number(ids.u64(..)).as_str().into();
            let member = Member { id, subject: visitor.subject.clone(), info: visitor.info.clone() };
            Stay { member, links: 0, leaves_at: None }
        });
        stay.links += 1;
        stay.leaves_at = None;
        if stay.member.info != visitor.info {
            stay.member.info.clone_from(&visitor.info);
            come = true;
        }
        if come {
            *count += 1;
            let member = stay.member.clone();
            room.note(*count, Change::Join(member));
        }
        come
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
            let at = now.saturating_add(self.grace);
            stay.leaves_at = Some(at);
            leaving.push_back((at, topic.clone(), key));
            return false;
        }
        remove(rooms, count, topic, &key)
    }

    /// Lets those go whose grace is over; answers the topics whose readers have to be told.
    pub fn expire(&self, now: u64) -> Vec<Topic> {
        let mut inner = self.lock();
        let Inner { rooms, count, leaving, .. } = &mut *inner;
        let mut changed = Vec::new();
        while leaving.front().is_some_and(|(at, ..)| *at <= now) {
            let Some((at, topic, key)) = leaving.pop_front() else { break };
            let stay = rooms.get(&topic).and_then(|room| room.stays.get(&key));
            // One that came back, and perhaps went again later, is not the one that this was about.
            if stay.is_some_and(|stay| stay.leaves_at == Some(at)) && remove(rooms, count, &topic, &key) {
                changed.push(topic);
            }
        }
        changed
    }

    /// Who is on a topic, at most [`limits::MEMBERS`] and a quarter of a frame, and the cursor from which
    /// [`Presence::news`] goes on.
    pub fn members(&self, topic: &Topic) -> (Vec<Member>, u64) {
        let inner = self.lock();
        inner.rooms.get(topic).map_or((Vec::new(), inner.count), |room| (room.members(), room.newest))
    }

    /// What happened on a topic after a cursor, and the next cursor; `None` for nothing.
    pub fn news(&self, topic: &Topic, after: u64) -> Option<(News, u64)> {
        let inner = self.lock();
        let room = inner.rooms.get(topic).filter(|room| room.newest > after)?;
        let news = if after < room.forgotten {
            News::Members(room.members())
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

fn remove(rooms: &mut HashMap<Topic, Room>, count: &mut u64, topic: &Topic, key: &Key) -> bool {
    let Some(room) = rooms.get_mut(topic) else { return false };
    let Some(stay) = room.stays.remove(key) else { return false };
    if room.stays.is_empty() {
        rooms.remove(topic);
    } else {
        *count += 1;
        room.note(*count, Change::Leave(stay.member));
    }
    true
}
