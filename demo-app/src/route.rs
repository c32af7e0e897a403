//! Which page is shown. It is in the address after `#`, so that a page, or a room, can be linked to and the
//! back button works; a static file server needs to know nothing of it.

use std::sync::Arc;

use leptos::{ev, prelude::*};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The chat, and which room of it, where the address says one.
    Chat(Option<Arc<str>>),
    /// The dashboard.
    Dashboard,
}

impl Route {
    /// Reads what follows the `#`. Whatever it doesn't know is the chat: there is no wrong page.
    #[must_use]
    pub fn parse(hash: &str) -> Self {
        let path = hash.trim_start_matches('#').trim_matches('/');
        match path.split_once('/') {
            None if path == "dashboard" => Self::Dashboard,
            Some(("chat", room)) => Self::Chat(room_name(room)),
            _ => Self::Chat(None),
        }
    }

    /// The address, from the `#` on.
    #[must_use]
    pub fn href(&self) -> String {
        match self {
            Self::Chat(None) => "#chat".to_owned(),
            Self::Chat(Some(room)) => format!("#chat/{room}"),
            Self::Dashboard => "#dashboard".to_owned(),
        }
    }
}

/// Makes a room's name of what somebody typed: lower case, with `-` between words, and only what a topic may
/// hold. None when nothing is left.
#[must_use]
pub fn room_name(typed: &str) -> Option<Arc<str>> {
    let mut name = String::new();
    for c in typed.trim().trim_start_matches('#').chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() || c == '_' || c == '.' {
            name.push(c);
        } else if (c.is_whitespace() || c == '-') && !name.ends_with('-') {
            name.push('-');
        }
        if name.len() == 40 {
            break;
        }
    }
    let name = name.trim_matches('-');
    (!name.is_empty()).then(|| name.into())
}

/// The page that the address asks for, followed as it changes.
#[must_use]
pub fn use_route() -> Signal<Route> {
    let read = || Route::parse(&window().location().hash().unwrap_or_default());
    let route = RwSignal::new(read());
    let listener = window_event_listener(ev::hashchange, move |_| route.set(read()));
    on_cleanup(move || listener.remove());
    route.into()
}

/// Goes to a page, as a click on its link would.
pub fn go(route: &Route) {
    let _ = window().location().set_hash(&route.href());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_was_written() {
        for route in [Route::Chat(None), Route::Chat(Some("rust".into())), Route::Dashboard] {
            assert_eq!(Route::parse(&route.href()), route);
        }
    }

    #[test]
    fn what_is_no_page_is_the_chat() {
        for hash in ["", "#", "#/", "#nowhere", "#chat/", "#chat/%%%/"] {
            assert!(matches!(Route::parse(hash), Route::Chat(_)), "{hash}");
        }
        assert_eq!(Route::parse("#/dashboard"), Route::Dashboard);
        assert_eq!(Route::parse("#chat/<b>"), Route::Chat(Some("b".into())));
    }

    #[test]
    fn a_typed_name_becomes_one_that_a_topic_may_have() {
        for (typed, name) in
            [("Rust", "rust"), (" #Café au lait! ", "caf-au-lait"), ("a  -  b", "a-b"), ("v1.2_x", "v1.2_x")]
        {
            assert_eq!(room_name(typed).as_deref(), Some(name));
        }
        assert_eq!(room_name(" -- !"), None);
        assert_eq!(room_name(&"x".repeat(99)).map(|n| n.len()), Some(40));
    }
}
