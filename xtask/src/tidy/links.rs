//! Links in documents lead somewhere: to a file of the project, and to a heading that is in it.

use super::{Problem, tree::Tree};
use std::collections::BTreeMap;

pub fn check(tree: &Tree) -> Vec<Problem> {
    tree.with_extension("md").flat_map(|(path, text)| check_document(tree, path, text)).collect()
}

fn check_document(tree: &Tree, path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in prose(text) {
        for target in targets(&line) {
            if let Some(why) = broken(tree, path, target) {
                problems.push(Problem::new(path, number, why));
            }
        }
    }
    problems
}

/// Why this link leads nowhere; `None` for a good one, and for those that leave the project.
fn broken(tree: &Tree, from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let file = if file.is_empty() { from.to_owned() } else { resolve(from, file)? };
    if !tree.has(&file) {
        return Some(format!("{target}: there is no {file}"));
    }
    let anchor = anchor.filter(|_| file.ends_with(".md"))?;
    let known = anchors(tree.text(&file).unwrap_or_default());
    (!known.iter().any(|heading| heading == anchor))
        .then(|| format!("{target}: {file} has no heading #{anchor}"))
}

/// `target` as seen from the document `from`, from the root. A link out of the project comes back as it is, and so
/// isn't found.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = if target.starts_with('/') { Vec::new() } else { from.split('/').collect() };
    parts.pop();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            parts.push(part);
        } else if parts.pop().is_none() {
            return Some(target.to_owned());
        }
    }
    Some(parts.join("/"))
}

/// The lines that are no code, without their inline code.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        let plain: String = line.split('`').step_by(2).collect();
        (!fenced).then_some((index + 1, plain))
    })
}

/// What the links of a line point at: `[text](target "title")`, `[name]: target`, `src="…"` and `href="…"`.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let definition = line.starts_with('[').then(|| line.split_once("]: ")).flatten();
    let definition = definition.and_then(|(_, rest)| rest.split_whitespace().next());
    let html = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| line.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()));
    inline.chain(definition).chain(html).filter(|target| !target.is_empty()).collect()
}

/// The anchors of a document's headings, made as GitHub makes them; a repeated one is numbered.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let level = line.len() - line.trim_start_matches('#').len();
        let Some(title) = line.get(level..).and_then(|rest| rest.strip_prefix(' ')).filter(|_| !fenced)
        else {
            continue;
        };
        if (1..=6).contains(&level) {
            let anchor = slug(title);
            let count = seen.entry(anchor.clone()).or_default();
            found.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
            *count += 1;
        }
    }
    found
}

fn slug(title: &str) -> String {
    let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken_in(text: &str) -> Vec<usize> {
        let other = "# Other things\n\n## `subscribe`: and more\n\n## Twice\n\n## Twice\n";
        let tree = Tree::from(&[("docs/a.md", text), ("docs/other.md", other), ("docs/images/chat.png", "")]);
        check(&tree).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_caught() {
        assert_eq!(broken_in("fine: [other](other.md)\n\n[gone](gone.md)"), [3]);
        assert_eq!(broken_in("![chat](images/chat.png) ![gone](images/gone.png)"), [1]);
        assert_eq!(broken_in("<img src=\"images/gone.png\">"), [1]);
        assert_eq!(broken_in("[gone]: ../gone.md"), [1]);
    }

    #[test]
    fn a_link_to_a_heading_that_is_not_there_is_caught() {
        assert_eq!(
            broken_in("[a](other.md#other-things) [b](other.md#subscribe-and-more) [c](other.md#twice-1)"),
            [0; 0]
        );
        assert_eq!(broken_in("# Here\n[a](#here)\n[b](#there)"), [3]);
        assert_eq!(broken_in("[a](other.md#gone)"), [1]);
    }

    #[test]
    fn a_link_out_of_the_project_is_caught() {
        assert_eq!(broken_in("[a](../../elsewhere.md)"), [1]);
    }

    #[test]
    fn links_to_the_web_and_links_in_code_are_not_followed() {
        assert_eq!(broken_in("[a](https://example.com/gone) `[b](gone.md)`\n```\n[c](gone.md)\n```"), [0; 0]);
    }

    #[test]
    fn folders_and_links_from_the_root_are_found() {
        assert_eq!(broken_in("[a](images) [b](images/) [c](/docs/other.md) [d](../docs)"), [0; 0]);
    }
}
