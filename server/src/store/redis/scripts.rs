//! The scripts that Redis runs for the store, and the keys that they work on. Each touches one topic alone,
//! whose name is the hash tag of its keys, so they work in a cluster too.

use std::sync::LazyLock;

use everwire_protocol::Topic;
use redis::Script;

macro_rules! about_a_topic {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("topic.lua"), include_str!($file))))
    };
}

pub static APPEND: LazyLock<Script> = about_a_topic!("append.lua");
pub static READ: LazyLock<Script> = about_a_topic!("read.lua");
pub static PAGE: LazyLock<Script> = about_a_topic!("page.lua");
pub static MEMBER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("member.lua")));

/// The names of keys and channels: those of two prefixes have nothing to do with each other.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
}

impl Names {
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The keys of a topic's log, in the scripts' order.
    pub fn log(&self, topic: &Topic) -> [String; 4] {
        ["state", "log", "known", "order"].map(|what| self.of(topic, what))
    }

    /// Who is on a topic.
    pub fn members(&self, topic: &Topic) -> String {
        self.of(topic, "members")
    }

    fn of(&self, topic: &Topic, what: &str) -> String {
        format!("{}:{{{topic}}}:{what}", self.prefix)
    }

    /// Where a topic's news are told.
    pub fn channel(&self, topic: &Topic) -> String {
        format!("{}:{{{topic}}}", self.prefix)
    }

    /// The topic of a channel.
    pub fn topic_of<'a>(&self, channel: &'a [u8]) -> Option<&'a str> {
        let channel = std::str::from_utf8(channel).ok()?;
        channel.strip_prefix(&*self.prefix)?.strip_prefix(":{")?.strip_suffix('}')
    }

    /// An instance is alive as long as this is there.
    pub fn instance(&self, instance: &str) -> String {
        format!("{}:instance:{instance}", self.prefix)
    }

    /// What all instances make members' ids of.
    pub fn secret(&self) -> String {
        format!("{}:secret", self.prefix)
    }

    /// The topics that have a log, a set.
    pub fn topics(&self) -> String {
        format!("{}:topics", self.prefix)
    }

    /// The cursors of a reader that outlives an instance.
    pub fn cursors(&self, reader: &str) -> String {
        format!("{}:cursors:{reader}", self.prefix)
    }

    /// Which instance is that reader.
    pub fn lease(&self, reader: &str) -> String {
        format!("{}:lease:{reader}", self.prefix)
    }

    /// What was put down to be taken once.
    pub fn once(&self, name: &str) -> String {
        format!("{}:once:{name}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_tells_its_topic_and_nobody_elses() {
        let topic = Topic::new("room:a").expect("a topic");
        let names = Names::new("x");
        assert_eq!(names.topic_of(names.channel(&topic).as_bytes()), Some("room:a"));
        for other in ["y:{room:a}", "x:{room:a}:log", "x", "x:{", ""] {
            assert_eq!(names.topic_of(other.as_bytes()), None, "{other}");
        }
    }
}
