//! `cargo xtask tidy`: the rules that the compiler cannot check. Each is a small module that is given the tree of
//! files, or the graph of packages, and returns what breaks it; none reads the disk itself.

mod arrows;
mod decisions;
mod leaks;
mod licences;
mod links;
mod locks;
mod modules;
mod paths;
mod purity;
mod tree;

use crate::test::Tally;
use crate::{say, workspace::Workspace};
use anyhow::{Result, bail};
use arrows::Graph;
use std::fmt;
use tree::Tree;

/// Something that breaks a rule.
#[derive(PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file, from the root.
    path: String,
    /// The line, from 1.
    line: usize,
    /// What to do instead, and why.
    why: String,
}

impl Problem {
    fn new(path: &str, line: usize, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, why: why.into() }
    }
}

/// What the rules are checked against.
struct Subject {
    tree: Tree,
    graph: Graph,
}

/// A rule: its name, and what finds its breaches.
struct Rule {
    name: &'static str,
    check: fn(&Subject) -> Vec<Problem>,
}

const RULES: &[Rule] = &[
    Rule { name: "arrows", check: |subject| arrows::check(&subject.graph) },
    Rule { name: "licences", check: |subject| licences::check(&subject.graph, &subject.tree) },
    Rule { name: "purity", check: |subject| purity::check(&subject.tree) },
    Rule { name: "leaks", check: |subject| leaks::check(&subject.tree) },
    Rule { name: "modules", check: |subject| modules::check(&subject.tree) },
    Rule { name: "links", check: |subject| links::check(&subject.tree) },
    Rule { name: "paths", check: |subject| paths::check(&subject.tree) },
    Rule { name: "locks", check: |subject| locks::check(&subject.tree) },
    Rule { name: "decisions", check: |subject| decisions::check(&subject.tree) },
];

struct Breach {
    rule: &'static str,
    problem: Problem,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { path, line, why } = &self.problem;
        write!(f, "{path}:{line}: {}: {why}", self.rule)
    }
}

/// Prints every breach; an error when there is one.
pub fn command(workspace: &Workspace) -> Result<()> {
    let tally = tally(workspace)?;
    if tally.failed > 0 {
        bail!("{} of {} rules are broken", tally.failed, tally.failed + tally.passed);
    }
    say::line(format_args!("all {} rules hold", tally.passed));
    Ok(())
}

/// The same for `cargo xtask test`: a rule is one check.
pub fn tally(workspace: &Workspace) -> Result<Tally> {
    let subject = Subject { tree: Tree::of(workspace)?, graph: Graph::of(workspace)? };
    let mut tally = Tally::default();
    for rule in RULES {
        let problems = (rule.check)(&subject);
        tally += if problems.is_empty() { Tally::passed() } else { Tally::failed() };
        for problem in problems {
            say::line(Breach { rule: rule.name, problem });
        }
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_names_its_place_its_rule_and_why() {
        let problem = Problem::new("sdk/src/lib.rs", 3, "keep it");
        assert_eq!(Breach { rule: "leaks", problem }.to_string(), "sdk/src/lib.rs:3: leaks: keep it");
    }
}
