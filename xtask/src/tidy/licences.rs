//! Every package says under which licence it is, and both texts are there.

use super::arrows::Graph;
use super::{Problem, tree::Tree};

const LICENCE: &str = "MIT OR Apache-2.0";

pub fn check(graph: &Graph, tree: &Tree) -> Vec<Problem> {
    let crates =
        graph.members.values().filter(|member| member.license.as_deref() != Some(LICENCE)).map(|member| {
            Problem::new(&member.manifest, 1, format!("its licence is {LICENCE}: license.workspace = true"))
        });
    let npm = tree
        .files()
        .filter(|(path, _)| path.rsplit('/').next() == Some("package.json"))
        .filter(|(_, text)| !text.contains(&format!("\"license\": \"{LICENCE}\"")))
        .map(|(path, _)| Problem::new(path, 1, format!("its licence is {LICENCE}")));
    let texts = ["LICENSE-MIT", "LICENSE-APACHE"]
        .into_iter()
        .filter(|path| !tree.has(path))
        .map(|path| Problem::new(path, 1, "the text of the licence is missing"));
    crates.chain(npm).chain(texts).collect()
}

#[cfg(test)]
mod tests {
    use super::super::arrows::Member;
    use super::*;

    const TEXTS: [(&str, &str); 2] = [("LICENSE-MIT", ""), ("LICENSE-APACHE", "")];

    fn graph(license: Option<&str>) -> Graph {
        let mut graph = Graph::default();
        let member = Member { license: license.map(str::to_owned), ..Member::default() };
        graph.members.insert("everwire".to_owned(), member);
        graph
    }

    #[test]
    fn a_crate_without_it_or_with_another_is_caught() {
        let tree = Tree::from(&TEXTS);
        assert_eq!(check(&graph(Some(LICENCE)), &tree), []);
        assert_eq!(check(&graph(None), &tree).len(), 1);
        assert_eq!(check(&graph(Some("MIT")), &tree).len(), 1);
    }

    #[test]
    fn an_npm_package_without_it_is_caught() {
        let tree = Tree::from(&[TEXTS[0], TEXTS[1], ("pkg/package.json", "{}")]);
        assert_eq!(check(&graph(Some(LICENCE)), &tree).len(), 1);
    }

    #[test]
    fn a_missing_text_is_caught() {
        assert_eq!(check(&graph(Some(LICENCE)), &Tree::from(&TEXTS[..1])).len(), 1);
    }
}
