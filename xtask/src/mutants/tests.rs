//! The mutants are true to the code as it is now.

use super::*;
use std::collections::BTreeSet;

#[test]
fn every_mutant_still_applies() {
    let workspace = Workspace::find().unwrap();
    let broken: Vec<String> = MUTANTS
        .iter()
        .filter_map(|mutant| {
            let text = workspace.shell.read_file(mutant.file).unwrap();
            mutant.applied(&text).err().map(|error| error.to_string())
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

#[test]
fn there_are_ten_mutants_or_more_and_each_has_a_name_of_its_own() {
    let names: BTreeSet<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
    assert_eq!(names.len(), MUTANTS.len());
    assert!(names.len() >= 10);
    assert!(MUTANTS.iter().all(|mutant| mutant.old != mutant.new));
}

#[test]
fn a_patch_that_does_not_apply_is_named() {
    let mutant = Mutant { name: "upside-down", file: "a.rs", old: "x", new: "y", why: "", breaks: "" };
    assert_eq!(mutant.applied("axb").unwrap(), "ayb");
    assert!(mutant.applied("ab").unwrap_err().to_string().contains("upside-down"));
    assert!(mutant.applied("axx").unwrap_err().to_string().contains("2 times"));
}

#[test]
fn an_unknown_mutant_is_refused_with_the_known_ones() {
    let error = choose(&["nonsense".to_owned()]).err().unwrap().to_string();
    assert!(error.contains("nonsense") && error.contains(MUTANTS[0].name), "{error}");
}
