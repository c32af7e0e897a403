//! What must not be in the code at all: closures leaked to the browser, and what was left unfinished.

use super::{Problem, tree};
use tree::Tree;

/// Written in halves, so that this file doesn't break its own rule.
const UNFINISHED: &[&str] = &[concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];
const FORGET: &[&str] = &[concat!(".for", "get()"), concat!("mem::for", "get("), concat!("Box::le", "ak(")];

/// The core is not among them: nothing of the browser comes near it.
const BROWSER: &[&str] = &["sdk/src/", "sdk/tests/", "sdk/js/", "leptos/", "demo-app/"];

pub fn check(tree: &Tree) -> Vec<Problem> {
    let forgotten = tree.rust_below(BROWSER).flat_map(|(path, text)| {
        find(
            path,
            text,
            FORGET,
            "what is handed to the browser is owned, so that dropping the client frees it",
        )
    });
    let unfinished = tree
        .with_extension("rs")
        .flat_map(|(path, text)| find(path, text, UNFINISHED, "finish it, or leave it out"));
    forgotten.chain(unfinished).collect()
}

fn find(path: &str, text: &str, words: &[&str], why: &str) -> Vec<Problem> {
    let hits = tree::code(text).filter(|(_, line)| words.iter().any(|word| line.contains(word)));
    hits.map(|(number, _)| Problem::new(path, number, why)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_closure_is_caught_in_the_sdk_and_the_demo_only() {
        let line = format!("fn f() {{\n    closure{};\n}}", FORGET[0]);
        let tree =
            Tree::from(&[("sdk/src/a.rs", &line), ("demo-app/src/a.rs", &line), ("server/src/a.rs", &line)]);
        let problems = check(&tree);
        assert_eq!(
            problems.iter().map(|p| (p.path.as_str(), p.line)).collect::<Vec<_>>(),
            [("demo-app/src/a.rs", 2), ("sdk/src/a.rs", 2)]
        );
    }

    #[test]
    fn unfinished_code_is_caught_anywhere() {
        for word in UNFINISHED {
            let tree = Tree::from(&[("server/src/a.rs", &format!("    {word})"))]);
            assert_eq!(check(&tree).len(), 1, "{word}");
        }
    }

    #[test]
    fn a_comment_may_speak_of_it() {
        assert_eq!(check(&Tree::from(&[("sdk/src/a.rs", &format!("//! No {} here.", FORGET[0]))])), []);
    }
}
