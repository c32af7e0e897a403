//! The parameters of a stream as clients write them, in the query and in a header.

use axum::http::HeaderValue;

use super::*;

fn read_query(query: &str, last_event_id: Option<&'static str>) -> Result<StreamRequest, Problem> {
    let mut headers = HeaderMap::new();
    if let Some(id) = last_event_id {
        headers.insert("last-event-id", HeaderValue::from_static(id));
    }
    StreamRequest::read(&Params(parse(query.as_bytes())), &headers)
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
    // Over a megabyte of names: searching each among those before it would take a minute.
    let names: Vec<_> = (0..100_000).map(|n| format!("topic=t{n}")).collect();
    let began = std::time::Instant::now();
    let refused = read_query(&names.join("&"), None).expect_err("too many");
    assert_eq!(refused.code(), Code::TOO_MANY_TOPICS);
    let many: Vec<_> = (0..100_000).map(|n| format!("presence=t{}", n % 128)).collect();
    let topics = names[..128].join("&");
    let headers = "&client_id=ada&";
    assert!(read_query(&(topics + headers + &many.join("&")), None).is_ok());
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
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
