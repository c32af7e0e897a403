//! Setup over parts that are made up: what it does about each, whatever the tool.

use super::*;
use anyhow::anyhow;
use std::cell::Cell;
use std::rc::Rc;

/// A part that is there once `works_at` installs have been tried, and how often that was done.
fn part(name: &str, there: bool, works_at: usize) -> (Part, Rc<Cell<usize>>) {
    let tries = Rc::new(Cell::new(0));
    let (seen, counted) = (tries.clone(), tries.clone());
    let part = Part {
        scope: Scope::Node,
        name: name.to_owned(),
        why: "the test wants it",
        optional: false,
        present: Box::new(move |_| (there || seen.get() >= works_at).then(|| "1.0".to_owned())),
        install: Box::new(move |_| {
            counted.set(counted.get() + 1);
            if counted.get() < works_at { Err(anyhow!("no network")) } else { Ok(()) }
        }),
    };
    (part, tries)
}

#[test]
fn what_is_there_is_not_fetched() {
    let (part, tries) = part("there", true, 1);
    bring(&Workspace::find().unwrap(), &[part]).unwrap();
    assert_eq!(tries.get(), 0);
}

#[test]
fn what_is_missing_is_fetched_once() {
    let (part, tries) = part("missing", false, 1);
    bring(&Workspace::find().unwrap(), &[part]).unwrap();
    assert_eq!(tries.get(), 1);
}

#[test]
fn a_failed_fetch_is_tried_once_more() {
    let (part, tries) = part("flaky", false, 2);
    bring(&Workspace::find().unwrap(), &[part]).unwrap();
    assert_eq!(tries.get(), 2);
}

#[test]
fn all_failures_are_named_at_the_end_and_the_rest_is_still_fetched() {
    let (first, _) = part("first", false, 9);
    let (second, tries) = part("second", false, 1);
    let (third, _) = part("third", false, 9);
    let error = bring(&Workspace::find().unwrap(), &[first, second, third]).unwrap_err().to_string();
    assert!(error.contains("first: no network") && error.contains("third: no network"), "{error}");
    assert!(!error.contains("second"), "{error}");
    assert_eq!(tries.get(), 1);
}

#[test]
fn an_install_that_brings_nothing_is_an_error() {
    let mut hollow = part("hollow", false, 1).0;
    hollow.present = Box::new(|_| None);
    let error = bring(&Workspace::find().unwrap(), &[hollow]).unwrap_err().to_string();
    assert!(error.contains("still not found"), "{error}");
}

#[test]
fn what_is_optional_may_stay_missing() {
    let (mut part, tries) = part("rare", false, 9);
    part.optional = true;
    bring(&Workspace::find().unwrap(), &[part]).unwrap();
    assert_eq!(tries.get(), 2);
}

#[test]
fn every_scope_has_a_part() {
    let workspace = Workspace::find().unwrap();
    let parts = parts(&workspace).unwrap();
    for scope in Scope::value_variants() {
        assert!(parts.iter().any(|part| part.scope == *scope), "{scope:?}");
    }
}
