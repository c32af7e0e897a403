//! The list of messages: newest in view unless the reader has scrolled up, older ones fetched as the top
//! comes near, and only a window of chunks in the document however long the room is.

use leptos::{html, prelude::*, task::spawn_local};

use super::{
    draft::Drafts,
    room::{Above, ChunkCell, Phase, Room},
    row::row,
};
use crate::{
    browser::SizeWatch,
    format::plural,
    icon::{Icon, Shape},
    link::Link,
};

/// Closer to the end than this, the reader follows it, in pixels.
const FOLLOWS_WITHIN: i32 = 64;
/// Closer to the top than this, older messages are shown or fetched, in pixels.
const MORE_WITHIN: i32 = 600;
/// Chunks in the document while the reader follows the end.
const WINDOW: usize = 6;
/// Chunks added when the reader comes near the top of the window.
const WINDOW_STEP: usize = 3;

/// Where the reader is.
#[derive(Clone, Copy)]
struct Reader {
    room: Room,
    link: Link,
    list: NodeRef<html::Div>,
    /// The newest message is kept in view.
    follows: RwSignal<bool>,
    /// How far the reader had scrolled when it was last looked at.
    top: StoredValue<i32>,
    /// How many chunks, from the end, are in the document.
    window: RwSignal<usize>,
    /// Messages of others that had come when the reader last followed.
    seen: RwSignal<usize>,
    /// More is being put above: the place must be held.
    holds: StoredValue<bool>,
}

impl Reader {
    fn scrolled(self) {
        let Some(list) = self.list.get_untracked() else { return };
        let (top, before) = (list.scroll_top(), self.top.get_value());
        self.top.set_value(top);
        let below = list.scroll_height() - top - list.client_height();
        if below < FOLLOWS_WITHIN {
            self.follow();
        } else if top < before {
            // Only the reader scrolls upwards; that there is more below may be a message that has just come.
            self.follows.set(false);
        }
        if top < MORE_WITHIN && list.scroll_height() > list.client_height() {
            self.show_older();
        }
    }

    fn follow(self) {
        if !self.follows.get_untracked() {
            self.follows.set(true);
        }
        self.seen.set(self.room.arrived.get_untracked());
        if self.window.get_untracked() > WINDOW + WINDOW_STEP {
            self.window.set(WINDOW);
        }
    }

    fn to_end(self) {
        if let Some(list) = self.list.get_untracked() {
            list.set_scroll_top(list.scroll_height());
        }
    }

    /// The list, or what is in it, has another size.
    fn resized(self) {
        if !self.follows.get_untracked() || self.holds.get_value() {
            return;
        }
        self.to_end();
        let list = self.list.get_untracked();
        if list.is_some_and(|list| list.scroll_height() <= list.client_height()) {
            // A list that doesn't fill its place can't be scrolled to ask for more.
            self.show_older();
        }
    }

    fn show_older(self) {
        if self.holds.get_value() {
            return;
        }
        let chunks = self.room.chunks.with_untracked(Vec::len);
        if self.window.get_untracked() < chunks {
            let hold = self.hold();
            self.window.update(|window| *window += WINDOW_STEP);
            hold();
        } else if matches!(self.room.above.get_untracked(), Above::More) {
            spawn_local(async move {
                self.room.load_above(self.link).await;
                // What came is shown from the top of the window, where the reader is.
                let hold = self.hold();
                self.window.update(|window| *window += 1);
                hold();
            });
        }
    }

    /// Keeps what the reader sees where it is, while more is put above it. The place is taken now; what is
    /// returned puts it back once the page has been drawn anew.
    fn hold(self) -> impl FnOnce() {
        self.holds.set_value(true);
        let list = self.list.get_untracked();
        let below = list.as_ref().map_or(0, |list| list.scroll_height() - list.scroll_top());
        move || {
            request_animation_frame(move || {
                if let Some(list) = list {
                    list.set_scroll_top(list.scroll_height() - below);
                }
                let _ = self.holds.try_set_value(false);
            });
        }
    }
}

