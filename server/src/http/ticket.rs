//! Tickets: for a native `EventSource`, which can send no header, and whose URL must hold no token. A ticket
//! stands for a token for a moment, once. They are kept and not signed: what is taken out can't be used again,
//! and a ticket in somebody's log is worth nothing. Where several instances share a store, they are kept there,
//! so that any of them takes what any of them gave.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use everwire_protocol::{Code, RetryWindow};

use super::{
    App,
    credentials::bearer,
    problem::{Problem, media_is},
};
use crate::{
    auth::{Denied, Subject},
    hub::Refusal,
    store::Store,
};

/// How long a ticket is good for, in milliseconds.
const LIFE: u64 = 30_000;
/// Most tickets that wait for their use.
const MOST: usize = 10_000;
/// Most of them of one subject, used ones among them: who asks again and again waits.
const MOST_OF_ONE: usize = 64;
/// Bytes of chance in a ticket.
const CHANCE: usize = 24;
/// When to come back for a ticket where too many wait.
const RETRY: RetryWindow = RetryWindow { min: 5_000, max: 30_000 };

type Name = Option<Arc<str>>;

#[derive(Default)]
struct Inner {
    by_ticket: HashMap<String, Subject>,
    /// When each is over, the first at the front: all live equally long. Used ones stay until then.
    ends: VecDeque<(u64, String, Name)>,
    /// How many of the above are of whom.
    of: HashMap<Name, usize>,
}

/// The tickets that wait for their use.
#[derive(Default)]
pub struct Tickets(Mutex<Inner>);

impl Tickets {
    /// Makes a ticket that stands for a subject.
    async fn issue<S: Store>(&self, store: &S, now: u64, subject: Subject) -> Result<String, Refusal> {
        let ticket = self.make(now, &subject)?;
        if !store.put_once(&ticket, written::write(&subject), LIFE).await? {
            self.lock().by_ticket.insert(ticket.clone(), subject);
        }
        Ok(ticket)
    }

    fn make(&self, now: u64, subject: &Subject) -> Result<String, Refusal> {
        let mut chance = [0; CHANCE];
        getrandom::fill(&mut chance)
            .map_err(|_| Refusal::new(Code::INTERNAL, "the system has no chance to make a ticket of"))?;
        let ticket = URL_SAFE_NO_PAD.encode(chance);
        let mut inner = self.lock();
        inner.forget_late(now);
        let of_one = inner.of.get(&subject.name).copied().unwrap_or_default();
        // Those without a name are many, and no one of them can be told from another.
        if (of_one >= MOST_OF_ONE && subject.name.is_some()) || inner.ends.len() >= MOST {
            let refusal = Refusal::new(Code::RATE_LIMITED, "too many tickets wait for their use");
            return Err(Refusal { retry_after: Some(RETRY), ..refusal });
        }
        inner.of.insert(subject.name.clone(), of_one + 1);
        inner.ends.push_back((now.saturating_add(LIFE), ticket.clone(), subject.name.clone()));
        Ok(ticket)
    }

    /// Takes a ticket for what it stands for. There is no second time.
    pub async fn redeem<S: Store>(&self, store: &S, now: u64, ticket: &str) -> Result<Subject, Problem> {
        let none = Denied {
            code: Code::TOKEN_INVALID,
            message: "the ticket was used before, is too old, or is none",
        };
        // What can't be one is not looked for.
        if URL_SAFE_NO_PAD.decode(ticket).ok().is_none_or(|chance| chance.len() != CHANCE) {
            return Err(none.into());
        }
        let shared = store.take_once(ticket).await.map_err(Refusal::from)?;
        let subject = match shared {
            Some(written) => written::read(&written),
            None => self.take(now, ticket),
        };
        let subject = subject.ok_or(none)?;
        if subject.expires_at.is_some_and(|end| now >= end) {
            return Err(Denied { code: Code::TOKEN_EXPIRED, message: "the token's time is over" }.into());
        }
        Ok(subject)
    }

    fn take(&self, now: u64, ticket: &str) -> Option<Subject> {
        let mut inner = self.lock();
        inner.forget_late(now);
        inner.by_ticket.remove(ticket)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget_late(&mut self, now: u64) {
        while let Some((_, ticket, name)) = self.ends.pop_front_if(|(end, ..)| now >= *end) {
            self.by_ticket.remove(&ticket);
            if let Some(count) = self.of.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    self.of.remove(&name);
                }
            }
        }
    }
}

/// Trades a token for a ticket.
pub async fn trade<S: Store>(State(app): State<Arc<App<S>>>, request: Request) -> Result<Response, Problem> {
    let (head, _) = request.into_parts();
    let headers = &head.headers;
    if bearer(headers).is_none() {
        return Err(Problem::new(Code::TOKEN_REQUIRED, "a ticket stands for a token, and none was sent"));
    }
    let now = app.clock.now();
    let ticket = app.tickets.issue(&app.hub.store, now, app.subject(now, &head)?).await?;
    let (media, body) = if wants_text(headers) {
        ("text/plain", ticket)
    } else {
        let body = serde_json::json!({ "ticket": ticket, "expires_in": LIFE / 1000 });
        ("application/json", body.to_string())
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (VARY, HeaderValue::from_static("accept")),
    ];
    Ok((headers, body).into_response())
}

/// Whether the client wants the bare ticket.
fn wants_text(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.flat_map(|value| value.split(',')).any(|media| media_is(media, "text/plain"))
}

