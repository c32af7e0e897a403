//! The frame of the app: header, pages, panel; and what they share.

use leptos::{ev, prelude::*};

use crate::{
    browser,
    chat::{ChatPage, me::Me, rooms::Rooms},
    dashboard::DashboardPage,
    icon::Mark,
    link::{Link, badge::Badge, panel::Panel},
    route::{Route, use_route},
    theme::ThemeSwitch,
};

/// The app.
#[component]
pub fn App() -> impl IntoView {
    let me = Me::remembered();
    let link = Link::connect(me.name.get_untracked().as_deref());
    let rooms = Rooms::new(link, me);
    provide_context(me);
    provide_context(link);
    provide_context(rooms);

    let route = use_route();
    Effect::new(move |_| {
        if let Route::Chat(Some(room)) = route.get() {
            rooms.open(&room);
        }
    });
    let on_dashboard = Memo::new(move |_| route.get() == Route::Dashboard);
    Effect::new(move |_| {
        let unread = if document().hidden() || on_dashboard.get() { rooms.unread() } else { 0 };
        let page = if on_dashboard.get() { "Dashboard" } else { "Chat" };
        let count = if unread > 0 { format!("({unread}) ") } else { String::new() };
        document().set_title(&format!("{count}{page} · Everwire"));
    });
    // Esc closes the panel wherever the focus is.
    let escape = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" && link.panel_open.get_untracked() {
            link.panel_open.set(false);
            browser::focus("badge");
        }
    });
    on_cleanup(move || escape.remove());

    view! {
        <div class="app" data-panel=move || link.panel_open.get().to_string()>
            <Header on_dashboard />
            <main id="main" class="page">
                <Show when=move || on_dashboard.get() fallback=|| view! { <ChatPage /> }>
                    <DashboardPage />
                </Show>
            </main>
            <Panel />
        </div>
    }
}

#[component]
fn Header(on_dashboard: Memo<bool>) -> impl IntoView {
    let rooms: Rooms = expect_context();
    let current = move |dashboard: bool| (on_dashboard.get() == dashboard).then_some("page");
    // Back to the room that was left.
    let chat = move || Route::Chat(Some(rooms.current_name())).href();
    view! {
        <header class="bar">
            <a class="brand" href=chat aria-label="Everwire">
                <Mark />
                <span class="brand-name">"Everwire"</span>
            </a>
            <nav class="tabs" aria-label="Pages">
                <a data-testid="nav-chat" href=chat aria-current=move || current(false)>
                    "Chat"
                    <Show when=move || on_dashboard.get() && (rooms.unread() > 0)>
                        <span class="tab-dot"><span class="unseen">"unread messages"</span></span>
                    </Show>
                </a>
                <a data-testid="nav-dashboard" href=Route::Dashboard.href() aria-current=move || current(true)>
                    "Dashboard"
                </a>
            </nav>
            <div class="bar-end">
                <Badge />
                <ThemeSwitch />
            </div>
        </header>
    }
}
