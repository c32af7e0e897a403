//! What a request for a stream or a poll asks for, from its query, its form body and its headers.

use std::{collections::HashSet, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, Uri, request::Parts},
};
use everwire_protocol::{
    ClientId, Code, Cursor, From, Position, Topic,
    http::{CLIENT_ID, CURSOR, FORMAT, FROM, INFO, LAST_EVENT_ID, PRESENCE, TICKET, TIMEOUT, TOPIC},
    limits,
};

use super::{
    body::{content_type, read},
    problem::{Problem, media_is},
};

const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters as they were sent: names and values.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Those of the query.
    #[must_use]
    pub fn of_query(uri: &Uri) -> Self {
        Self::of_text(uri.query().unwrap_or_default().as_bytes())
    }

    /// Those of a text, as a query or a form body holds them.
    #[must_use]
    pub fn of_text(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// Those of a request, which are in its query, and those of a POST in its form body too; and its head.
    ///
    /// # Errors
    /// The [`Problem`] to answer with: the body is of another media type, or can't be read.
    pub async fn of_request(request: Request, timeout: Duration) -> Result<(Self, Parts), Problem> {
        let (parts, body) = request.into_parts();
        let params = if parts.method == Method::POST {
            Self::of_form(&parts.uri, &parts.headers, body, timeout).await?
        } else {
            Self::of_query(&parts.uri)
        };
        Ok((params, parts))
    }

    async fn of_form(uri: &Uri, headers: &HeaderMap, body: Body, timeout: Duration) -> Result<Self, Problem> {
        if content_type(headers).is_some_and(|value| !media_is(value, FORM)) {
            return Err(Problem::new(Code::UNSUPPORTED_MEDIA, format!("the body must be {FORM}")));
        }
        let mut params = Self::of_query(uri);
        params.0.extend(Self::of_text(&read(body, timeout).await?).0);
        Ok(params)
    }

    /// All values of a name.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a name.
    #[must_use]
    pub fn one<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// A number.
    ///
    /// # Errors
    /// The [`Problem`] to answer with: it is none.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let wrong = || Problem::new(Code::BAD_REQUEST, format!("`{name}` must be a whole number"));
        self.one(name).map(|value| value.parse().map_err(|_| wrong())).transpose()
    }
}

/// One topic of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The log.
    pub topic: Topic,
    /// Where to start.
    pub from: From,
    /// Be listed among its members, and be told of them.
    pub presence: bool,
}

/// What a stream or a poll is to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRequest {
    /// The topics, in the order that numbers them.
    pub topics: Vec<Asked>,
    /// Who asks.
    pub client_id: Option<ClientId>,
    /// What the client tells of itself.
    pub info: Option<Arc<str>>,
    /// Bare payloads, for a plain `EventSource`.
    pub raw: bool,
    /// How long a poll may be held, in seconds.
    pub timeout: Option<u64>,
    /// What stands in place of a token.
    pub ticket: Option<String>,
}

impl StreamRequest {
    /// Reads what is asked for.
    ///
    /// # Errors
    /// The [`Problem`] to answer with.
    pub fn read(params: &Params, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut topics = Vec::new();
        for name in params.all(TOPIC) {
            // Before the search below, which grows with the square of what is asked for.
            if topics.len() == limits::TOPICS {
                let message = format!("one request may ask for {} topics", limits::TOPICS);
                return Err(Problem::new(Code::TOO_MANY_TOPICS, message));
            }
            let bad = || Problem::new(Code::BAD_TOPIC, format!("{name:?} is not a topic name"));
            let topic = Topic::new(name).map_err(|_| bad())?;
            if topics.contains(&topic) {
                return Err(Problem::new(Code::ALREADY_SUBSCRIBED, format!("{topic} is asked for twice")));
            }
            topics.push(topic);
        }
        if topics.is_empty() {
            return Err(Problem::new(Code::BAD_REQUEST, "no `topic` is asked for"));
        }
        let starts = starts(params, headers, topics.len())?;
        let presence = presence(params);
        if let Some(other) = presence.iter().find(|name| !topics.iter().any(|topic| topic.as_str() == **name))
        {
            return Err(Problem::new(
                Code::BAD_REQUEST,
                format!("presence on {other:?}, which is not asked for"),
            ));
        }
        let asked = topics.into_iter().zip(starts).map(|(topic, from)| {
            let presence = presence.contains(&topic.as_str());
            Asked { topic, from, presence }
        });
        let client_id = params.one(CLIENT_ID).map(ClientId::new).transpose();
        let info = params.one(INFO);
        if info.is_some_and(|info| info.len() > limits::INFO_BYTES) {
            return Err(Problem::new(Code::TOO_LARGE, "`info` is too long"));
        }
        Ok(Self {
            topics: asked.collect(),
            client_id: client_id
                .map_err(|_| Problem::new(Code::BAD_REQUEST, "`client_id` is not a client id"))?,
            info: info.map(Arc::from),
            raw: match params.one(FORMAT) {
                None => false,
                Some("raw") => true,
                Some(_) => return Err(Problem::new(Code::BAD_REQUEST, "the only `format` is raw")),
            },
            timeout: params.number(TIMEOUT)?,
            ticket: params.one(TICKET).map(str::to_owned),
        })
    }

    /// Where the answer's cursor begins: at what the client sent. An answer that is cut off behind its
    /// first `id:` must not make the client forget the positions of the topics that come after.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let sent = |asked: &Asked| match asked.from {
            From::Position(position) => position,
            From::Latest | From::Earliest | From::Last(_) => Position::NONE,
        };
        Cursor(self.topics.iter().map(sent).collect())
    }
}

/// The names of the topics on which the client wants presence, each once: what is said over and over must not
/// be searched for over and over.
fn presence(params: &Params) -> HashSet<&str> {
    params.all(PRESENCE).collect()
}

/// Where each topic starts. A header of a reconnecting `EventSource` is newer than its URL, and both are
/// newer than `from`.
fn starts(params: &Params, headers: &HeaderMap, topics: usize) -> Result<Vec<From>, Problem> {
    let bad = || Problem::new(Code::BAD_POSITION, "a cursor or start is malformed");
    let from: Vec<From> = params.all(FROM).map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?;
    let from = match from[..] {
        [] => vec![From::Latest; topics],
        [one] => vec![one; topics],
        _ if from.len() == topics => from,
        _ => {
            return Err(Problem::new(
                Code::BAD_POSITION,
                "`from` must be there once, or once for each topic",
            ));
        }
    };
    let header = headers.get("last-event-id").map(|value| value.to_str().map_err(|_| bad())).transpose()?;
    let sent = [header, params.one(LAST_EVENT_ID), params.one(CURSOR)];
    let Some(text) = sent.into_iter().flatten().find(|text| !text.is_empty()) else { return Ok(from) };
    if let Ok(start @ (From::Latest | From::Earliest | From::Last(_))) = text.parse() {
        return Ok(vec![start; topics]);
    }
    let Cursor(positions) = text.parse().map_err(|_| bad())?;
    if positions.len() != topics {
        return Err(Problem::new(Code::BAD_POSITION, "the cursor is of another list of topics"));
    }
    let start = |(position, from)| if position == Position::NONE { from } else { From::Position(position) };
    Ok(positions.into_iter().zip(from).map(start).collect())
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