/// A subject as it is put down for other instances.
mod written {
    use std::sync::Arc;

    use serde::{Deserialize, Serialize};

    use crate::auth::{Rights, Subject, TopicPattern};

    #[derive(Serialize, Deserialize)]
    struct Written {
        name: Option<String>,
        expires_at: Option<u64>,
        /// To subscribe, to publish, of presence and of history.
        rights: [Vec<String>; 4],
    }

    pub fn write(subject: &Subject) -> Vec<u8> {
        let Rights { subscribe, publish, presence, history } = &*subject.rights;
        let rights = [subscribe, publish, presence, history];
        let rights = rights.map(|patterns| patterns.iter().map(ToString::to_string).collect());
        let name = subject.name.as_deref().map(str::to_owned);
        // Texts and numbers can always be written.
        serde_json::to_vec(&Written { name, expires_at: subject.expires_at, rights }).unwrap_or_default()
    }

    pub fn read(bytes: &[u8]) -> Option<Subject> {
        let Written { name, expires_at, rights } = serde_json::from_slice(bytes).ok()?;
        let mut parsed: Vec<Vec<TopicPattern>> = Vec::new();
        for patterns in rights {
            parsed.push(patterns.iter().map(|pattern| pattern.parse().ok()).collect::<Option<_>>()?);
        }
        let [subscribe, publish, presence, history] = parsed.try_into().ok()?;
        let rights = Arc::new(Rights { subscribe, publish, presence, history });
        // Where the ticket is brought from is known only then.
        Some(Subject { name: name.map(Arc::from), expires_at, rights, ..Subject::default() })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::{
        auth::Rights,
        store::{MemoryLimits, MemoryStore},
    };

    fn subject(name: &str, expires_at: u64) -> Subject {
        Subject { name: Some(name.into()), expires_at: Some(expires_at), ..Subject::default() }
    }

    fn issue(tickets: &Tickets, now: u64, subject: Subject) -> Result<String, Refusal> {
        let store = MemoryStore::new(1, MemoryLimits::default());
        tickets.issue(&store, now, subject).now_or_never().expect("at once")
    }

    fn redeem(tickets: &Tickets, now: u64, ticket: &str) -> Result<Subject, Code> {
        let store = MemoryStore::new(1, MemoryLimits::default());
        let redeemed = tickets.redeem(&store, now, ticket).now_or_never().expect("at once");
        redeemed.map_err(|problem| problem.code())
    }

    #[test]
    fn what_is_put_down_for_other_instances_is_the_whole_subject() {
        let patterns = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        let rights = Rights {
            subscribe: patterns(&["*", "a:*:b", "$x"]),
            publish: patterns(&["room:*"]),
            ..Rights::default()
        };
        assert_eq!((rights.subscribe.len(), rights.publish.len()), (3, 1));
        let ada = Subject { rights: Arc::new(rights), ..subject("ada", 7) };
        assert_eq!(written::read(&written::write(&ada)), Some(ada));
        let nobody = Subject::default();
        assert_eq!(written::read(&written::write(&nobody)), Some(nobody));
        for bad in ["", "{}", r#"{"name":null,"expires_at":null,"rights":[["**"],[],[],[]]}"#] {
            assert_eq!(written::read(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_ticket_is_good_once_and_for_half_a_minute() {
        let tickets = Tickets::default();
        let ada = subject("ada", u64::MAX);
        let first = issue(&tickets, 0, ada.clone()).expect("a ticket");
        let second = issue(&tickets, 0, ada.clone()).expect("a ticket");
        assert!(first != second && first.len() >= 32);
        assert_eq!(redeem(&tickets, 29_999, &first), Ok(ada));
        assert_eq!(redeem(&tickets, 29_999, &first), Err(Code::TOKEN_INVALID));
        assert_eq!(redeem(&tickets, 30_000, &second), Err(Code::TOKEN_INVALID));
        assert_eq!(redeem(&tickets, 0, ""), Err(Code::TOKEN_INVALID));
    }

    #[test]
    fn a_ticket_ends_with_its_token() {
        let tickets = Tickets::default();
        let ticket = issue(&tickets, 0, subject("ada", 1_000)).expect("a ticket");
        assert_eq!(redeem(&tickets, 1_000, &ticket), Err(Code::TOKEN_EXPIRED));
    }

    #[test]
    fn invariant_5_tickets_are_bounded_for_each_and_for_all() {
        let tickets = Tickets::default();
        let issue = |name: &str, now| issue(&tickets, now, subject(name, u64::MAX)).map_err(|r| r.code);
        for _ in 0..MOST_OF_ONE {
            let ticket = issue("eve", 0).expect("a ticket");
            assert!(redeem(&tickets, 0, &ticket).is_ok());
        }
        assert_eq!(issue("eve", 0), Err(Code::RATE_LIMITED));
        for n in MOST_OF_ONE..MOST {
            assert!(issue(&n.to_string(), 1).is_ok());
        }
        assert_eq!(issue("ada", 1), Err(Code::RATE_LIMITED));
        assert!(issue("ada", LIFE).is_ok());
        assert!(issue("eve", LIFE + 1).is_ok());
        let inner = tickets.lock();
        assert_eq!((inner.ends.len(), inner.by_ticket.len(), inner.of.len()), (2, 2, 2));
    }
}
