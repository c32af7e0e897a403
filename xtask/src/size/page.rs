//! The table of sizes in `docs/size.md`, between its two marks, beside what others weigh.

use super::{Row, measure::thousands};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fmt::Write;

/// Kilobytes of brotli of what others ship, measured once in the same way, in November 2026.
pub const PEERS: &[(&str, &str)] = &[
    ("partysocket", "3.6"),
    ("socket.io-client", "11.7"),
    ("SignalR", "12.2"),
    ("centrifuge", "20.0"),
    ("ably", "49.4"),
];

const START: &str = "<!-- sizes: `cargo xtask size --write` -->\n";
const END: &str = "<!-- /sizes -->";

/// Puts the table into the page.
pub fn write(workspace: &Workspace, rows: &[Row]) -> Result<()> {
    let path = workspace.root.join("docs/size.md");
    let page = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let page = replaced(&page, &table(rows)).context("docs/size.md lacks the marks of its table")?;
    std::fs::write(&path, page).with_context(|| path.display().to_string())
}

fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, START, table, END, after].concat())
}

fn table(rows: &[Row]) -> String {
    let mut table =
        "| entry | raw | gzip | brotli | budget | target |\n| --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for Row { name, size, budget } in rows {
        let [raw, gzip, brotli] = size.parts().map(thousands);
        let (most, target) = (thousands(budget.brotli), thousands(budget.target));
        // Writing to a string can't fail.
        let _ = writeln!(table, "| `{name}` | {raw} | {gzip} | {brotli} | {most} | {target} |");
    }
    for (name, brotli) in PEERS {
        let _ = writeln!(table, "| {name} | | | {brotli} KB | | |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_takes_the_place_of_the_one_before() {
        let page = format!("above\n{START}old\n{END}\nbelow");
        assert_eq!(replaced(&page, "new\n").unwrap(), format!("above\n{START}new\n{END}\nbelow"));
        assert_eq!(replaced("no marks", "new"), None);
    }
}
