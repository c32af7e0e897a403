//! A module is one idea: small, and its first comment says what it is for.

use super::{Problem, tree::Tree};

const MOST_LINES: usize = 400;

pub fn check(tree: &Tree) -> Vec<Problem> {
    tree.with_extension("rs")
        .flat_map(|(path, text)| [length(path, text), purpose(path, text)])
        .flatten()
        .collect()
}

fn length(path: &str, text: &str) -> Option<Problem> {
    let lines = text.lines().count();
    (lines > MOST_LINES).then(|| {
        Problem::new(
            path,
            lines,
            format!("{lines} lines, the most are {MOST_LINES}: it is more than one idea"),
        )
    })
}

fn purpose(path: &str, text: &str) -> Option<Problem> {
    (!text.starts_with("//! "))
        .then(|| Problem::new(path, 1, "the first line is a `//!` comment: what this is for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_module_is_caught_and_one_at_the_limit_is_not() {
        let lines = |count: usize| format!("//! Long.\n{}", "\n".repeat(count - 1));
        assert_eq!(check(&Tree::from(&[("a.rs", &lines(MOST_LINES))])), []);
        assert_eq!(check(&Tree::from(&[("a.rs", &lines(MOST_LINES + 1))])).len(), 1);
    }

    #[test]
    fn a_module_that_does_not_say_what_it_is_for_is_caught() {
        assert_eq!(check(&Tree::from(&[("a.rs", "use std::fmt;\n")])).len(), 1);
        assert_eq!(check(&Tree::from(&[("a.rs", "//! Prints.\nuse std::fmt;\n")])), []);
    }
}
