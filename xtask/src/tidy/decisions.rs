//! Decisions are numbered, each with a number of its own: `docs/decisions/NNN-title.md`.

use super::{Problem, tree::Tree};
use std::collections::BTreeMap;

const FOLDER: &str = "docs/decisions/";

pub fn check(tree: &Tree) -> Vec<Problem> {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    let files = tree.files().filter_map(|(path, _)| Some((path, path.strip_prefix(FOLDER)?)));
    for (path, name) in files.filter(|(_, name)| *name != "README.md") {
        match number(name) {
            None => problems.push(Problem::new(path, 1, "a decision is called NNN-title.md")),
            Some(number) => {
                if let Some(other) = taken.insert(number, path) {
                    problems.push(Problem::new(path, 1, format!("{number} is taken by {other}")));
                }
            }
        }
    }
    problems
}

fn number(name: &str) -> Option<&str> {
    let (number, title) = name.strip_suffix(".md")?.split_once('-')?;
    (number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()) && !title.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_decisions_of_one_number_are_caught() {
        let files = [("docs/decisions/001-a.md", ""), ("docs/decisions/002-b.md", "")];
        assert_eq!(check(&Tree::from(&files)), []);
        assert_eq!(check(&Tree::from(&[files[0], files[1], ("docs/decisions/002-c.md", "")])).len(), 1);
    }

    #[test]
    fn a_decision_without_a_number_is_caught() {
        assert_eq!(check(&Tree::from(&[("docs/decisions/demo.md", "")])).len(), 1);
    }
}
