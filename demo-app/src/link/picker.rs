//! The choice of a transport.

use everwire::Transport;
use leptos::prelude::*;

use super::{Link, words};

/// One radio button for each transport, and one that leaves the choice to the client.
#[component]
pub fn Picker() -> impl IntoView {
    let link: Link = expect_context();
    // The demo shares no connection among tabs.
    let ways = Transport::ALL.into_iter().filter(|transport| *transport != Transport::Tab);
    view! {
        <fieldset class="panel-section picker">
            <legend>"Transport"</legend>
            <Choice link choice=None />
            {ways.map(|transport| view! { <Choice link choice=Some(transport) /> }).collect_view()}
        </fieldset>
    }
}

#[component]
fn Choice(link: Link, choice: Option<Transport>) -> impl IntoView {
    let name = choice.map_or("auto", Transport::as_str);
    let words = choice.map_or("Automatic", words::transport);
    let about = choice.map_or("The best that works", words::about);
    let used = move || {
        let status = link.connection.status();
        choice.is_some() && status.transport == choice && status.state == everwire::State::Connected
    };
    view! {
        <label class="choice">
            <input
                type="radio"
                name="transport"
                value=name
                data-testid=format!("transport-{name}")
                prop:checked=move || link.choice.get() == choice
                on:change=move |_| link.choose(choice)
            />
            <span class="choice-words">
                {words} <Show when=used><span class="choice-used">"in use"</span></Show>
            </span>
            <span class="choice-about">{about}</span>
        </label>
    }
}
