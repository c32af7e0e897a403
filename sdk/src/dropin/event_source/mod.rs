//! `ResumableEventSource`: the platform's `EventSource`, and what it lacks.

mod builder;
mod events;
mod part;
mod request;

use std::rc::Rc;

use everwire_core::dropin::ReadyState;

use super::host::Host;

pub use builder::EventSourceBuilder;
pub use events::{Events, StreamEvent, StreamMessage};
use part::Part;
pub use request::{Body, Credentials, StreamRequest};

/// An event stream from any server, that goes on where it was when it has been lost.
///
/// ```no_run
/// use std::time::Duration;
///
/// use everwire::dropin::{FailureKind, ResumableEventSource, StreamEvent};
/// use futures::StreamExt;
///
/// async fn follow(token: &str) {
///     let (source, mut events) = ResumableEventSource::builder("/stream")
///         .header("authorization", &format!("Bearer {token}"))
///         .heartbeat_timeout(Duration::from_secs(45))
///         .retry_transient()
///         .open();
///     while let Some(event) = events.next().await {
///         match event {
///             StreamEvent::Open => println!("connected"),
///             StreamEvent::Message(message) => println!("{}: {}", message.event, message.data),
///             StreamEvent::Error(failure) => match &failure.kind {
///                 FailureKind::Refused(refusal) if failure.is_fatal() => {
///                     println!("refused with {}: {}", refusal.status, refusal.body);
///                 }
///                 kind => println!("{kind:?}, and then {:?}", failure.retry),
///             },
///         }
///     }
///     println!("ended after the id {}", source.last_event_id());
/// }
/// ```
///
/// By default it does what section 9.2 of the WHATWG HTML standard says: `id`, `retry`, `event` and `data` mean what they mean
/// there, a stream that ends or breaks off is asked for again with `Last-Event-ID`, a status other than 200 or another content
/// type is the end, and so is [`close`](Self::close), which tells nothing. Redirects are followed. Beyond the standard there
/// are, for who asks for them:
///
/// - any [method](EventSourceBuilder::method), [headers](EventSourceBuilder::header) and a [body](EventSourceBuilder::body), the
///   same for each attempt, or [made anew](EventSourceBuilder::prepare) for each;
/// - a [heartbeat timeout](EventSourceBuilder::heartbeat_timeout), after which a silent stream is dead;
/// - an [id to start from](EventSourceBuilder::last_event_id);
/// - refusals that are [tried again](EventSourceBuilder::retry_transient), after the time that `Retry-After` says. Not so by
///   default, because a server may rely on the standard, by which any refusal stops its clients;
/// - why it failed, with the status and the beginning of the body.
///
/// What it does always: waits grow with each failure in a row, and come after the time that `retry:` says; a stream that says it
/// and brings an event is no failure, however short it is. While the browser is
/// offline nothing is tried, and when it is online again, at once. When the page wakes up or the network has changed, a stream that
/// has told an id and has been silent is probed, by a second request whose answer takes its place. A page that goes into the
/// back/forward cache, or is frozen, closes its stream, and resumes it when it is back. A hidden page stops trying
/// after ten failures in a row, until it is seen.
///
/// A request across origins with a `Last-Event-ID` takes a preflight, and so a server that allows this header; the platform's own
/// is exempt from that. Where the server can't be changed, put the id into the URL by [`prepare`](EventSourceBuilder::prepare).
///
/// Clones are handles to the same event source. When the last one and the [`Events`] are dropped, it is closed.
#[derive(Clone)]
pub struct ResumableEventSource(Rc<Host<Part>>);

impl ResumableEventSource {
    /// An event source at `url`, absolute or relative to the page.
    pub fn builder(url: &str) -> EventSourceBuilder {
        EventSourceBuilder::new(url)
    }

    /// What it does now. It is never `Closing`.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.0.look(|part| part.machine.ready_state())
    }

    /// The absolute URL of the last attempt; empty before the first one.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.look(|part| part.url.clone())
    }

    /// The origin of the stream that is or was open last, after redirects; empty before the first one.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.look(|part| part.origin.clone())
    }

    /// Whether cookies go to other origins too.
    #[must_use]
    pub fn with_credentials(&self) -> bool {
        self.0.look(|part| part.credentials == Credentials::Include)
    }

    /// Where it goes on from: the id of the last event that had one. Good for
    /// [`EventSourceBuilder::last_event_id`] on another page.
    #[must_use]
    pub fn last_event_id(&self) -> String {
        self.0.look(|part| part.last_event_id())
    }

    /// Closes for good. No event follows.
    pub fn close(&self) {
        self.0.input(|part, _| part.machine.close());
    }

    /// Gives up the stream, or the wait for one, and asks for it again at once, from where it is.
    pub fn reconnect(&self) {
        self.0.input(|part, now| part.machine.reconnect(now));
    }

    /// Reads nothing more until [`resume`](Self::resume): the server is told to wait by the network itself. What has been read
    /// already still comes.
    pub fn pause(&self) {
        self.0.input(|part, _| part.pause());
    }

    /// Reads on.
    pub fn resume(&self) {
        self.0.input(|part, now| part.resume(now));
    }
}
