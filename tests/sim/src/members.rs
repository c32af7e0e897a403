//! Who is there, twice: what the server may rightly say, by its connections alone, and what one subscription was told.
//! A member that comes back within the grace has never left. It knows no record and no cursor.

use std::collections::BTreeMap;

use everwire_protocol::{Member, Topic};

use crate::{model::Verdict, server::PRESENCE_GRACE};

/// A member is known by what it tells of itself: each life of each tab says something else.
type Name = String;

#[derive(Debug, Default)]
struct Stay {
    connections: u32,
    /// Since when none of its connections has been there.
    absent_since: Option<u64>,
    /// How often it has rightly left.
    left: u64,
}

/// Every client's stays on every topic, as its connections came and went.
#[derive(Debug, Default)]
pub struct Ledger {
    stays: BTreeMap<(Topic, Name), Stay>,
}

impl Ledger {
    /// A connection of a member is on a topic from now on.
    pub fn joined(&mut self, now: u64, topic: &Topic, name: &str) {
        let stay = self.stay(topic, name);
        stay.settle(now);
        stay.connections += 1;
        stay.absent_since = None;
    }

    /// A connection is not on a topic any more; `clean` when its client said so.
    pub fn parted(&mut self, now: u64, topic: &Topic, name: &str, clean: bool) {
        let stay = self.stay(topic, name);
        stay.connections = stay.connections.saturating_sub(1);
        if stay.connections == 0 {
            stay.absent_since = (!clean).then_some(now);
            stay.left += u64::from(clean);
        }
    }

    /// The server's process ended, and nobody is anywhere any more.
    pub fn forget_all(&mut self, now: u64) {
        for stay in self.stays.values_mut() {
            // Who had left by then may still be told of.
            stay.settle(now);
            (stay.connections, stay.absent_since) = (0, None);
        }
    }

    /// Whether a member may have left so often by now.
    pub fn has_left(&mut self, now: u64, topic: &Topic, name: &str, times: u64) -> bool {
        let stay = self.stay(topic, name);
        stay.settle(now);
        stay.left >= times
    }

    fn stay(&mut self, topic: &Topic, name: &str) -> &mut Stay {
        self.stays.entry((topic.clone(), name.to_owned())).or_default()
    }
}

impl Stay {
    /// Who has been absent for the grace has left.
    fn settle(&mut self, now: u64) {
        if self.absent_since.is_some_and(|since| since + PRESENCE_GRACE <= now) {
            self.absent_since = None;
            self.left += 1;
        }
    }
}

/// Who is on a topic, as one subscription was told.
#[derive(Debug, Default)]
pub struct View {
    members: BTreeMap<Name, Name>,
    told: bool,
    leaves: BTreeMap<Name, u64>,
}

impl View {
    /// Everybody who is there.
    pub fn replace(&mut self, members: Vec<Member>) {
        // What is told again from an earlier place, by another link, has not happened again.
        self.leaves.clear();
        self.told = true;
        self.members = members.into_iter().map(|member| (member.id.to_string(), name(&member))).collect();
    }

    /// Somebody came.
    pub fn join(&mut self, member: &Member) -> Verdict {
        let before = self.members.insert(member.id.to_string(), name(member));
        match before {
            _ if !self.told => Err("presence: somebody came before it was said who is there".to_owned()),
            Some(same) if same == name(member) => Err(format!("presence: {same} came twice")),
            _ => Ok(()),
        }
    }

    /// Somebody went. Answers who, and how often the subscription was told so.
    pub fn leave(&mut self, member: &Member) -> Result<(Name, u64), String> {
        let name = name(member);
        if self.members.remove(&*member.id).is_none() {
            return Err(format!("presence: {name} went, and was not there"));
        }
        let times = self.leaves.entry(name.clone()).or_default();
        *times += 1;
        Ok((name, *times))
    }

    /// Who is there, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.members.values().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

fn name(member: &Member) -> Name {
    member.info.as_deref().unwrap_or_default().to_owned()
}
