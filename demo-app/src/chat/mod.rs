//! The chat: rooms at the side, one of them shown.

mod avatar;
mod composer;
mod draft;
mod header;
pub mod linkify;
mod list;
pub mod log;
pub mod me;
mod name;
pub mod note;
pub mod outbox;
pub mod people;
pub mod room;
pub mod rooms;
mod row;
mod sidebar;
pub mod typing;

use leptos::{ev::KeyboardEvent, prelude::*};

use self::{
    composer::Composer,
    header::{PeopleColumn, RoomHeader},
    list::MessageList,
    me::Me,
    name::NameForm,
    room::{Phase, Room},
    rooms::Rooms,
    sidebar::Sidebar,
};
use crate::{browser, link::Link};

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct Layout {
    /// The list of rooms is drawn over the page, where it has no place beside it.
    drawer: RwSignal<bool>,
    /// The name is being chosen, in the place of the composer.
    naming: RwSignal<bool>,
}

/// The page.
#[component]
pub fn ChatPage() -> impl IntoView {
    let rooms: Rooms = expect_context();
    let layout = Layout { drawer: RwSignal::new(false), naming: RwSignal::new(false) };
    provide_context(layout);
    rooms.set_reading(true);
    on_cleanup(move || rooms.set_reading(false));
    let close_drawer = move |event: KeyboardEvent| {
        if event.key() == "Escape" && layout.drawer.get_untracked() {
            layout.drawer.set(false);
            browser::focus("open-drawer");
        }
    };
    view! {
        <div class="chat" data-drawer=move || layout.drawer.get().to_string() on:keydown=close_drawer>
            <Sidebar />
            <div class="scrim" on:click=move |_| layout.drawer.set(false)></div>
            // Keyed, so that another room is another list and not the same one with other rows.
            <For
                each=move || rooms.current()
                key=|room| room.name()
                children=|room| view! { <RoomView room /> }
            />
        </div>
    }
}

/// The room that is read.
#[component]
fn RoomView(room: Room) -> impl IntoView {
    let me: Me = expect_context();
    let layout: Layout = expect_context();
    let nameless = Memo::new(move |_| me.name.with(Option::is_none));
    view! {
        <section class="room" aria-label=format!("Room {}", room.name())>
            <RoomHeader room />
            <Notice room />
            <MessageList room />
            <p class="typing" data-testid="typing" aria-live="polite">
                {move || room.typists.with(typing::Typists::sentence)}
            </p>
            <Show
                when=move || nameless.get() || layout.naming.get()
                fallback=move || view! { <Composer room /> }
            >
                <NameForm />
            </Show>
        </section>
        <PeopleColumn room />
    }
}

/// One line above the messages, when something stands in their way.
#[component]
fn Notice(room: Room) -> impl IntoView {
    let link: Link = expect_context();
    let text = Memo::new(move |_| {
        use everwire::State::{Closed, Offline, Waiting};
        if let Phase::Refused(why) = room.phase.get() {
            return Some(("bad", format!("This room can’t be opened: {why}.")));
        }
        match link.connection.status().state {
            Offline => Some(("plain", "You are offline. What you write waits here.".to_owned())),
            Waiting => Some(("plain", "The connection is lost. What you write waits here.".to_owned())),
            Closed => {
                Some(("bad", "The server ended this session for good. Reload to begin a new one.".to_owned()))
            }
            _ => None,
        }
    });
    view! {
        <div class="notice-place">
            {move || text.get().map(|(tone, text)| view! { <p class="notice" data-tone=tone>{text}</p> })}
        </div>
    }
}
