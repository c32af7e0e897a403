//! HTTP requests: targets, parameters and bodies. It knows the protocol's names, and not why a request is
//! made.

use bytes::Bytes;
use everwire_protocol::{ClientId, From, HistoryRange, Topic, http, put_number};

use crate::{Method, Request, Token, Transport};

/// A target longer than this goes into a body: proxies and servers bound their request lines.
const TARGET_BYTES: usize = 2_000;
const FORM: &str = "application/x-www-form-urlencoded";
/// A stream; where it is refused, the reason in the binary codec, which needs no JSON parser.
const EVENT_STREAM: &str = "text/event-stream, application/vnd.everwire.v1";

/// One topic of a stateless request.
pub(crate) struct Asked<'a> {
    pub topic: &'a Topic,
    pub from: From,
    pub presence: bool,
}

/// Who asks.
pub(crate) struct Asker<'a> {
    pub client_id: &'a ClientId,
    pub info: Option<&'a str>,
    pub token: Option<Token>,
}

pub(crate) fn web_socket() -> Request {
    Request {
        method: Method::Get,
        target: http::WS_PATH.into(),
        accept: None,
        content_type: None,
        body: None,
        token: None,
    }
}

/// A request of a stream or a poll; `timeout` is that of a poll, in seconds.
pub(crate) fn stateless(
    transport: Transport,
    topics: &[Asked<'_>],
    asker: &Asker<'_>,
    timeout: u64,
) -> Request {
    let mut query = Query::default();
    for asked in topics {
        query.add(http::TOPIC, asked.topic.as_str());
        let mut from = String::new();
        asked.from.push_to(&mut from);
        query.add(http::FROM, &from);
    }
    let mut present = topics.iter().filter(|asked| asked.presence).peekable();
    if present.peek().is_some() {
        // Only presence asks who this is: the client id is no one else's business.
        query.add(http::CLIENT_ID, asker.client_id.as_str());
        if let Some(info) = asker.info {
            query.add(http::INFO, info);
        }
    }
    present.for_each(|asked| query.add(http::PRESENCE, asked.topic.as_str()));
    let (path, accept) = if transport.is_poll() {
        query.add_number(http::TIMEOUT, timeout);
        (http::POLL_PATH, http::MEDIA_BINARY)
    } else {
        (http::SSE_PATH, EVENT_STREAM)
    };
    // A native `EventSource` can send no body, so it gets its long target as it is.
    let fits = path.len() + 1 + query.0.len() <= TARGET_BYTES || transport == Transport::EventSource;
    let token = asker.token.clone();
    if fits {
        let mut target = String::from(path);
        if !query.0.is_empty() {
            target.push('?');
            target.push_str(&query.0);
        }
        Request { method: Method::Get, target, accept: Some(accept), content_type: None, body: None, token }
    } else {
        Request {
            method: Method::Post,
            target: path.into(),
            accept: Some(accept),
            content_type: Some(FORM),
            body: Some(query.0.into()),
            token,
        }
    }
}

pub(crate) fn publish(body: Bytes, token: Option<Token>) -> Request {
    Request {
        method: Method::Post,
        target: http::PUBLISH_PATH.into(),
        accept: Some(http::MEDIA_BINARY),
        content_type: Some(http::MEDIA_BINARY),
        body: Some(body),
        token,
    }
}

pub(crate) fn history(topic: &Topic, range: HistoryRange, limit: u32, token: Option<Token>) -> Request {
    let mut query = Query::default();
    match range {
        HistoryRange::Before(offset) => query.add_number(http::BEFORE, offset),
        HistoryRange::After(offset) => query.add_number(http::AFTER, offset),
    }
    query.add_number(http::LIMIT, u64::from(limit));
    about_topic(topic, "/history?", &query.0, token)
}

pub(crate) fn presence(topic: &Topic, token: Option<Token>) -> Request {
    about_topic(topic, "/presence", "", token)
}

fn about_topic(topic: &Topic, what: &str, query: &str, token: Option<Token>) -> Request {
    let mut target = String::from(http::TOPICS_PATH);
    target.push('/');
    encode(topic.as_str(), &mut target);
    target.push_str(what);
    target.push_str(query);
    Request {
        method: Method::Get,
        target,
        accept: Some(http::MEDIA_BINARY),
        content_type: None,
        body: None,
        token,
    }
}

/// Parameters as `application/x-www-form-urlencoded`, good for a query and for a body alike.
#[derive(Default)]
struct Query(String);

impl Query {
    fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        encode(value, &mut self.0);
    }

    fn add_number(&mut self, name: &str, value: u64) {
        let mut digits = String::new();
        put_number(&mut digits, value);
        self.add(name, &digits);
    }
}

/// Percent-encodes all that is not unreserved (RFC 3986).
fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(client_id: &ClientId) -> Asker<'_> {
        Asker { client_id, info: Some("Ada & Bé"), token: None }
    }

    #[test]
    fn a_stream_names_its_topics_and_starts_in_order() {
        let (room, cpu): (Topic, Topic) = ("room:a/b".parse().unwrap(), "cpu".parse().unwrap());
        let topics = [
            Asked { topic: &room, from: From::Last(5), presence: true },
            Asked { topic: &cpu, from: "e-7".parse().unwrap(), presence: false },
        ];
        let id = "me".parse().unwrap();
        let request = stateless(Transport::Sse, &topics, &asker(&id), 0);
        assert_eq!(
            request.target,
            "/v1/sse?topic=room%3Aa%2Fb&from=last%3A5&topic=cpu&from=e-7\
             &client_id=me&info=Ada%20%26%20B%C3%A9&presence=room%3Aa%2Fb"
        );
        assert_eq!(
            (request.method, request.accept),
            (Method::Get, Some("text/event-stream, application/vnd.everwire.v1"))
        );
        let alone = stateless(Transport::LongPoll, &topics[1..], &asker(&id), 25);
        assert_eq!(alone.target, "/v1/poll?topic=cpu&from=e-7&timeout=25");
    }

    #[test]
    fn a_target_beyond_2000_bytes_goes_into_the_body() {
        let id = "me".parse().unwrap();
        let names: Vec<Topic> = (0..120).map(|n| format!("room:{n}").parse().unwrap()).collect();
        let topics = |count| {
            names
                .iter()
                .take(count)
                .map(|topic| Asked { topic, from: From::Latest, presence: false })
                .collect()
        };
        for count in 1..=names.len() {
            let topics: Vec<_> = topics(count);
            let request = stateless(Transport::Sse, &topics, &asker(&id), 0);
            assert!(request.target.len() <= 2_000);
            let (path, parameters) = request.target.split_once('?').unwrap_or((&request.target, ""));
            let body = request.body.unwrap_or_default();
            assert_eq!(path, "/v1/sse");
            assert_eq!(parameters.is_empty(), request.method == Method::Post);
            assert_eq!(body.is_empty(), request.method == Method::Get);
            assert_eq!(
                parameters.matches("topic=").count() + body.windows(6).filter(|w| w == b"topic=").count(),
                count
            );
            let native = stateless(Transport::EventSource, &topics, &asker(&id), 0);
            assert_eq!(native.method, Method::Get);
        }
    }

    #[test]
    fn questions_name_their_topic_in_the_path() {
        let topic: Topic = "room:a/b".parse().unwrap();
        let newest = history(&topic, HistoryRange::Before(u64::MAX), 50, None);
        assert_eq!(newest.target, "/v1/topics/room%3Aa%2Fb/history?before=18446744073709551615&limit=50");
        assert_eq!(presence(&topic, None).target, "/v1/topics/room%3Aa%2Fb/presence");
    }
}
