//! Who is on a topic.

use everwire::{Event, From, Member, Payload};
use leptos::prelude::*;

use crate::batches::use_batches;

/// Who is on a topic, in the order in which they came; this client among them, for as long as the owner lives. A
/// reconnect is no coming and going.
///
/// # Panics
/// As [`use_client`](crate::use_client).
pub fn use_presence(topic: impl Into<Signal<String>>) -> ReadSignal<Vec<Member>> {
    let topic = topic.into();
    let (members, set_members) = signal(Vec::new());
    use_batches::<Payload>(
        move |client| {
            let topic = topic.get();
            set_members.set(Vec::new());
            client.subscribe_raw(&topic).from(From::Latest).presence(true)
        },
        move |batch| {
            set_members.maybe_update(|members| {
                let changes = batch.into_iter().map(|event| apply(members, event));
                changes.fold(false, |changed, this| changed | this)
            });
        },
    );
    members
}

/// Returns whether anything changed.
fn apply<T>(members: &mut Vec<Member>, event: Event<T>) -> bool {
    match event {
        Event::Members(all) => {
            let changed = *members != all;
            *members = all;
            changed
        }
        Event::Join(member) => {
            match members.iter_mut().find(|known| known.id == member.id) {
                Some(known) => *known = member,
                None => members.push(member),
            }
            true
        }
        Event::Leave(member) => {
            let before = members.len();
            members.retain(|known| known.id != member.id);
            members.len() < before
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, info: &str) -> Member {
        Member { id: id.into(), subject: None, info: Some(info.into()) }
    }

    #[test]
    fn members_come_change_and_go() {
        let mut members = Vec::new();
        let mut tell = |event: Event<Payload>| {
            let changed = apply(&mut members, event);
            let names: Vec<_> = members.iter().filter_map(|member| member.info.as_deref()).collect();
            (changed, names.join(" "))
        };
        let all = vec![member("1", "Ada"), member("2", "Ben")];
        assert_eq!(tell(Event::Members(all.clone())), (true, "Ada Ben".into()));
        assert_eq!(tell(Event::Members(all)), (false, "Ada Ben".into()), "the same list draws nothing anew");
        assert_eq!(tell(Event::Join(member("3", "Eve"))), (true, "Ada Ben Eve".into()));
        assert_eq!(tell(Event::Join(member("1", "Zoe"))), (true, "Zoe Ben Eve".into()));
        assert_eq!(tell(Event::Leave(member("2", "Ben"))), (true, "Zoe Eve".into()));
        assert_eq!(tell(Event::Leave(member("2", "Ben"))), (false, "Zoe Eve".into()));
    }
}
