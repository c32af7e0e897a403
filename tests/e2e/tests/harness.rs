//! The harness itself: a browser does what the other tests ask of one.

use anyhow::{Result, ensure};
use everwire_e2e::{browser::SOON, cases, harness::Context};
use serde_json::json;

cases! {
    needs [],
    60 => a_browser_shows_types_resizes_and_remembers_its_console,
    60 => windows_are_driven_one_at_a_time,
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
