//! A small circle that stands for somebody.

use leptos::prelude::*;

use super::people::{hue, initials};

/// The circle. Decoration: the name is told beside it.
#[component]
pub fn Avatar(
    /// Whose.
    name: String,
) -> impl IntoView {
    let style = format!("--hue: {}", hue(&name));
    view! {
        <span class="avatar" style=style aria-hidden="true">
            {initials(&name)}
        </span>
    }
}
