//! What the client's HTTP requests ask for: the little of the server's HTTP adapter that the simulation
//! needs. A request that can't be read is a bug of the client, and ends the run.

use std::collections::HashSet;

use bytes::Bytes;
use everwire_core::{Method, Request};
use everwire_protocol::{ClientFrame, From, HistoryRange, Mode, Topic, binary, http};
use everwire_server::presence::Visitor;

/// What a stream or a poll asks for.
pub struct Wanted {
    /// The subscriptions, in order.
    pub topics: Vec<(Topic, From, Mode)>,
    /// Who asks.
    pub visitor: Option<Visitor>,
    /// How long a poll may be held, in milliseconds.
    pub timeout: u64,
}

impl Wanted {
    /// Reads the parameters, from the query or from the body.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(request: &Request) -> Result<Self, String> {
        let query = match (request.method, &request.body) {
            (Method::Post, Some(body)) => body.clone(),
            _ => Bytes::copy_from_slice(split(&request.target).1.as_bytes()),
        };
        let mut wanted = Self { topics: Vec::new(), visitor: None, timeout: 0 };
        let (mut froms, mut present, mut client_id, mut info) = (Vec::new(), HashSet::new(), None, None);
        for (name, value) in form_urlencoded::parse(&query) {
            match &*name {
                http::TOPIC => wanted.topics.push((parse(&value)?, From::Latest, Mode::default())),
                http::FROM => froms.push(parse::<From>(&value)?),
                http::PRESENCE => drop(present.insert(parse::<Topic>(&value)?)),
                http::CLIENT_ID => client_id = Some(parse(&value)?),
                http::INFO => info = Some(value.into()),
                http::TIMEOUT => wanted.timeout = parse::<u64>(&value)? * 1_000,
                _ => return Err(format!("the parameter {name} is not known")),
            }
        }
        if froms.len() != wanted.topics.len() {
            return Err(format!("{} topics and {} starts", wanted.topics.len(), froms.len()));
        }
        for ((topic, from, mode), start) in wanted.topics.iter_mut().zip(froms) {
            *from = start;
            mode.presence = present.contains(topic);
        }
        wanted.visitor = client_id.map(|client_id| Visitor { client_id, subject: None, info });
        Ok(wanted)
    }
}

/// The frames that a one-off request stands for.
///
/// # Errors
/// What is wrong with it.
pub fn one_off(request: &Request) -> Result<Vec<ClientFrame>, String> {
    let (path, query) = split(&request.target);
    if path == http::PUBLISH_PATH {
        let mut body = request.body.clone().unwrap_or_default();
        let mut frames = Vec::new();
        while let Some(frame) = binary::decode_client(&mut body).map_err(|e| e.to_string())? {
            frames.push(frame);
        }
        return Ok(frames);
    }
    let rest = path.strip_prefix(http::TOPICS_PATH).and_then(|rest| rest.strip_prefix('/'));
    let (topic, what) =
        rest.and_then(|rest| rest.split_once('/')).ok_or_else(|| format!("no endpoint {path}"))?;
    let topic = parse(&percent_encoding::percent_decode_str(topic).decode_utf8_lossy())?;
    if what == "presence" {
        return Ok(vec![ClientFrame::Presence { request: 0, topic }]);
    }
    let (mut range, mut limit) = (HistoryRange::Before(u64::MAX), 100);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            http::BEFORE => range = HistoryRange::Before(parse(&value)?),
            http::AFTER => range = HistoryRange::After(parse(&value)?),
            http::LIMIT => limit = parse(&value)?,
            _ => return Err(format!("the parameter {name} is not known")),
        }
    }
    Ok(vec![ClientFrame::History { request: 0, topic, range, limit }])
}

fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} can't be read"))
}
