//! The demo's dashboard in a real browser: figures that live, and history without a hole.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    artifacts,
    browser::SOON,
    cases,
    demo::{Demo, hook},
    harness::{Context, evidence},
    proxy::{Cut, Proxy},
    server::Server,
    wait::until,
};
use serde_json::json;

cases! {
    needs [server, demo],
    120 => tiles_live_and_charts_open_with_the_history,
    120 => a_cut_leaves_no_hole_in_the_charts,
}

const FIGURES: [&str; 4] = ["cpu", "memory", "connections", "messages"];
const PATIENCE: Duration = Duration::from_secs(60);

async fn serve(context: &Context) -> Result<Server> {
    let demo = artifacts::demo()?;
    context.server(&["--static", demo.to_str().context("a path in UTF-8")?]).await
}

/// How many records a figure's topic keeps.
async fn logged(server: &Server, figure: &str) -> Result<usize> {
    let answer = server.get(&format!("/v1/poll?topic=metrics:{figure}&cursor=earliest&timeout=0")).await?;
    Ok(answer["messages"].as_array().context("messages")?.len())
}

/// How many points a chart holds: it is a slider over them.
async fn points(demo: &Demo, figure: &str) -> Result<usize> {
    let script = "const chart = document.querySelector(arguments[0]);
        return chart.querySelector('path.line').getAttribute('d') ? Number(chart.ariaValueMax) + 1 : 0;";
    let points = demo.browser().run(script, vec![json!(hook(&format!("chart-{figure}")))]).await?;
    Ok(serde_json::from_value(points)?)
}

/// How many stretches a chart shows for which nothing was measured.
async fn holes(demo: &Demo, figure: &str) -> Result<usize> {
    let script = "return document.querySelectorAll(arguments[0] + ' .hole').length;";
    let holes = demo.browser().run(script, vec![json!(hook(&format!("chart-{figure}")))]).await?;
    Ok(serde_json::from_value(holes)?)
}

async fn tiles_live_and_charts_open_with_the_history(context: &Context) -> Result<()> {
    let server = serve(context).await?;
    let history = || async { Ok((logged(&server, "cpu").await? >= 8).then_some(())) };
    until("the server has measured for a while", PATIENCE, history).await?;
    let demo = Demo::dashboard(&context.browser().await?, &server.origin()).await?;
    for figure in FIGURES {
        demo.browser().element(&hook(&format!("chart-{figure}"))).await?;
        let value = || async {
            let text = demo.text(&format!("tile-{figure}")).await?;
            Ok(text.chars().any(|c| c.is_ascii_digit()).then_some(text))
        };
        until(&format!("tile-{figure} has a value"), SOON, value).await?;
    }
    for figure in FIGURES {
        let full = || async { Ok((points(&demo, figure).await? >= 8).then_some(())) };
        until(&format!("the chart of {figure} has the history"), SOON, full).await?;
    }
    let before = points(&demo, "cpu").await?;
    let grows = || async { Ok((points(&demo, "cpu").await? >= before + 3).then_some(())) };
    until("the chart grows by the second", PATIENCE, grows).await?;

    focus_chart(&demo).await?;
    demo.browser().keys_to_focus("\u{e011}").await?;
    let read = "/\\d/.test(document.activeElement.ariaValueText)";
    demo.browser().until("a value is read by the keyboard", SOON, read).await?;
    demo.browser().click(&hook("table-toggle")).await?;
    for figure in FIGURES {
        let rows = format!(
            "document.querySelectorAll('{} tbody tr').length > 0",
            hook(&format!("chart-table-{figure}"))
        );
        demo.browser().until("the table has rows", SOON, &rows).await?;
    }
    evidence(&format!("dashboard: four tiles live, {before} points on opening, one more each second"));
    Ok(())
}

async fn focus_chart(demo: &Demo) -> Result<()> {
    demo.browser()
        .run("document.querySelector(arguments[0]).focus();", vec![json!(hook("chart-cpu"))])
        .await
        .map(drop)
}

async fn a_cut_leaves_no_hole_in_the_charts(context: &Context) -> Result<()> {
    let server = serve(context).await?;
    let proxy = Proxy::start(Some(server.address())).await?;
    let demo = Demo::dashboard(&context.browser().await?, &proxy.origin()).await?;
    let some = || async { Ok((points(&demo, "cpu").await? >= 3).then_some(())) };
    until("the chart has points", PATIENCE, some).await?;

    proxy.refuse(true).await;
    proxy.cut(Cut::Rst);
    demo.state(&["connecting", "waiting"], SOON).await?;
    let missed = logged(&server, "cpu").await?;
    let later = || async { Ok((logged(&server, "cpu").await? >= missed + 5).then_some(())) };
    until("the server has measured meanwhile", PATIENCE, later).await?;
    proxy.refuse(false).await;
    demo.connected().await?;

    for figure in FIGURES {
        let whole = || async {
            let (shown, kept) = (points(&demo, figure).await?, logged(&server, figure).await?);
            ensure!(shown + 2 >= kept, "{shown} shown of {kept}");
            Ok(Some(()))
        };
        until(&format!("{figure} has what was measured meanwhile"), PATIENCE, whole).await?;
        ensure!(holes(&demo, figure).await? == 0, "{figure} is drawn with a hole");
    }
    demo.open_panel().await?;
    let (gaps, resumed) = (demo.counter("gaps").await?, demo.counter("resumed").await?);
    ensure!(gaps == 0 && resumed > 0, "{gaps} gaps, {resumed} resumed");
    evidence(&format!("dashboard: cut for 5 s: {resumed} resumed, {gaps} gaps, every point there"));
    Ok(())
}
