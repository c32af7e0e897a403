//! One row of the list: a message with what belongs above it, or a gap.

use std::sync::Arc;

use everwire::GapReason;
use leptos::prelude::*;

use super::{
    avatar::Avatar,
    linkify::{Segment, linkify},
    log::{Item, Line, Row},
};
use crate::{
    browser,
    format::{day_label, grouped},
    icon::{Icon, Shape},
};

/// Draws a row.
pub fn row(row: Row) -> AnyView {
    match &*row.item {
        Item::Line(line) => view! {
            {row.day.map(day)}
            <Message line=line.clone() head=row.head />
        }
        .into_any(),
        Item::Gap { reason, lost } => gap(*reason, *lost).into_any(),
    }
}

fn day(day: i64) -> impl IntoView {
    let today = browser::zone().day(browser::now());
    view! {
        <h2 class="day"><span>{day_label(day, today)}</span></h2>
    }
}

#[component]
fn Message(line: Line, head: bool) -> impl IntoView {
    let Line { position, time, user, text, own } = line;
    let zone = browser::zone();
    let clock = zone.hours_minutes(time);
    view! {
        <article
            class="message"
            data-testid="message"
            data-offset=position.offset.to_string()
            data-own=own.to_string()
            data-status="sent"
            data-user=user.to_string()
            data-head=head.to_string()
        >
            {(head && !own).then(|| author(&user))}
            <div class="bubble">
                <Text text=text />
                <span class="meta">
                    <time title=zone.hours_minutes_seconds(time)>{clock}</time>
                    {own.then(|| view! { <span class="state"><Icon shape=Shape::Tick /><span class="unseen">"sent"</span></span> })}
                </span>
            </div>
        </article>
    }
}

fn author(user: &Arc<str>) -> impl IntoView + use<> {
    view! {
        <div class="author">
            <Avatar name=user.to_string() />
            <span class="author-name">{user.to_string()}</span>
        </div>
    }
}

/// The words of a message: text stays text, and addresses are links that tell the other side nothing.
#[component]
pub fn Text(text: Arc<str>) -> impl IntoView {
    let segments = linkify(&text)
        .into_iter()
        .map(|segment| match segment {
            Segment::Text(text) => text.to_owned().into_any(),
            Segment::Link(link) => {
                let (href, words) = (link.to_owned(), link.to_owned());
                view! { <a href=href target="_blank" rel="noopener noreferrer nofollow">{words}</a> }
                    .into_any()
            }
        })
        .collect_view();
    view! {
        <p class="text" data-testid="message-text">{segments}</p>
    }
}

fn gap(reason: GapReason, lost: Option<u64>) -> impl IntoView {
    let (name, words) = match (reason, lost) {
        (GapReason::Evicted, Some(1)) => {
            ("evicted", "1 message is missing here: it is no longer kept.".to_owned())
        }
        (GapReason::Evicted, Some(lost)) => {
            let lost = grouped(i64::try_from(lost).unwrap_or(i64::MAX));
            ("evicted", format!("{lost} messages are missing here: they are no longer kept."))
        }
        (GapReason::Evicted, None) => {
            ("evicted", "Messages are missing here: they are no longer kept.".to_owned())
        }
        (GapReason::Epoch, _) => (
            "epoch",
            "The server lost its history here. Messages sent just before may be missing.".to_owned(),
        ),
    };
    view! {
        <p class="gap" data-testid="gap" data-reason=name>
            <span>{words}</span>
        </p>
    }
}
