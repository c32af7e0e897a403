//! `size-budget.toml`: how much each entry may weigh, in bytes of brotli, and what it should come to. Knows nothing of how that is
//! measured.

use crate::workspace::Workspace;
use anyhow::{Context, Result};

/// Of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// More than that fails.
    pub brotli: usize,
    /// What it is meant to come to.
    pub target: usize,
}

/// Of all.
pub struct Budgets(toml::Table);

/// Reads the file.
pub fn read(workspace: &Workspace) -> Result<Budgets> {
    let path = workspace.root.join("size-budget.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    parse(&text)
}

fn parse(text: &str) -> Result<Budgets> {
    Ok(Budgets(text.parse().context("size-budget.toml")?))
}

impl Budgets {
    /// An entry without a budget is an error: it would grow unseen.
    pub fn of(&self, entry: &str) -> Result<Budget> {
        let number = |name: &str| {
            let number =
                self.0.get(entry).and_then(|entry| entry.get(name)).and_then(toml::Value::as_integer);
            let number = number.and_then(|number| usize::try_from(number).ok());
            number.with_context(|| format!("size-budget.toml has no `{name}` for `{entry}`"))
        };
        Ok(Budget { brotli: number("brotli")?, target: number("target")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_its_budget_and_one_without_is_an_error() {
        let budgets = parse("[client]\nbrotli = 30_000\ntarget = 20_000\n[demo]\nbrotli = 1").unwrap();
        assert_eq!(budgets.of("client").unwrap(), Budget { brotli: 30_000, target: 20_000 });
        assert!(budgets.of("demo").is_err() && budgets.of("other").is_err());
    }
}
