//! The messages of this user's that the log has not shown yet, below all others.

use std::sync::Arc;

use leptos::prelude::*;

use super::{
    me::Me,
    outbox::{Delivery, Draft},
    room::Room,
    row::Text,
};
use crate::{
    browser,
    icon::{Icon, Shape},
    link::Link,
};

/// The drafts of a room.
#[component]
pub fn Drafts(room: Room) -> impl IntoView {
    view! {
        <For
            each=move || room.drafts.with(|drafts| drafts.drafts().to_vec())
            key=|draft| draft.id.clone()
            children=move |draft| view! { <Pending room draft /> }
        />
    }
}

#[component]
fn Pending(room: Room, draft: Draft) -> impl IntoView {
    let me: Me = expect_context();
    // As the log will show it: nothing moves when it does.
    let first =
        room.drafts.with_untracked(|drafts| drafts.drafts().first().is_some_and(|d| d.id == draft.id));
    let head = first && !room.goes_on_group(draft.time);
    let id = draft.id.clone();
    let delivery = Memo::new(move |_| {
        room.drafts.with(|drafts| {
            let known = drafts.drafts().iter().find(|draft| draft.id == id);
            known.map_or(Delivery::Pending, |draft| draft.delivery.clone())
        })
    });
    let status = move || match delivery.get() {
        Delivery::Pending => "pending",
        Delivery::Sent(_) => "sent",
        Delivery::Failed(_) => "failed",
    };
    let icon = move || {
        let (shape, words) = match delivery.get() {
            Delivery::Pending => (Shape::Clock, "waiting to be sent"),
            Delivery::Sent(_) => (Shape::Tick, "sent"),
            Delivery::Failed(_) => (Shape::Alert, "not sent"),
        };
        view! { <Icon shape /><span class="unseen">{words}</span> }
    };
    let id = draft.id.clone();
    let failed = move || match delivery.get() {
        Delivery::Failed(why) => Some(view! { <Failed room id=id.clone() why /> }),
        _ => None,
    };
    view! {
        <article
            class="message"
            data-testid="message"
            data-own="true"
            data-status=status
            data-user=me.name.get_untracked().map(|name| name.to_string()).unwrap_or_default()
            data-head=head.to_string()
        >
            <div class="bubble">
                <Text text=draft.text.clone() />
                <span class="meta">
                    <time>{browser::zone().hours_minutes(draft.time)}</time>
                    <span class="state">{icon}</span>
                </span>
            </div>
            {failed}
        </article>
    }
}

#[component]
fn Failed(room: Room, id: Arc<str>, why: Arc<str>) -> impl IntoView {
    let link: Link = expect_context();
    let take = move || {
        let mut taken = None;
        room.drafts.update(|drafts| taken = drafts.remove(&id));
        taken
    };
    let drop_it = take.clone();
    view! {
        <div class="failed" role="alert">
            <span>"Not sent: " {why.to_string()} "."</span>
            <button
                class="link-button"
                data-testid="retry"
                on:click=move |_| {
                    if let Some(draft) = take() {
                        room.write(link, &draft.text);
                    }
                }
            >
                "Try again"
            </button>
            <button class="link-button" on:click=move |_| _ = drop_it()>
                "Delete"
            </button>
        </div>
    }
}
