//! The harness itself: a browser does what the other tests ask of one, and leaves nothing behind.

use std::{fs, time::Duration};

use anyhow::{Result, ensure};
use everwire_e2e::{
    browser::{Browser, SOON},
    cases,
    engine::{Engine, Pace},
    harness::{Context, evidence},
    wait::until,
};
use serde_json::json;

cases! {
    needs [],
    60 => a_browser_shows_types_resizes_and_remembers_its_console,
    60 => windows_are_driven_one_at_a_time,
    120 => every_engine_hides_and_shows_a_page,
    120 => nothing_is_left_of_a_browser_that_is_dropped,
}

const PAGE: &str = "data:text/html,<title>A page</title><input id=a autofocus><p id=said></p>\
    <script>a.oninput = () => { said.textContent = a.value; console.warn('typed ' %2B a.value) }</script>";

async fn a_browser_shows_types_resizes_and_remembers_its_console(context: &Context) -> Result<()> {
    let browser = context.browser().await?;
    browser.open(PAGE).await?;
    browser.keys("#a", "hello").await?;
    browser.until("the page has heard", SOON, "said.textContent === 'hello'").await?;
    let console = browser.console().await?;
    ensure!(
        console.iter().any(|line| line.starts_with("WARNING") && line.contains("typed hello")),
        "{console:?}"
    );

    browser.set_viewport(360, 740).await?;
    browser.set_preference("prefers-color-scheme", "dark").await?;
    let narrow = "innerWidth === 360 && matchMedia('(prefers-color-scheme: dark)').matches";
    browser.until("the page is narrow and dark", SOON, narrow).await?;

    let sum = browser.run_async("await null; return args[0] + args[1];", vec![json!(1), json!(2)]).await?;
    ensure!(sum == 3, "{sum}");
    let error = browser.run_async("throw new Error('as asked')", vec![]).await;
    ensure!(error.is_err_and(|error| error.to_string().contains("as asked")));

    let file = context.directory().join("page.png");
    browser.screenshot(&file).await?;
    ensure!(std::fs::read(&file)?.starts_with(b"\x89PNG"));
    Ok(())
}

async fn windows_are_driven_one_at_a_time(context: &Context) -> Result<()> {
    let browser = context.browser().await?;
    let first = browser.window().await?;
    browser.open("data:text/html,<title>first</title>").await?;
    let second = browser.new_window().await?;
    browser.open("data:text/html,<title>second</title>").await?;
    browser.turn_to(&first).await?;
    browser.until("the first is driven", SOON, "document.title === 'first'").await?;
    browser.turn_to(&second).await?;
    browser.until("the second is driven", SOON, "document.title === 'second'").await?;
    Ok(())
}

/// The page writes down what it sees of itself: while it is hidden, it can't be asked.
const WATCHING: &str = "data:text/html,<title>seen</title><script>window.seen = [];\
    document.onvisibilitychange = () => seen.push(document.visibilityState)</script>";

async fn every_engine_hides_and_shows_a_page(context: &Context) -> Result<()> {
    for engine in Engine::ALL {
        if engine.is_optional() && !engine.is_here() {
            evidence(&format!("{engine} is not here"));
            continue;
        }
        let log = context.directory().join(format!("{}.log", engine.name()));
        let browser = Browser::start(engine, Pace::Real, &log).await?;
        browser.open(WATCHING).await?;
        browser.hide().await?;
        browser.show().await?;
        browser.until("the page has seen both", SOON, "window.seen.join() === 'hidden,visible'").await?;
        evidence(&format!("{engine} {}", browser.version()));
        browser.close().await?;
    }
    Ok(())
}

async fn nothing_is_left_of_a_browser_that_is_dropped(context: &Context) -> Result<()> {
    for engine in Engine::ALL.into_iter().filter(|engine| engine.is_here()) {
        let log = context.directory().join(format!("{}.log", engine.name()));
        let browser = Browser::start(engine, Pace::Real, &log).await?;
        let temporary = browser.temporary().to_owned();
        // What it has started has been told where to put its files.
        let of_it = || -> Vec<String> {
            let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
            let mark = temporary.display().to_string();
            let told = |file: std::path::PathBuf| {
                fs::read(file).is_ok_and(|text| String::from_utf8_lossy(&text).contains(&mark))
            };
            let of_it =
                processes.filter(|process| told(process.join("environ")) || told(process.join("cmdline")));
            of_it.map(|process| process.display().to_string()).collect()
        };
        let before = of_it().len();
        ensure!(before > 1, "{engine} has {before} processes");
        drop(browser);
        let gone = || async {
            let left = of_it();
            ensure!(left.is_empty() && !temporary.exists(), "{left:?}");
            Ok(Some(()))
        };
        until(&format!("{engine} is gone"), Duration::from_secs(10), gone).await?;
        evidence(&format!("{engine}: {before} processes, and then none"));
    }
    Ok(())
}
