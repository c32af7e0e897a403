//! The icons, drawn in the text's colour. Decoration: whoever uses one says in words what it means.

use leptos::prelude::*;

/// What an icon shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Three lines: opens the list of rooms.
    Menu,
    /// A cross.
    Close,
    /// A paper plane.
    Send,
    /// A plus.
    Plus,
    /// A clock: not acked yet.
    Clock,
    /// A tick: acked.
    Tick,
    /// A circle with an exclamation mark.
    Alert,
    /// An arrow downwards.
    Down,
    /// Two people.
    People,
    /// A half-filled circle.
    Theme,
    /// A cut wire.
    Cut,
    /// Rows and columns.
    Table,
    /// A line that rises.
    Chart,
}

impl Shape {
    const fn path(self) -> &'static str {
        match self {
            Self::Menu => "M3 6h14M3 10h14M3 14h14",
            Self::Close => "M5 5l10 10M15 5L5 15",
            Self::Send => "M3.5 10L16.5 4l-4 12.5-3-5zM9.5 11.5L16.5 4",
            Self::Plus => "M10 4v12M4 10h12",
            Self::Clock => "M10 3.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M10 6.5V10l2.5 1.5",
            Self::Tick => "M4.5 10.5l3.5 3.5 7.5-8",
            Self::Alert => "M10 3.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M10 6.5v4.2M10 13.4v.1",
            Self::Down => "M10 4v12M5 11l5 5 5-5",
            Self::People => {
                "M7.5 4.5a2.75 2.75 0 1 0 0 5.5a2.75 2.75 0 1 0 0-5.5M2.5 16c.3-3 2.2-4.5 5-4.5s4.7 1.5 5 4.5\
                 M13 4.8a2.75 2.75 0 0 1 0 5M14.5 11.8c1.8.5 2.8 1.9 3 4.2"
            }
            Self::Theme => {
                "M10 3.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M10 3.5v13M10 7h3.5M10 10h6M10 13h3.5"
            }
            Self::Cut => "M2.5 10h5M12.5 10h5M9 6.5l2 7",
            Self::Table => "M3.5 4.5h13v11h-13zM3.5 8.5h13M3.5 12h13M8 4.5v11",
            Self::Chart => "M3.5 3.5v13h13M6 12.5l3-4 3 2.5 4-6",
        }
    }
}

/// Draws an icon.
#[component]
pub fn Icon(
    /// What it shows.
    shape: Shape,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
            <path d=shape.path() />
        </svg>
    }
}

/// The mark of Everwire: a wire that goes on through a break.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d="M2 12h4c3 0 3-5 6-5s3 10 6 10 2.5-5 4-5" />
            <circle cx="12" cy="7" r="2.2" />
            <circle cx="18" cy="17" r="2.2" />
        </svg>
    }
}
