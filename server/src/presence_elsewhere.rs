//! Who is on a topic by other instances, and what those have to be told of the members here. An instance
//! tells the state that a member has here, not its changes: what was not told can be told later, and what
//! was told twice does no harm. It knows no store, and nothing of how instances are reached.

use std::{
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

use everwire_protocol::{Member, Topic};
use siphasher::sip::SipHasher24;

use super::{Change, Presence, Visitor};

/// What all instances make their members' public ids of. Nobody else knows it, so an id tells nothing of
/// the client id that it was made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secret([u8; 16]);

impl Secret {
    pub fn number(self, topic: &Topic, visitor: &Visitor) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        (topic.as_str(), visitor.client_id.as_str(), &visitor.subject).hash(&mut hasher);
        hasher.finish()
    }
}

/// The name of another instance.
pub type Instance = Arc<str>;

/// The members of one topic by other instances.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// Whether it is listened to.
    followed: bool,
    /// Almost always one instance a member.
    members: HashMap<Arc<str>, Vec<(Instance, Member)>>,
    /// What was heard while the whole list was on its way: that is newer than the list.
    heard: Option<HashSet<(Arc<str>, Instance)>>,
}

impl Elsewhere {
    pub fn is_empty(&self) -> bool {
        !self.followed && self.members.is_empty()
    }

    /// One member each, whatever the number of instances that it is there by.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter_map(|by| by.first()).map(|(_, member)| member)
    }

    pub fn by_id(&self, id: &str) -> Option<&Member> {
        self.members.get(id)?.first().map(|(_, member)| member)
    }

    pub fn has(&self, member: &Member) -> bool {
        self.by_id(&member.id) == Some(member)
    }

    /// By an instance, a member is there or not; answers by how many there are more.
    fn set(&mut self, id: &Arc<str>, instance: &Instance, member: Option<Member>) -> isize {
        let by = self.members.entry(Arc::clone(id)).or_default();
        let before = by.len();
        by.retain(|(other, _)| other != instance);
        by.extend(member.map(|member| (Arc::clone(instance), member)));
        let after = by.len();
        if by.is_empty() {
            self.members.remove(id);
        }
        after as isize - before as isize
    }
}

/// What other instances have to be told: of a topic, that a member is there by this one, or is not.
pub type Told = (Topic, Arc<str>, Option<Member>);

impl Presence {
    /// From now on members' ids are made of a secret that all instances share, and changes are kept to be
    /// told to the others. Those that are here already have to be told again.
    pub fn share(&self, secret: [u8; 16]) {
        let mut inner = self.lock();
        inner.secret = Some(Secret(secret));
        let all = inner.rooms.iter().flat_map(|(topic, room)| {
            room.stays.values().map(|stay| (topic.clone(), Arc::clone(&stay.member.id)))
        });
        let all: Vec<_> = all.collect();
        inner.untold.extend(all);
        self.changed.notify_one();
    }

    /// Waits until there is something to tell. May return when there is nothing.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes out what the others have to be told, at most so many.
    #[must_use]
    pub fn take_untold(&self, most: usize) -> Vec<Told> {
        let mut inner = self.lock();
        let some: Vec<_> = inner.untold.iter().take(most).cloned().collect();
        some.into_iter()
            .map(|what| {
                inner.untold.remove(&what);
                let (topic, id) = what;
                let stays = inner.rooms.get(&topic).map(|room| room.stays.values());
                let member = stays.and_then(|mut stays| stays.find(|stay| stay.member.id == id));
                let member = member.map(|stay| stay.member.clone());
                (topic, id, member)
            })
            .collect()
    }

    /// Puts back what could not be told.
    pub fn still_untold(&self, told: Vec<Told>) {
        let mut inner = self.lock();
        inner.untold.extend(told.into_iter().map(|(topic, id, _)| (topic, id)));
        self.changed.notify_one();
    }

    /// The whole list of a topic's members elsewhere is asked for: what is heard from here on is newer.
    pub fn begin_list(&self, topic: &Topic) {
        let mut inner = self.lock();
        let elsewhere = &mut inner.rooms.entry(topic.clone()).or_default().elsewhere;
        elsewhere.followed = true;
        elsewhere.heard = Some(HashSet::new());
    }

