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
    let me: Me = expect_context();
    let layout = Layout { drawer: RwSignal::new(false), naming: RwSignal::new(false) };
    provide_context(layout);
    rooms.set_reading(true);
    on_cleanup(move || rooms.set_reading(false));
    let nameless = Memo::new(move |_| me.name.with(Option::is_none));
    let close_drawer = move |event: KeyboardEvent| {
        if event.key() == "Escape" && layout.drawer.get_untracked() {
            layout.drawer.set(false);
            browser::focus("open-drawer");
        }
    };
    let current = Memo::new(move |_| rooms.current_name());
    view! {
        <div class="chat" data-drawer=move || layout.drawer.get().to_string() on:keydown=close_drawer>
            <Sidebar />
            <div class="scrim" on:click=move |_| layout.drawer.set(false)></div>
            {move || {
                current.track();
                let room = untrack(|| rooms.current())?;
                Some(view! {
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
                })
            }}
        </div>
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
        match link.status.get().state {
            Offline => Some(("plain", "You are offline. What you write is sent when you are back.".to_owned())),
            Waiting => Some((
                "plain",
                "The connection is lost, and comes back by itself. What you write is sent then.".to_owned(),
            )),
            Closed => Some(("bad", "The server ended this session for good. Reload to begin a new one.".to_owned())),
            _ => None,
        }
    });
    view! {
        <div class="notice-place">
            {move || text.get().map(|(tone, text)| view! { <p class="notice" data-tone=tone>{text}</p> })}
        </div>
    }
}
