//! Who is here, as people read it: names once, oneself first. Pure.

use std::{collections::BTreeMap, sync::Arc};

use everwire::Member;

/// What somebody without a name is called.
pub const NAMELESS: &str = "Guest";

/// The members of a room, by the id that the server gave each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People(BTreeMap<Arc<str>, Arc<str>>);

/// A name in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: Arc<str>,
    /// How many windows go by it.
    pub windows: usize,
    /// It is this user's.
    pub me: bool,
}

impl People {
    /// Replaces what was known.
    pub fn set(&mut self, members: Vec<Member>) {
        self.0.clear();
        members.into_iter().for_each(|member| self.join(member));
    }

    /// Somebody came.
    pub fn join(&mut self, member: Member) {
        let name = member.subject.or(member.info).filter(|name| !name.trim().is_empty());
        self.0.insert(member.id, name.unwrap_or_else(|| NAMELESS.into()));
    }

    /// Somebody went. Gives the name, when nobody else has it.
    pub fn leave(&mut self, member: &Member) -> Option<Arc<str>> {
        let name = self.0.remove(&member.id)?;
        self.0.values().all(|other| *other != name).then_some(name)
    }

    /// The names, this user's first and the others from A to Z.
    #[must_use]
    pub fn list(&self, me: Option<&str>) -> Vec<Person> {
        let mut windows: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for name in self.0.values() {
            *windows.entry(name).or_default() += 1;
        }
        let me = me.unwrap_or(NAMELESS);
        let mut list: Vec<_> = windows
            .into_iter()
            .map(|(name, windows)| Person { name: name.clone(), windows, me: **name == *me })
            .collect();
        list.sort_by_cached_key(|person| (!person.me, person.name.to_lowercase()));
        list
    }
}

/// `Only you are here`, `You, Ada and 3 others are here`.
#[must_use]
pub fn sentence(list: &[Person]) -> String {
    let name = |person: &Person| if person.me { "You".to_owned() } else { person.name.to_string() };
    match list {
        [] => String::new(),
        [one] if one.me && one.windows == 1 => "Only you are here".to_owned(),
        [one] if one.me => format!("You are here in {} windows", one.windows),
        [one] => format!("{} is here", one.name),
        [one, two] => format!("{} and {} are here", name(one), two.name),
        [one, two, three] => format!("{}, {} and {} are here", name(one), two.name, three.name),
        [one, two, rest @ ..] => format!("{}, {} and {} others are here", name(one), two.name, rest.len()),
    }
}

/// One or two letters that stand for a name in a small circle.
#[must_use]
pub fn initials(name: &str) -> String {
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next());
    let letters: String = match (words.next(), words.next_back()) {
        (Some(first), Some(last)) => [first, last].iter().collect(),
        (Some(first), None) => first.to_string(),
        _ => "?".to_owned(),
    };
    letters.to_uppercase()
}

/// A hue that is always the same for a name, in degrees.
#[must_use]
pub fn hue(name: &str) -> u32 {
    // FNV-1a: spread well, and the same in every visit, which the standard hasher does not promise.
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    // Short names differ in few bits only: spread them over the word before the circle is cut.
    let spread = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    ((spread >> 16) * 360) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, name: Option<&str>) -> Member {
        Member { id: id.into(), subject: None, info: name.map(Into::into) }
    }

    fn people(names: &[&str]) -> People {
        let mut people = People::default();
        people.set(names.iter().enumerate().map(|(i, name)| member(&i.to_string(), Some(name))).collect());
        people
    }

    #[test]
    fn the_sentence_names_oneself_first_and_few_others() {
        for (names, expected) in [
            (&[][..], ""),
            (&["Zoe"], "Only you are here"),
            (&["Zoe", "Zoe"], "You are here in 2 windows"),
            (&["Ada"], "Ada is here"),
            (&["Zoe", "Ada"], "You and Ada are here"),
            (&["ben", "Zoe", "Ada", "Ada"], "You, Ada and ben are here"),
            (&["Ben", "Zoe", "Ada", "Eve", "Joe"], "You, Ada and 3 others are here"),
        ] {
            assert_eq!(sentence(&people(names).list(Some("Zoe"))), expected, "{names:?}");
        }
    }

    #[test]
    fn a_name_is_gone_when_its_last_window_is() {
        let mut people = people(&["Ada", "Ada"]);
        people.join(member("x", None));
        assert_eq!(people.leave(&member("0", None)), None);
        assert_eq!(people.leave(&member("1", None)), Some("Ada".into()));
        assert_eq!(people.leave(&member("1", None)), None);
        assert_eq!(sentence(&people.list(None)), "Only you are here");
    }

    #[test]
    fn initials_are_one_or_two_letters() {
        for (name, expected) in
            [("Ada", "A"), ("ada king lovelace", "AL"), ("", "?"), ("🦀", "?"), ("éa", "É")]
        {
            assert_eq!(initials(name), expected);
        }
        assert!(hue("Ada") < 360 && hue("Ada") != hue("Ben"));
    }
}
