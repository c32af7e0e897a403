//! The badge in the header: what the connection does, in words and colour. It opens the panel.

use everwire::State;
use leptos::prelude::*;

use super::{Link, words};

/// The badge.
#[component]
pub fn Badge() -> impl IntoView {
    let link: Link = expect_context();
    let state = Memo::new(move |_| link.connection.status().state);
    let transport = Memo::new(move |_| link.connection.status().transport);
    let round_trip = Memo::new(move |_| link.connection.stats().round_trip.map(|time| time.as_millis()));
    let words = move || words::state(state.get(), link.connection.retry_in());
    // Read out: the state, not each second of the countdown.
    let announced = move || words::state(state.get(), None);
    let detail = move || {
        let over = transport.get().map(words::transport).unwrap_or_default();
        match (state.get(), round_trip.get()) {
            (State::Connected, Some(ms)) => format!("{over} · {} ms", ms.max(1)),
            (State::Connected | State::Connecting, _) => over.to_owned(),
            _ => String::new(),
        }
    };
    view! {
        <button
            id="badge"
            class="badge-button"
            data-testid="badge-open"
            aria-expanded=move || link.panel_open.get().to_string()
            aria-controls="panel"
            title="Show the connection"
            on:click=move |_| link.panel_open.update(|open| *open = !*open)
        >
            <span
                class="badge"
                data-testid="badge"
                data-state=move || state.get().as_str()
                data-transport=move || transport.get().map(|transport| transport.as_str()).unwrap_or_default()
                data-rtt=move || round_trip.get().map(|ms| ms.to_string()).unwrap_or_default()
            >
                <span class="badge-dot" aria-hidden="true"></span>
                <span class="badge-words">{words}</span>
                <span class="badge-detail">{detail}</span>
            </span>
        </button>
        <span class="unseen" role="status">{announced}</span>
    }
}
