//! Whether the server can be reached apart from the connection: its health, asked over plain HTTP while the
//! panel is open.

use gloo_net::http::Request;
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::SERVER;

/// How often it is asked, in milliseconds.
const EVERY: u32 = 3_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Asking,
    Ready,
    NotReady(u16),
    Unreachable,
}

impl Health {
    const fn tone(self) -> &'static str {
        match self {
            Self::Asking => "plain",
            Self::Ready => "good",
            Self::NotReady(_) | Self::Unreachable => "bad",
        }
    }

    fn words(self) -> String {
        match self {
            Self::Asking => "Asking the server for its health …".to_owned(),
            Self::Ready => "The server is ready".to_owned(),
            Self::NotReady(status) => format!("The server is not ready ({status})"),
            Self::Unreachable => "The server can’t be reached".to_owned(),
        }
    }
}

async fn ask() -> Health {
    match Request::get(&format!("{SERVER}/health/ready")).send().await {
        Ok(answer) if answer.ok() => Health::Ready,
        Ok(answer) => Health::NotReady(answer.status()),
        Err(_) => Health::Unreachable,
    }
}

/// One line that tells it.
#[component]
pub fn ServerLine() -> impl IntoView {
    let health = RwSignal::new(Health::Asking);
    spawn_local(async move {
        // Ends with the panel: the signal is gone then.
        while health.try_get_untracked().is_some() {
            let answer = ask().await;
            if health.try_set(answer).is_some() {
                break;
            }
            TimeoutFuture::new(EVERY).await;
        }
    });
    view! {
        <p class="server-line" data-tone=move || health.get().tone()>
            <span class="server-dot" aria-hidden="true"></span>
            {move || health.get().words()}
        </p>
    }
}
