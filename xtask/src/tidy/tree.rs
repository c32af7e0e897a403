//! The files of the project, as git sees them (tracked, or new and not ignored), with the text of those that have
//! any. Tests make theirs up.

use crate::workspace::Workspace;
use anyhow::Result;
use std::collections::BTreeMap;
use xshell::cmd;

/// Files by their path from the root, with `/` between folders. A file that is not text has an empty one.
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// The files of this checkout.
    pub fn of(workspace: &Workspace) -> Result<Self> {
        let shell = &workspace.shell;
        // CI often clones as another user than it builds as, which git refuses to look at otherwise.
        let list = cmd!(shell, "git -c safe.directory=* ls-files --cached --others --exclude-standard -z")
            .quiet()
            .read()?;
        let paths = list.split('\0').filter(|path| workspace.root.join(path).is_file());
        let read =
            |path: &str| std::fs::read(workspace.root.join(path)).map(|bytes| String::from_utf8(bytes).ok());
        let files = paths.map(|path| Ok((path.to_owned(), read(path)?.unwrap_or_default())));
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    /// A tree that is made up.
    #[cfg(test)]
    pub fn from(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }

    /// All files: path and text.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files of this extension.
    pub fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files()
            .filter(move |(path, _)| path.rsplit_once('.').is_some_and(|(_, found)| found == extension))
    }

    /// The Rust files below any of these folders.
    pub fn rust_below(&self, folders: &[&str]) -> impl Iterator<Item = (&str, &str)> {
        self.with_extension("rs")
            .filter(move |(path, _)| folders.iter().any(|folder| path.starts_with(folder)))
    }

    /// The text of one file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is such a file, or a folder with files in it.
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| file.starts_with(&folder))
    }
}

/// The lines of Rust that are code, with their numbers: comments, and what follows them on a line, are left out. Good
/// enough for a search: a `//` in a string hides the rest of its line.
pub fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_not_code() {
        let found: Vec<_> = code("//! never todo\nlet a = 1; // never").collect();
        assert_eq!(found, [(1, ""), (2, "let a = 1; ")]);
    }

    #[test]
    fn folders_are_there_when_files_are_in_them() {
        let tree = Tree::from(&[("docs/protocol.md", "")]);
        assert!(tree.has("docs") && tree.has("docs/protocol.md") && tree.has(""));
        assert!(!tree.has("doc") && !tree.has("docs/other.md"));
    }

    #[test]
    fn rust_files_are_found_by_folder() {
        let tree = Tree::from(&[("sdk/src/lib.rs", ""), ("sdk/README.md", ""), ("server/src/lib.rs", "")]);
        let found: Vec<_> = tree.rust_below(&["sdk/"]).map(|(path, _)| path).collect();
        assert_eq!(found, ["sdk/src/lib.rs"]);
    }
}
