//! The table of the cases: `docs/hostile-input.md`. It is made of what each case must get, and only after each got it.

use std::fmt::Write as _;

use crate::cases;

const PAGE: &str = include_str!("page.txt");
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hostile-input.md");

/// Compares the page with what was seen, or writes it where `EVERWIRE_WRITE` is set.
pub fn check() {
    let page = page();
    if std::env::var_os("EVERWIRE_WRITE").is_some() {
        std::fs::write(FILE, page).expect("writes");
    } else {
        let written = std::fs::read_to_string(FILE).unwrap_or_default();
        assert!(written == page, "docs/hostile-input.md is not as it was seen: EVERWIRE_WRITE=1 writes it");
    }
}

fn page() -> String {
    let mut table = String::new();
    let mut count = 0;
    for (group, cases) in cases::all() {
        let _ = write!(table, "\n## {group}\n\n| sent | got |\n| --- | --- |\n");
        for case in cases {
            let _ = writeln!(table, "| {} | {} |", case.what, case.got);
            count += 1;
        }
    }
    PAGE.replace("{count}", &count.to_string()).replace("{table}", table.trim_end())
}
