//! Light or dark: as the system says, until somebody says otherwise here. What they said is stored, and the
//! page sets it before it draws anything (see `index.html`).

use leptos::prelude::*;

use crate::{
    browser,
    icon::{Icon, Shape},
};

/// Under which name the choice is stored; `index.html` reads it too.
const STORED: &str = "everwire.theme";

fn is_dark() -> bool {
    let root = document().document_element();
    match root.and_then(|root| root.get_attribute("data-theme")).as_deref() {
        Some("dark") => true,
        Some("light") => false,
        _ => {
            let query = window().match_media("(prefers-color-scheme: dark)");
            query.ok().flatten().is_some_and(|query| query.matches())
        }
    }
}

/// The switch between light and dark.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let dark = RwSignal::new(is_dark());
    let switch = move |_| {
        dark.set(!is_dark());
        let theme = if dark.get_untracked() { "dark" } else { "light" };
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-theme", theme);
        }
        browser::store(STORED, theme);
    };
    view! {
        <button
            class="icon-button"
            data-testid="theme"
            aria-pressed=move || dark.get().to_string()
            aria-label="Dark theme"
            title="Light or dark"
            on:click=switch
        >
            <Icon shape=Shape::Theme />
        </button>
    }
}
