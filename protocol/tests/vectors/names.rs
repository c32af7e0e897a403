//! Names, positions, starts and cursors: which texts are good ones, and how they are written.

use std::{fmt::Display, str::FromStr};

use everwire_protocol::{ClientId, Cursor, Epoch, From, Position, PublishId, Topic};

use crate::{Vector, each};

#[test]
fn names() {
    each("names.json", |vector| match vector.text("what").as_str() {
        "topic" => check::<Topic>(vector),
        "client_id" => check::<ClientId>(vector),
        "publish_id" => check::<PublishId>(vector),
        "epoch" => check::<Epoch>(vector),
        "position" => check::<Position>(vector),
        "from" => check::<From>(vector),
        "cursor" => {
            check::<Cursor>(vector);
            if let Some(positions) = vector.value("positions") {
                let cursor: Cursor = vector.text("text").parse().unwrap();
                let texts: Vec<_> = cursor.0.iter().map(ToString::to_string).collect();
                assert_eq!(positions, serde_json::json!(texts));
            }
        }
        other => panic!("what is `{other}`?"),
    });
}

fn check<T: FromStr + Display>(vector: &Vector) {
    let text = vector.text("text");
    let parsed = text.parse::<T>().ok().map(|parsed| parsed.to_string());
    let written = vector.maybe_text("written").unwrap_or(text);
    assert_eq!(parsed, vector.flag("good").then_some(written));
}
