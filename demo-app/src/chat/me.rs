//! This user: the name they chose, kept for later visits, and which messages are theirs.

use std::sync::Arc;

use leptos::prelude::*;

use crate::browser;

const NAME: &str = "everwire.name";
const WROTE_AS: &str = "everwire.publishers";
/// How many earlier publishers are remembered, so that one's own messages of yesterday are still one's own.
const REMEMBERED: usize = 16;
/// Longest name, in characters.
pub const NAME_LENGTH: usize = 32;

/// This user.
#[derive(Clone, Copy)]
pub struct Me {
    /// The name; none before the first visit's first message.
    pub name: RwSignal<Option<Arc<str>>>,
    /// The publishers that this browser has published with, newest first.
    wrote_as: StoredValue<Vec<String>>,
}

impl Me {
    /// The user of the last visit, if there was one.
    #[must_use]
    pub fn remembered() -> Self {
        let ids = browser::stored(WROTE_AS).unwrap_or_default();
        let ids = ids.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect();
        let name = browser::stored(NAME).and_then(|name| tidy(&name));
        Self { name: RwSignal::new(name), wrote_as: StoredValue::new(ids) }
    }

    /// Takes a name. Gives false for one that is no name, or the same.
    pub fn rename(&self, typed: &str) -> bool {
        let Some(name) = tidy(typed) else { return false };
        if self.name.get_untracked().as_ref() == Some(&name) {
            return false;
        }
        browser::store(NAME, &name);
        self.name.set(Some(name));
        true
    }

    /// This browser publishes under this name.
    pub fn writes_as(&self, publisher: &str) {
        if self.wrote_as.with_value(|ids| ids.first().is_some_and(|newest| newest == publisher)) {
            return;
        }
        self.wrote_as.update_value(|ids| {
            ids.retain(|id| id != publisher);
            ids.insert(0, publisher.to_owned());
            ids.truncate(REMEMBERED);
        });
        browser::store(WROTE_AS, &self.wrote_as.with_value(|ids| ids.join(" ")));
    }

    /// Whether this browser published under an id.
    #[must_use]
    pub fn wrote(&self, publish: &str) -> bool {
        let publisher = publisher_of(publish);
        self.wrote_as.with_value(|ids| ids.iter().any(|id| id == publisher))
    }
}

/// The publisher in the id of a publish: what stands before its first dot is the same for all of a client's.
#[must_use]
pub fn publisher_of(publish: &str) -> &str {
    publish.split_once('.').map_or(publish, |(publisher, _)| publisher)
}

/// A name as it may be shown: single spaces, no control characters, not too long.
fn tidy(typed: &str) -> Option<Arc<str>> {
    let visible: String = typed.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = name.chars().take(NAME_LENGTH).collect();
    (!name.is_empty()).then(|| name.trim_end().into())
}

/// A name to begin with, for who has no idea.
#[must_use]
pub fn suggestion() -> String {
    const KINDS: [&str; 8] = ["Calm", "Bright", "Quiet", "Brave", "Swift", "Kind", "Merry", "Patient"];
    const BEASTS: [&str; 8] = ["Otter", "Heron", "Lynx", "Wren", "Badger", "Marten", "Plover", "Hare"];
    let pick = |names: &[&'static str; 8]| names[(js_sys::Math::random() * 8.0) as usize % 8];
    format!("{} {}", pick(&KINDS), pick(&BEASTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_tells_its_publisher() {
        assert_eq!(publisher_of("abc.17.xyz"), "abc");
        assert_eq!(publisher_of("foreign"), "foreign");
    }

    #[test]
    fn a_name_is_made_tidy_or_refused() {
        assert_eq!(tidy("  Ada \n Lovelace\u{7} ").as_deref(), Some("Ada Lovelace"));
        assert_eq!(tidy(" \t "), None);
        assert_eq!(tidy(&"é".repeat(99)).map(|name| name.chars().count()), Some(NAME_LENGTH));
    }
}
