//! Puts the app into the page, in the place of the page's own loading state.

use everwire_demo_app::{app::App, browser};

fn main() {
    if let Some(loading) = browser::element("loading") {
        loading.remove();
    }
    leptos::mount::mount_to_body(App);
}
