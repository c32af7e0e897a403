//! No path of one developer's machine is in a file: it would work there only.

use super::{Problem, tree::Tree};

/// Written in halves, so that this file doesn't break its own rule.
const MACHINES: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/t", "mp/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

pub fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.files() {
        for (index, line) in text.lines().enumerate() {
            if let Some(found) = MACHINES.iter().find(|start| has_path(line, start)) {
                let why = format!("{found}… is a path of one machine: make it relative, or ask the system");
                problems.push(Problem::new(path, index + 1, why));
            }
        }
    }
    problems
}

/// A path starts there: what is before the slash is no part of one.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        !line
            .as_bytes()
            .get(at.wrapping_sub(1))
            .is_some_and(|b| b.is_ascii_alphanumeric() || b"._-}*".contains(b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(line: &str) -> bool {
        !check(&Tree::from(&[("docs/a.md", line)])).is_empty()
    }

    #[test]
    fn the_path_of_a_machine_is_caught() {
        for start in MACHINES {
            assert!(broken(&format!("run {start}thing")), "{start}");
            assert!(broken(&format!("\"{start}thing\"")), "{start}");
        }
    }

    #[test]
    fn the_same_letters_inside_of_a_relative_path_are_fine() {
        assert!(!broken("see docs/work/notes.md"));
        assert!(!broken("https://example.com/home/page"));
        assert!(!broken("/usr/bin/env"));
    }
}