    /// The list that was asked for. True when readers here have to be told.
    pub fn end_list(&self, topic: &Topic, list: Vec<(Instance, Member)>) -> bool {
        let heard = {
            let mut inner = self.lock();
            let Some(room) = inner.rooms.get_mut(topic) else { return false };
            room.elsewhere.heard.take().unwrap_or_default()
        };
        let mut given = HashMap::new();
        for (instance, member) in list {
            given.insert((Arc::clone(&member.id), instance), member);
        }
        let gone = {
            let inner = self.lock();
            let Some(room) = inner.rooms.get(topic) else { return false };
            let known = room.elsewhere.members.iter();
            let known = known.flat_map(|(id, by)| by.iter().map(|(by, _)| (Arc::clone(id), Arc::clone(by))));
            known.filter(|known| !given.contains_key(known)).collect::<Vec<_>>()
        };
        let all = given.into_iter().map(|(who, member)| (who, Some(member)));
        let mut told = false;
        for ((id, instance), member) in all.chain(gone.into_iter().map(|who| (who, None))) {
            if !heard.contains(&(Arc::clone(&id), Arc::clone(&instance))) {
                told |= self.heard(topic, &instance, &id, member);
            }
        }
        told
    }

    /// An instance says that a member is there by it, or is not any more. True when readers here have to be
    /// told.
    pub fn heard(&self, topic: &Topic, instance: &Instance, id: &Arc<str>, member: Option<Member>) -> bool {
        let mut inner = self.lock();
        let full = inner.stays >= self.most;
        let Some(room) = inner.rooms.get_mut(topic).filter(|room| room.elsewhere.followed) else {
            return false;
        };
        if let Some(heard) = &mut room.elsewhere.heard {
            heard.insert((Arc::clone(id), Arc::clone(instance)));
        }
        if full && member.is_some() && room.elsewhere.by_id(id).is_none() {
            return false;
        }
        let before = room.elsewhere.by_id(id).cloned();
        let more = room.elsewhere.set(id, instance, member);
        let after = room.elsewhere.by_id(id).cloned();
        // Who is here too is known by what it says here.
        let change = match (before, after) {
            _ if room.here.contains(id) => None,
            (Some(member), None) => Some(Change::Leave(member)),
            (before, Some(member)) if before.as_ref() != Some(&member) => Some(Change::Join(member)),
            _ => None,
        };
        inner.stays = inner.stays.saturating_add_signed(more);
        let told = change.is_some();
        if let Some(change) = change {
            inner.count += 1;
            let number = inner.count;
            if let Some(room) = inner.rooms.get_mut(topic) {
                room.note(number, change);
            }
        }
        told
    }

    /// The instances that members are there by.
    #[must_use]
    pub fn instances(&self) -> HashSet<Instance> {
        let inner = self.lock();
        let rooms = inner.rooms.values().flat_map(|room| room.elsewhere.members.values().flatten());
        rooms.map(|(instance, _)| Arc::clone(instance)).collect()
    }

    /// An instance is dead: all who were there by it are not. Answers who that was.
    pub fn forget_instance(&self, instance: &Instance) -> Vec<(Topic, Arc<str>)> {
        let gone: Vec<_> = {
            let inner = self.lock();
            let rooms = inner.rooms.iter().flat_map(|(topic, room)| {
                let by = room.elsewhere.members.iter();
                let by = by.filter(|(_, by)| by.iter().any(|(other, _)| other == instance));
                by.map(move |(id, _)| (topic.clone(), Arc::clone(id)))
            });
            rooms.collect()
        };
        for (topic, id) in &gone {
            self.heard(topic, instance, id, None);
        }
        gone
    }

    /// A topic is not listened to any more: who is on it elsewhere is not known from here on.
    pub fn forget_elsewhere(&self, topic: &Topic) {
        let mut inner = self.lock();
        let Some(room) = inner.rooms.get_mut(topic) else { return };
        let gone = std::mem::take(&mut room.elsewhere);
        let empty = room.is_empty();
        inner.stays -= gone.members.values().map(Vec::len).sum::<usize>().min(inner.stays);
        if empty {
            inner.rooms.remove(topic);
        }
    }
}
