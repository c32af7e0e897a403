//! Lock files name packages, not hosts: a build elsewhere, behind a mirror, must not be sent to ours.

use super::{Problem, tree::Tree};

const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

pub fn check(tree: &Tree) -> Vec<Problem> {
    tree.files().flat_map(|(path, text)| check_file(path, text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<Problem> {
    let (foreign, why): (fn(&str) -> bool, _) = match path.rsplit('/').next() {
        Some("Cargo.lock") => {
            (|line| line.starts_with("source = ") && line != CRATES_IO, "crates come from crates.io alone")
        }
        Some("package-lock.json") => (
            |line| line.trim_start().starts_with("\"resolved\": \"http"),
            "no registry host in it: set omit-lockfile-registry-resolved=true in .npmrc and lock again",
        ),
        _ => return Vec::new(),
    };
    let lines = text.lines().enumerate().filter(|(_, line)| foreign(line));
    lines.map(|(index, _)| Problem::new(path, index + 1, why)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_source_of_crates_is_caught() {
        let good = format!("[[package]]\n{CRATES_IO}\n");
        assert_eq!(check(&Tree::from(&[("Cargo.lock", &good)])), []);
        let mirror = "[[package]]\nsource = \"registry+https://mirror.example/index\"\n";
        assert_eq!(check(&Tree::from(&[("Cargo.lock", mirror)]))[0].line, 2);
        let git = "source = \"git+https://github.com/someone/fork\"\n";
        assert_eq!(check(&Tree::from(&[("fuzz/Cargo.lock", git)])).len(), 1);
    }

    #[test]
    fn a_registry_host_in_an_npm_lockfile_is_caught() {
        let text = "{\n      \"resolved\": \"https://mirror.example/a.tgz\",\n}";
        assert_eq!(check(&Tree::from(&[("xtask/node/package-lock.json", text)]))[0].line, 2);
        assert_eq!(check(&Tree::from(&[("xtask/node/package.json", text)])), []);
    }
}
