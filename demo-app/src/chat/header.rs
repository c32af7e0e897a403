//! The head of a room: its name, who is here, and on a wide screen their list beside the messages.

use std::sync::Arc;

use everwire::State;
use leptos::prelude::*;

use super::{
    Layout,
    avatar::Avatar,
    me::Me,
    people::{Person, sentence},
    room::{Phase, Room},
};
use crate::{
    icon::{Icon, Shape},
    link::Link,
};

fn here(room: Room) -> Memo<Vec<Person>> {
    let me: Me = expect_context();
    Memo::new(move |_| {
        let name = me.name.get();
        room.people.with(|people| people.list(name.as_deref()))
    })
}

/// The head.
#[component]
pub fn RoomHeader(room: Room) -> impl IntoView {
    let layout: Layout = expect_context();
    let people = here(room);
    let link: Link = expect_context();
    let known =
        Memo::new(move |_| matches!(link.connection.status().state, State::Connected | State::Connecting));
    let words = move || match room.phase.get() {
        Phase::Open if !known.get() => "Not connected".to_owned(),
        Phase::Open => people.with(|people| sentence(people)),
        Phase::Opening => "Opening …".to_owned(),
        Phase::Refused(_) => "Not open".to_owned(),
    };
    view! {
        <header class="room-head">
            <button
                id="open-drawer"
                class="icon-button open-drawer"
                aria-label="Rooms"
                aria-controls="rooms"
                aria-expanded=move || layout.drawer.get().to_string()
                on:click=move |_| layout.drawer.update(|open| *open = !*open)
            >
                <Icon shape=Shape::Menu />
            </button>
            <div class="room-title">
                <h1><span class="room-hash" aria-hidden="true">"#"</span>{room.name().to_string()}</h1>
                <p class="room-people" data-testid="members" data-count=move || people.with(Vec::len).to_string()>
                    {words}
                </p>
            </div>
            <div class="faces" data-known=move || known.get().to_string() aria-hidden="true">
                <For
                    each=move || people.get().into_iter().take(4).map(|person| person.name)
                    key=Arc::clone
                    children=|name| view! { <Avatar name=name.to_string() /> }
                />
            </div>
        </header>
    }
}

/// The list of who is here. Only wide screens have a place for it; the head tells the same in a sentence.
#[component]
pub fn PeopleColumn(room: Room) -> impl IntoView {
    let people = here(room);
    view! {
        <aside class="people" aria-label="Who is here">
            <h2>"Here now" <span class="count">{move || people.with(Vec::len)}</span></h2>
            <ul>
                <For
                    each=move || people.get()
                    key=|person| (person.name.clone(), person.windows, person.me)
                    children=|person| {
                        let note = match (person.me, person.windows) {
                            (true, 1) => "you".to_owned(),
                            (true, windows) => format!("you, {windows} windows"),
                            (false, 1) => String::new(),
                            (false, windows) => format!("{windows} windows"),
                        };
                        view! {
                            <li class="person" data-testid="member" data-user=person.name.to_string()>
                                <Avatar name=person.name.to_string() />
                                <span class="person-name">{person.name.to_string()}</span>
                                <span class="person-note">{note}</span>
                            </li>
                        }
                    }
                />
            </ul>
        </aside>
    }
}
