//! Where a message is written: Enter sends it, Shift+Enter breaks the line.

use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    html,
    prelude::*,
};

use super::{
    me::Me,
    note::{Note, topic},
    room::{Phase, Room},
    typing::Throttle,
};
use crate::{
    icon::{Icon, Shape},
    link::Link,
};

/// Longest message, in UTF-16 units as the browser counts them: far below what the server takes.
const LENGTH: &str = "4000";

/// The composer of a room.
#[component]
pub fn Composer(room: Room) -> impl IntoView {
    let link: Link = expect_context();
    let me: Me = expect_context();
    let field = NodeRef::<html::Textarea>::new();
    let typed = room.typed.get_value();
    let empty = RwSignal::new(typed.trim().is_empty());
    let throttle = StoredValue::new(Throttle::default());

    let say_typing = move |typing: bool| {
        if let Some(user) = me.name.get_untracked() {
            // It is sent by being dropped, and nobody waits for what becomes of it.
            drop(link.client().publish(&topic(&room.name()), &Note::typing(&user, typing)).ephemeral());
        }
    };
    let stop_typing = move || {
        if throttle.try_update_value(Throttle::stopped).unwrap_or_default() {
            say_typing(false);
        }
    };
    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        let text = field.value();
        let text = text.trim();
        if !text.is_empty() && !matches!(room.phase.get_untracked(), Phase::Refused(_)) {
            throttle.update_value(|throttle| _ = throttle.stopped());
            room.write(link, text);
            field.set_value("");
            room.typed.set_value(String::new());
            empty.set(true);
        }
        let _ = field.focus();
    };
    let input = move |_| {
        let Some(field) = field.get_untracked() else { return };
        let value = field.value();
        let now_empty = value.trim().is_empty();
        room.typed.set_value(value);
        empty.set(now_empty);
        if now_empty {
            stop_typing();
        } else if throttle.try_update_value(|t| t.typed(crate::browser::now())).unwrap_or_default() {
            say_typing(true);
        }
    };
    let key = move |event: KeyboardEvent| {
        // While an input method composes a character, Enter belongs to it.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    on_cleanup(stop_typing);
    view! {
        <form class="composer" on:submit=submit>
            <textarea
                id="composer"
                class="composer-field"
                node_ref=field
                data-testid="composer"
                rows="1"
                maxlength=LENGTH
                placeholder=format!("Message #{}", room.name())
                aria-label=format!("Message to {}", room.name())
                enterkeyhint="send"
                on:input=input
                on:keydown=key
                prop:value=typed
            ></textarea>
            <button
                class="send"
                data-testid="send"
                aria-label="Send"
                title="Send (Enter)"
                aria-disabled=move || empty.get().to_string()
            >
                <Icon shape=Shape::Send />
            </button>
        </form>
    }
}
