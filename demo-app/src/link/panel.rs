//! The connection panel: choose a transport, cut the wire, go offline, and watch what the client makes of it.

use leptos::{ev::KeyboardEvent, prelude::*};

use super::{Link, counters::Counters, picker::Picker, server::ServerLine, timeline::Entry};
use crate::{
    browser,
    icon::{Icon, Shape},
};

/// The panel; nothing while it is closed.
#[component]
pub fn Panel() -> impl IntoView {
    let link: Link = expect_context();
    view! { <Show when=move || link.panel_open.get()>{move || view! { <Open link /> }}</Show> }
}

#[component]
fn Open(link: Link) -> impl IntoView {
    browser::focus("panel-title");
    let close = move || {
        link.panel_open.set(false);
        browser::focus("badge");
    };
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            close();
        }
    };
    view! {
        <aside id="panel" class="panel" data-testid="panel" aria-labelledby="panel-title" on:keydown=on_key>
            <header class="panel-head">
                <h2 id="panel-title" tabindex="-1">"Connection"</h2>
                <button class="icon-button" aria-label="Close the panel" on:click=move |_| close()>
                    <Icon shape=Shape::Close />
                </button>
            </header>
            <div class="panel-body">
                <ServerLine />
                <Picker />
                <section class="panel-section" aria-label="Faults">
                    <h3>"Break it"</h3>
                    <div class="faults">
                        <button class="button" data-testid="cut" on:click=move |_| link.cut()>
                            <Icon shape=Shape::Cut />
                            "Cut now"
                        </button>
                        <label class="switch">
                            <input
                                type="checkbox"
                                role="switch"
                                data-testid="offline"
                                prop:checked=move || link.kept_offline.get()
                                on:change=move |event| link.keep_offline(event_target_checked(&event))
                            />
                            <span class="switch-track" aria-hidden="true"></span>
                            "Go offline"
                        </label>
                    </div>
                    <p class="hint">"Whatever you break: no message is lost, repeated or out of order."</p>
                </section>
                <Counters />
                <section class="panel-section" aria-label="Timeline">
                    <h3>"Timeline"</h3>
                    <ol class="timeline" data-testid="timeline">
                        <For
                            each=move || link.timeline.with(super::timeline::Timeline::entries)
                            key=|entry| entry.key
                            children=|entry| view! { <TimelineEntry entry /> }
                        />
                    </ol>
                </section>
            </div>
        </aside>
    }
}

#[component]
fn TimelineEntry(entry: Entry) -> impl IntoView {
    let time = browser::zone().hours_minutes_seconds(entry.time);
    view! {
        <li class="timeline-entry" data-tone=entry.tone.as_str()>
            <time>{time}</time>
            <span class="timeline-what">
                {entry.what.to_string()} <span class="timeline-why">{entry.why.to_string()}</span>
            </span>
        </li>
    }
}
