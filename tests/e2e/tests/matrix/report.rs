//! What the rows came to, and the table of it: `docs/reliability.md`.
//!
//! It must not know what the rows do.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use everwire_e2e::{artifacts, engine::Engine};

use crate::rows::{ROWS, Row};

/// The page around the table.
const PAGE: &str = include_str!("reliability.md");

/// What one client came through a fault with. Times in milliseconds of the page's clock.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The transport, as the table names it.
    pub transport: String,
    /// From the fault until its link was found lost.
    pub detect: Option<f64>,
    /// From there, or from the end of the fault where that is later, until messages came again.
    pub recover: Option<f64>,
    /// Gaps that it was told of.
    pub gaps: u64,
    /// Messages published for it and by it.
    pub published: u64,
    pub lost: u64,
    pub repeated: u64,
}

impl Cell {
    /// Nothing lost, nothing repeated.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.repeated == 0
    }

    /// Makes it stand for another one too.
    pub fn add(&mut self, other: &Self) {
        self.detect = self.detect.max_by(other.detect);
        self.recover = self.recover.max_by(other.recover);
        self.gaps += other.gaps;
        self.published += other.published;
        self.lost += other.lost;
        self.repeated += other.repeated;
    }
}

trait Later {
    fn max_by(self, other: Self) -> Self;
}

impl Later for Option<f64> {
    fn max_by(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }
}

#[derive(Default)]
struct Book {
    versions: BTreeMap<Engine, String>,
    cells: BTreeMap<(&'static str, Engine), Vec<Cell>>,
}

static BOOK: Mutex<Option<Book>> = Mutex::new(None);

/// Keeps what a row came to.
pub fn keep(row: &Row, engine: Engine, version: &str, cells: Vec<Cell>) {
    let mut book = BOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let book = book.get_or_insert_default();
    book.versions.insert(engine, version.to_owned());
    book.cells.insert((row.name, engine), cells);
}

/// A line of evidence for each client.
pub fn lines(cells: &[Cell]) -> impl Iterator<Item = String> {
    cells.iter().map(|cell| {
        let Cell { transport, published, lost, repeated, gaps, .. } = cell;
        let (detect, recover) = (seconds(cell.detect), seconds(cell.recover));
        format!(
            "{transport}: detected after {detect}, back after {recover}, {published} published, {lost} lost, \
             {repeated} repeated, {gaps} gaps"
        )
    })
}

fn seconds(milliseconds: Option<f64>) -> String {
    milliseconds.map_or_else(|| "–".to_owned(), |time| format!("{:.1} s", (time / 1_000.0).max(0.0)))
}

/// Writes the page. Only to be called when every row has been run in every engine that there is.
pub fn write() -> Result<()> {
    let book = BOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let book = book.as_ref().context("nothing was run")?;
    let cells = || book.cells.values().flatten();
    let page = PAGE
        .replace("{browsers}", &browsers(book))
        .replace("{table}", &table(book))
        .replace("{clients}", &cells().count().to_string())
        .replace("{published}", &cells().map(|cell| cell.published).sum::<u64>().to_string())
        .replace("{lost}", &cells().map(|cell| cell.lost).sum::<u64>().to_string())
        .replace("{repeated}", &cells().map(|cell| cell.repeated).sum::<u64>().to_string());
    let file = artifacts::root().join("docs/reliability.md");
    std::fs::write(&file, page).with_context(|| format!("writing {}", file.display()))
}

fn browsers(book: &Book) -> String {
    let version = |engine: &Engine| match book.versions.get(engine) {
        Some(version) => format!("{engine} {version}"),
        None => format!("{engine} (not run: its driver was not there)"),
    };
    Engine::ALL.iter().map(version).collect::<Vec<_>>().join(", ")
}

fn table(book: &Book) -> String {
    let mut table = String::from("| fault | transport |");
    for engine in Engine::ALL {
        let _ = write!(table, " {engine} |");
    }
    table.push_str("\n| --- | --- |");
    table.push_str(&" --- |".repeat(Engine::ALL.len()));
    for row in ROWS {
        let mut transports: Vec<&str> = Vec::new();
        for engine in Engine::ALL {
            for cell in book.cells.get(&(row.name, engine)).into_iter().flatten() {
                if !transports.contains(&cell.transport.as_str()) {
                    transports.push(&cell.transport);
                }
            }
        }
        for (index, transport) in transports.iter().enumerate() {
            let about = if index == 0 { row.about } else { "" };
            let _ = write!(table, "\n| {about} | {transport} |");
            for engine in Engine::ALL {
                let cells = book.cells.get(&(row.name, engine));
                let cell = cells.and_then(|cells| cells.iter().find(|cell| cell.transport == *transport));
                let _ = write!(table, " {} |", text(row, engine, cell));
            }
        }
    }
    table
}

fn text(row: &Row, engine: Engine, cell: Option<&Cell>) -> String {
    let Some(cell) = cell else {
        let reason = row.not_in.iter().find(|(other, _)| *other == engine).map(|(_, reason)| *reason);
        return reason.unwrap_or("not run").to_owned();
    };
    let gaps = if cell.gaps > 0 { format!(" · gaps told: {}", cell.gaps) } else { String::new() };
    let (detect, recover) = (seconds(cell.detect), seconds(cell.recover));
    format!("{detect} · {recover} · {} · {}{gaps}", cell.lost, cell.repeated)
}
