//! The parameters of a stream as clients write them, in the query and in a header.

use axum::http::HeaderValue;

use super::*;

fn read_query(query: &str, last_event_id: Option<&'static str>) -> Result<StreamRequest, Problem> {
    let mut headers = HeaderMap::new();
    if let Some(id) = last_event_id {
        headers.insert("last-event-id", HeaderValue::from_static(id));
    }
    StreamRequest::read(&Params::of_text(query.as_bytes()), &headers)
}

fn starts_of(query: &str, last_event_id: Option<&'static str>) -> Vec<String> {
    let request = read_query(query, last_event_id).expect("a request");
    request.topics.iter().map(|asked| asked.from.to_string()).collect()
}

#[test]
fn starts_come_once_or_once_per_topic() {
    for (query, starts) in [
        ("topic=a&topic=b", ["latest", "latest"]),
        ("topic=a&topic=b&from=earliest", ["earliest", "earliest"]),
        ("topic=a&from=last:5&topic=b&from=k3-7", ["last:5", "k3-7"]),
        ("topic=a&topic=b&cursor=last:3", ["last:3", "last:3"]),
    ] {
        assert_eq!(starts_of(query, None), starts, "{query}");
    }
}

#[test]
fn the_header_wins_over_the_query_and_both_over_from() {
    let query = "topic=a&topic=b&from=earliest";
    assert_eq!(starts_of(query, Some("k3-1.-2")), ["k3-1", "k3-2"]);
    assert_eq!(starts_of(&format!("{query}&last_event_id=k3-3.-4"), None), ["k3-3", "k3-4"]);
    assert_eq!(starts_of(&format!("{query}&cursor=k3-3.-4"), Some("k3-5.-6")), ["k3-5", "k3-6"]);
    assert_eq!(starts_of(query, Some("")), ["earliest", "earliest"], "an EventSource that has no id yet");
}

#[test]
fn an_empty_one_hides_no_other() {
    let query = "topic=a&topic=b&cursor=k3-3.-4";
    for (query, header) in [
        (query.to_owned(), Some("")),
        (format!("{query}&last_event_id="), None),
        (format!("{query}&last_event_id="), Some("")),
    ] {
        assert_eq!(starts_of(&query, header), ["k3-3", "k3-4"], "{query} {header:?}");
    }
}

#[test]
fn an_answer_begins_at_the_positions_that_were_sent() {
    let request =
        read_query("topic=a&topic=b&topic=c&from=last:3", Some("k3-1.0-0.k3-2")).expect("a request");
    assert_eq!(request.cursor().to_string(), "k3-1.0-0.k3-2");
}

#[test]
fn what_asks_for_too_many_topics_is_not_looked_through() {
    let names: Vec<_> = (0..limits::TOPICS).map(|n| format!("topic=t{n}")).collect();
    let all = names.join("&");
    assert!(read_query(&all, None).is_ok());
    // Neither of the two is found out: each name would have to be searched among those before it.
    for beyond in ["topic=t0", "topic=a+b"] {
        let refused = |query: &str| read_query(query, None).expect_err("is refused").code();
        assert_ne!(refused(&format!("{}&{beyond}", names[..5].join("&"))), Code::TOO_MANY_TOPICS);
        assert_eq!(refused(&format!("{all}&{beyond}")), Code::TOO_MANY_TOPICS);
    }
}

#[test]
fn presence_that_is_asked_for_over_and_over_is_searched_for_once() {
    let topics = (0..limits::TOPICS).map(|n| format!("topic=t{n}")).collect::<Vec<_>>().join("&");
    let over_and_over: Vec<_> = (0..1_000).map(|n| format!("presence=t{}", n % 3)).collect();
    let query = format!("{topics}&client_id=ada&{}", over_and_over.join("&"));
    assert_eq!(presence(&Params::of_text(query.as_bytes())).len(), 3);
    let request = read_query(&query, None).expect("a request");
    assert_eq!(request.topics.iter().filter(|asked| asked.presence).count(), 3);
}

#[test]
fn a_topic_without_a_position_starts_as_if_none_had_been_sent() {
    assert_eq!(starts_of("topic=a&topic=b&from=earliest", Some("0-0.k3-2")), ["earliest", "k3-2"]);
}

#[test]
fn presence_and_the_rest_are_read() {
    let query = "topic=a&topic=b&presence=b&client_id=ada&info=Ada+L%C3%B6&format=raw&timeout=9";
    let request = read_query(query, None).expect("a request");
    assert_eq!(request.topics.iter().map(|asked| asked.presence).collect::<Vec<_>>(), [false, true]);
    assert_eq!(request.client_id.as_ref().map(ClientId::as_str), Some("ada"));
    assert_eq!(request.info.as_deref(), Some("Ada Lö"));
    assert_eq!((request.raw, request.timeout), (true, Some(9)));
}
