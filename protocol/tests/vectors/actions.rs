//! Codes, close codes and statuses, and what a client does about each.

use everwire_protocol::{Action, Code};

use crate::{Vector, each};

#[test]
fn actions() {
    each("actions.json", |vector| {
        let action = match vector.text("action").as_str() {
            "retry" => Action::Retry,
            "retry_with_token" => Action::RetryWithToken,
            "retry_in_window" => Action::RetryInWindow,
            "stop" => Action::Stop,
            other => panic!("what is `{other}`?"),
        };
        if let Some(name) = vector.maybe_text("code") {
            assert_eq!(of_code(vector, &name), action);
        } else if let Some(close) = vector.number("close") {
            assert_eq!(Action::of_close(close), action);
        } else {
            assert_eq!(Action::of_status(vector.number("status").unwrap()), action);
        }
    });
}

fn of_code(vector: &Vector, name: &str) -> Action {
    let code = Code(vector.number("number").unwrap());
    assert!(Code::ALL.contains(&code));
    assert_eq!((code.name(), Some(code.status())), (name, vector.number("status")));
    code.action()
}

#[test]
fn every_code_has_a_vector() {
    let seen = std::sync::Mutex::new(Vec::new());
    let seen = std::panic::AssertUnwindSafe(&seen);
    each("actions.json", |vector| seen.lock().unwrap().extend(vector.number("number")));
    assert_eq!(*seen.lock().unwrap(), Code::ALL.iter().map(|code| code.0).collect::<Vec<_>>());
}