/// The list of a room.
#[component]
pub fn MessageList(room: Room) -> impl IntoView {
    let reader = Reader {
        room,
        link: expect_context(),
        list: NodeRef::new(),
        follows: RwSignal::new(true),
        top: StoredValue::new(0),
        window: RwSignal::new(WINDOW),
        seen: RwSignal::new(room.arrived.get_untracked()),
        holds: StoredValue::new(false),
    };
    let content = NodeRef::<html::Div>::new();
    let watch = StoredValue::new_local(None);
    Effect::new(move |_| {
        if let (Some(list), Some(content)) = (reader.list.get(), content.get()) {
            watch.set_value(SizeWatch::new(&[&list, &content], move || reader.resized()));
        }
    });
    // What one writes oneself, one wants to see.
    let written = Memo::new(move |_| room.drafts.with(|drafts| drafts.drafts().len()));
    Effect::new(move |before: Option<usize>| {
        let now = written.get();
        if before.is_some_and(|before| now > before) {
            reader.follow();
            reader.to_end();
        }
        now
    });
    // While the reader follows, whatever comes is seen.
    Effect::new(move |_| {
        let arrived = room.arrived.get();
        if reader.follows.get() {
            reader.seen.set(arrived);
        }
    });
    let shown = move || {
        let window = reader.window.get();
        room.chunks.with(|chunks| chunks[chunks.len().saturating_sub(window)..].to_vec())
    };
    view! {
        <div class="list-place">
            <div
                class="list"
                node_ref=reader.list
                data-testid="log"
                role="log"
                aria-label=format!("Messages in {}", room.name())
                aria-busy=move || (room.above.get() == Above::Loading).to_string()
                data-follows=move || reader.follows.get().to_string()
                tabindex="0"
                on:scroll=move |_| reader.scrolled()
            >
                <div class="list-content" node_ref=content>
                    <Top reader />
                    <For each=shown key=|chunk| chunk.id children=|chunk| view! { <Chunk chunk /> } />
                    <Drafts room />
                </div>
            </div>
            <NewMessages reader />
        </div>
    }
}

#[component]
fn Chunk(chunk: ChunkCell) -> impl IntoView {
    view! {
        <div class="chunk">
            <For
                each=move || chunk.rows.get()
                key=|row| (row.key, row.head, row.day)
                children=row
            />
        </div>
    }
}

/// What stands above the oldest message that is shown.
#[component]
fn Top(reader: Reader) -> impl IntoView {
    let room = reader.room;
    let empty = Memo::new(move |_| room.chunks.with(Vec::is_empty));
    let words = move || {
        let (kind, text) = match (room.phase.get(), room.above.get()) {
            (Phase::Opening, _) => return view! { <Skeleton /> }.into_any(),
            (Phase::Refused(_), _) => ("plain", String::new()),
            (Phase::Open, Above::More | Above::Loading) if !empty.get() => {
                ("loading", "Loading earlier messages …".to_owned())
            }
            (Phase::Open, Above::Failed) => {
                return view! {
                    <p class="list-top">
                        "Earlier messages could not be loaded. "
                        <button class="link-button" on:click=move |_| {
                            room.above.set(Above::More);
                            reader.show_older();
                        }>"Try again"</button>
                    </p>
                }
                .into_any();
            }
            (Phase::Open, Above::NotKept) => ("plain", "Earlier messages are no longer kept.".to_owned()),
            (Phase::Open, _) if empty.get() => return view! { <Empty room /> }.into_any(),
            (Phase::Open, _) => ("plain", format!("This is where #{} begins.", room.name())),
        };
        view! {
            <p class="list-top" data-kind=kind>{text}</p>
        }
        .into_any()
    };
    view! { {words} }
}

/// What a room looks like before its messages are here.
#[component]
fn Skeleton() -> impl IntoView {
    view! {
        <div class="skeleton" aria-label="Loading messages" role="img">
            <span style="width: 48%"></span>
            <span style="width: 64%"></span>
            <span style="width: 36%"></span>
        </div>
    }
}

#[component]
fn Empty(room: Room) -> impl IntoView {
    view! {
        <Show when=move || room.drafts.with(|drafts| drafts.drafts().is_empty())>
            <div class="empty">
                <p class="empty-title">"Nothing has been said in #" {room.name().to_string()} " yet."</p>
                <p>"Say hello, or open this page in a second window and talk to yourself."</p>
            </div>
        </Show>
    }
}

/// Tells a reader who has scrolled up what has come since, and leads there.
#[component]
fn NewMessages(reader: Reader) -> impl IntoView {
    let room = reader.room;
    let count = Memo::new(move |_| room.arrived.get().saturating_sub(reader.seen.get()));
    let to_end = move |_| {
        reader.follow();
        reader.to_end();
        crate::browser::focus("composer");
    };
    let pill = move || {
        let words = match count.get() {
            0 => "To the newest".to_owned(),
            count => plural(count, "new message", "new messages"),
        };
        (!reader.follows.get()).then(|| {
            view! {
                <button
                    class="new-messages"
                    data-testid="new-messages"
                    data-count=count.get().to_string()
                    on:click=to_end
                >
                    <Icon shape=Shape::Down />
                    {words}
                </button>
            }
        })
    };
    view! { <div class="new-messages-place">{pill}</div> }
}
