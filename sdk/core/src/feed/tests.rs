//! From where the server is asked for readers in different places.

use super::*;

fn at(text: &str) -> Position {
    text.parse().unwrap()
}

fn feed(starts: &[&str]) -> Feed {
    let mut feed = Feed::new(1);
    for (number, start) in starts.iter().enumerate() {
        let options = SubscribeOptions { from: start.parse().unwrap(), presence: false };
        feed.join(Time::default(), SubscriptionId(number as u32), options);
    }
    feed
}

fn answer(feed: &mut Feed, position: &str) -> Vec<u32> {
    let asked = feed.start();
    let told =
        |reader: &mut Reader| reader.subscribed(&asked, at(position), false).map(|_| reader.id.as_u32());
    feed.readers.iter_mut().filter_map(told).collect()
}

fn lost_link(feed: &mut Feed) -> String {
    feed.link_lost();
    feed.start().to_string()
}

#[test]
fn each_kind_of_start_is_asked_for_by_itself() {
    let mut feed = feed(&["earliest", "last:9", "latest", "last:2", "latest"]);
    for (start, position, told) in
        [("latest", "a-90", vec![2, 4]), ("last:2", "a-88", vec![3]), ("last:9", "a-81", vec![1])]
    {
        assert_eq!(feed.start().to_string(), start);
        assert_eq!(answer(&mut feed, position), told);
        assert!(feed.lacks());
    }
    assert_eq!(feed.start(), From::Earliest);
    assert_eq!(answer(&mut feed, "a-3"), [0]);
    assert!(!feed.lacks(), "the others drop the repeats");
    assert_eq!(feed.start().to_string(), "a-3");
}

#[test]
fn invariant_1_a_new_link_proves_the_furthest_place_and_then_brings_what_the_least_needs() {
    let mut feed = feed(&["a-50", "a-900", "a-70"]);
    for position in ["a-50", "a-900", "a-70"] {
        assert_eq!(feed.start().to_string(), position);
        answer(&mut feed, position);
    }
    assert_eq!(lost_link(&mut feed), "a-900");
    assert_eq!(answer(&mut feed, "a-900"), [1]);
    assert!(feed.lacks());
    assert_eq!(feed.start().to_string(), "a-50");
    assert_eq!(answer(&mut feed, "a-50"), [0, 2]);
    assert!(!feed.lacks());
    assert_eq!(feed.start().to_string(), "a-50");
}

#[test]
fn invariant_1_readers_in_different_lives_of_the_log_are_asked_for_one_life_after_the_other() {
    let mut feed = feed(&["a-5", "b-7"]);
    answer(&mut feed, "a-5");
    answer(&mut feed, "b-7");
    // The log lives its second life.
    assert_eq!(lost_link(&mut feed), "a-5");
    assert_eq!(answer(&mut feed, "b-9"), [0], "what it needs follows as a gap");
    assert!(feed.lacks());
    assert_eq!(feed.start().to_string(), "b-7");
    assert_eq!(answer(&mut feed, "b-7"), [1]);
}

#[test]
fn a_reader_that_takes_nothing_is_not_asked_for_while_another_does() {
    let mut feed = feed(&["a-5", "a-9"]);
    answer(&mut feed, "a-5");
    answer(&mut feed, "a-9");
    feed.readers[0].hold(true);
    assert_eq!(lost_link(&mut feed), "a-9");
    assert_eq!(answer(&mut feed, "a-9"), [1]);
    assert!(!feed.lacks() && !feed.paused());
    assert_eq!(feed.start().to_string(), "a-9");
    feed.readers[0].hold(false);
    assert!(feed.lacks());
    assert_eq!(feed.start().to_string(), "a-5");
}

#[test]
fn who_wants_what_is_new_starts_where_the_others_are_unless_they_catch_up() {
    let mut feed = feed(&["latest"]);
    let join =
        |feed: &mut Feed, now| feed.join(Time::from_millis(now), SubscriptionId(9), Default::default());
    answer(&mut feed, "a-7");
    assert_eq!(join(&mut feed, 0), Some(at("a-7")));
    feed.catches_up_until = Time::from_millis(5);
    assert_eq!(join(&mut feed, 4), None);
    assert_eq!(feed.start(), From::Latest);
    feed.readers.pop();
    assert_eq!(join(&mut feed, 5), Some(at("a-7")));
    feed.link_lost();
    assert_eq!(join(&mut feed, 9), None);
}
