//! How the demo looks: at the three widths, in both themes, to a reader who depends on its markup. The screenshots
//! are kept in `target/e2e/screens/`.

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    artifacts,
    browser::{Browser, SOON},
    cases,
    demo::{Demo, hook},
    harness::{Context, evidence},
    wait::until,
};
use serde_json::{Value, json};

cases! {
    needs [server, demo],
    180 => every_page_fits_three_widths_and_two_themes_and_axe_finds_nothing_serious,
}

const SIZES: [(u32, u32); 3] = [(360, 740), (768, 1024), (1440, 900)];
const THEMES: [&str; 2] = ["light", "dark"];

async fn every_page_fits_three_widths_and_two_themes_and_axe_finds_nothing_serious(
    context: &Context,
) -> Result<()> {
    let dist = artifacts::demo()?;
    let server = context.server(&["--static", dist.to_str().context("a path in UTF-8")?]).await?;
    let axe = tokio::fs::read_to_string(artifacts::axe()?).await?;
    let screens = artifacts::out("screens")?;
    let talk = [
        ("Ada", "Morning! The deploy is through, and nobody noticed."),
        ("Ada", "Which is how it should be."),
        ("Ben", "I cut my Wi-Fi twice while you wrote that: https://example.com/log"),
        ("Cleo", "Same here, on the train.\nNothing lost, nothing twice."),
    ];
    let talk = talk.map(|(user, text)| json!({ "user": user, "text": text }));
    server.publish("room:general", talk).await?;

    let browser = context.browser().await?;
    let demo = Demo::join(&browser, &server.origin(), "general", "Ada").await?;
    let ben = Demo::join(&context.browser().await?, &server.origin(), "general", "Ben").await?;
    demo.send("Good. On to the dashboard.").await?;
    demo.message("Good. On to the dashboard.", "sent", SOON).await?;
    ben.message("Good. On to the dashboard.", "sent", SOON).await?;
    let mut checked = 0;
    for page in ["chat", "panel", "dashboard"] {
        if page == "panel" {
            demo.open_panel().await?;
        }
        if page == "dashboard" {
            demo.close_panel().await?;
            browser.open(&format!("{}/#dashboard", server.origin())).await?;
            browser.element(&hook("chart-cpu")).await?;
            let value = || async {
                Ok(demo.text("tile-cpu").await?.chars().any(|c| c.is_ascii_digit()).then_some(()))
            };
            until("the dashboard lives", SOON, value).await?;
        }
        for theme in THEMES {
            browser.set_preference("prefers-color-scheme", theme).await?;
            for (width, height) in SIZES {
                browser.set_viewport(width, height).await?;
                settled(&browser, width).await?;
                let name = format!("{page}-{width}-{theme}");
                browser.screenshot(&screens.join(format!("{name}.png"))).await?;
                fits(&browser, &name).await?;
                let found = serious(&browser, &axe).await?;
                ensure!(found.is_empty(), "axe, {name}: {}", found.join("\n"));
                checked += 1;
            }
            let [light, dark] = shades(&browser).await?;
            ensure!(
                (theme == "dark") == (light > dark),
                "{page} in {theme}: text {light}, background {dark}"
            );
        }
    }
    evidence(&format!("looks: {checked} screens fit, axe found nothing serious: {}", screens.display()));
    Ok(())
}

/// Waits until the page has been drawn at its new size.
async fn settled(browser: &Browser, width: u32) -> Result<()> {
    browser.until("the page has its new size", SOON, &format!("innerWidth === {width}")).await?;
    let script = "await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
        await Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().iterations !== Infinity)
            .map(a => a.finished.catch(() => {})));";
    browser.run_async(script, vec![]).await.map(drop)
}

/// Nothing makes the page scroll sideways.
async fn fits(browser: &Browser, name: &str) -> Result<()> {
    let script = "const root = document.documentElement;
        const wide = [...document.querySelectorAll('body *')]
            .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1);
        return [root.scrollWidth, innerWidth, wide.slice(0, 5).map(e => e.className || e.tagName).join(' ')];";
    let [width, window, wide] =
        &browser.run(script, vec![]).await?.as_array().cloned().unwrap_or_default()[..]
    else {
        anyhow::bail!("three values");
    };
    ensure!(width.as_u64() <= window.as_u64(), "{name} is {width} wide in {window}: {wide}");
    Ok(())
}

/// What axe-core finds that is serious or critical, a line each.
async fn serious(browser: &Browser, axe: &str) -> Result<Vec<String>> {
    browser.run(&format!("if (!window.axe) {{ {axe} }}"), vec![]).await?;
    let found = browser.run_async("return (await window.axe.run()).violations;", vec![]).await?;
    let grave = |found: &&Value| ["serious", "critical"].map(Value::from).contains(&found["impact"]);
    let line = |found: &Value| {
        let nodes = found["nodes"].as_array().into_iter().flatten().take(3);
        let nodes: Vec<String> = nodes.map(|node| node["html"].to_string()).collect();
        format!("{}: {}: {}", found["id"], found["help"], nodes.join(", "))
    };
    Ok(found.as_array().context("axe's violations")?.iter().filter(grave).map(line).collect())
}

/// How light the text and the background of the page are, from 0 to 765.
async fn shades(browser: &Browser) -> Result<[u64; 2]> {
    let script = "const style = getComputedStyle(document.body);
        const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
        return [style.color, style.backgroundColor].map(colour => {
            canvas.fillStyle = 'white'; canvas.fillRect(0, 0, 1, 1);
            canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
            return r + g + b;
        });";
    Ok(serde_json::from_value(browser.run(script, vec![]).await?)?)
}
