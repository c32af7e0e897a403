//! The rooms, a way to add one, and who this user is.

use std::sync::Arc;

use leptos::{ev::SubmitEvent, html, prelude::*};

use super::{Layout, avatar::Avatar, me::Me, room::Room, rooms::Rooms};
use crate::{
    browser,
    icon::{Icon, Shape},
    route::{Route, go, room_name},
};

/// The side bar; on a narrow screen a drawer.
#[component]
pub fn Sidebar() -> impl IntoView {
    let rooms: Rooms = expect_context();
    let layout: Layout = expect_context();
    view! {
        <nav id="rooms" class="sidebar" aria-label="Rooms">
            <div class="sidebar-head">
                <h2>"Rooms"</h2>
                <button
                    class="icon-button sidebar-close"
                    aria-label="Close the list of rooms"
                    on:click=move |_| {
                        layout.drawer.set(false);
                        browser::focus("open-drawer");
                    }
                >
                    <Icon shape=Shape::Close />
                </button>
            </div>
            <ul class="rooms" data-testid="room-list">
                <For each=move || rooms.list() key=|room| room.name() children=|room| view! { <Entry room /> } />
            </ul>
            <NewRoom />
            <MyName />
        </nav>
    }
}

#[component]
fn Entry(room: Room) -> impl IntoView {
    let rooms: Rooms = expect_context();
    let layout: Layout = expect_context();
    let name = room.name();
    let current = {
        let name = name.clone();
        Memo::new(move |_| rooms.current_name() == name)
    };
    let unread = move || {
        let count = room.unread.get();
        (count > 0).then(|| {
            let shown = if count > 99 { "99+".to_owned() } else { count.to_string() };
            view! {
                <span class="unread">{shown} <span class="unseen">" unread"</span></span>
            }
        })
    };
    let leave = {
        let name = name.clone();
        move |_| {
            if current.get_untracked() {
                go(&Route::Chat(Some(super::rooms::COMMON[0].into())));
            }
            rooms.leave(&name);
        }
    };
    view! {
        <li class="rooms-entry">
            <a
                class="room-link"
                href=Route::Chat(Some(name.clone())).href()
                data-testid=format!("room-{name}")
                data-unread=move || room.unread.get().to_string()
                aria-current=move || current.get().then_some("true")
                on:click=move |_| layout.drawer.set(false)
            >
                <span class="room-hash" aria-hidden="true">"#"</span>
                <span class="room-name">{name.to_string()}</span>
                {unread}
            </a>
            {Rooms::is_own(&name)
                .then(|| {
                    view! {
                        <button
                            class="icon-button room-leave"
                            aria-label=format!("Leave {name}")
                            title="Leave this room"
                            on:click=leave
                        >
                            <Icon shape=Shape::Close />
                        </button>
                    }
                })}
        </li>
    }
}

#[component]
fn NewRoom() -> impl IntoView {
    let layout: Layout = expect_context();
    let input = NodeRef::<html::Input>::new();
    let add = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(input) = input.get_untracked() else { return };
        if let Some(name) = room_name(&input.value()) {
            input.set_value("");
            layout.drawer.set(false);
            go(&Route::Chat(Some(name)));
        }
    };
    view! {
        <form class="new-room" on:submit=add>
            <input
                class="field"
                node_ref=input
                data-testid="new-room"
                aria-label="Name of a new room"
                placeholder="New room"
                autocomplete="off"
                autocapitalize="none"
                maxlength="40"
            />
            <button class="icon-button" aria-label="Add the room" title="Add the room">
                <Icon shape=Shape::Plus />
            </button>
        </form>
    }
}

#[component]
fn MyName() -> impl IntoView {
    let me: Me = expect_context();
    let layout: Layout = expect_context();
    let change = move |_| {
        layout.naming.set(true);
        layout.drawer.set(false);
    };
    let shown = move |name: Arc<str>| {
        view! {
            <div class="my-name">
                <Avatar name=name.to_string() />
                <span class="my-name-text">{name.to_string()}</span>
                <button class="link-button" data-testid="rename" on:click=change>
                    "Change" <span class="unseen">" your name"</span>
                </button>
            </div>
        }
    };
    move || me.name.get().map(shown)
}
