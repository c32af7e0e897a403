//! The demo's chat in real browsers, as two people use it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    artifacts,
    browser::SOON,
    cases,
    demo::{Demo, TRANSPORTS, hook},
    harness::{Context, evidence},
    server::Server,
    wait::until,
};
use serde_json::json;

cases! {
    needs [server, demo],
    180 => two_windows_chat_over_each_transport,
    120 => cut_now_in_the_panel_costs_nothing_over_each_transport,
    120 => messages_written_offline_wait_and_are_sent_once,
    120 => history_is_there_after_a_reload_and_loads_upward,
    120 => a_reader_who_scrolled_up_is_told_of_new_messages,
    120 => a_killed_server_shows_in_the_badge_and_the_chat_recovers,
    120 => the_chat_is_used_by_keyboard_alone,
}

/// What a message may take over the slowest transport: a poll comes every two seconds.
const DELIVERED: Duration = Duration::from_secs(20);
const RECOVERED: Duration = Duration::from_secs(60);

async fn serve(context: &Context) -> Result<Server> {
    let demo = artifacts::demo()?;
    context.server(&["--static", demo.to_str().context("a path in UTF-8")?]).await
}

async fn two_windows_chat_over_each_transport(context: &Context) -> Result<()> {
    let server = serve(context).await?;
    // Two browsers, for windows of one would share a name.
    let ada = Demo::join(&context.browser().await?, &server.origin(), "general", "Ada").await?;
    let ben = Demo::join(&context.browser().await?, &server.origin(), "general", "Ben").await?;
    for transport in TRANSPORTS {
        ada.force(transport).await?;
        ben.force(transport).await?;
        for (from, to, name) in [(&ada, &ben, "Ada"), (&ben, &ada, "Ben")] {
            let text = format!("{name} says hello over {transport}");
            from.send(&text).await?;
            let own = from.message(&text, "sent", DELIVERED).await?;
            let other = to.message(&text, "sent", DELIVERED).await?;
            ensure!(own.own && own.user == name, "{own:?}");
            ensure!(!other.own && other.user == name, "{other:?}");
            // Between two polls nobody is there to hear that somebody types.
            if transport != "poll" {
                typing_shows(from, to, name).await?;
            }
        }
        for window in [&ada, &ben] {
            let both = || async {
                let mut members = window.members().await?;
                members.sort();
                ensure!(members == ["Ada", "Ben"], "{members:?}");
                Ok(Some(()))
            };
            until(&format!("both are here over {transport}"), DELIVERED, both).await?;
        }
    }
    for window in [&ada, &ben] {
        let users: Vec<String> = window.messages().await?.into_iter().map(|message| message.user).collect();
        ensure!(users == ["Ada", "Ben"].repeat(TRANSPORTS.len()), "{users:?}");
    }
    evidence(&format!(
        "chat: both ways over {}: 10 messages, in order in both windows",
        TRANSPORTS.join(", ")
    ));
    Ok(())
}

async fn cut_now_in_the_panel_costs_nothing_over_each_transport(context: &Context) -> Result<()> {
    let server = serve(context).await?;
    let ada = Demo::join(&context.browser().await?, &server.origin(), "general", "Ada").await?;
    let mut published = 0;
    for (cuts, transport) in (1..).zip(TRANSPORTS) {
        ada.force(transport).await?;
        ada.open_panel().await?;
        let before = ada.counter("reconnects").await?;
        ada.browser().click(&hook("cut")).await?;
        // Written while the connection is away, or has just come back.
        fill(&server, published + 1..=published + 5).await?;
        published += 5;
        let counted = || async { Ok((ada.counter("reconnects").await? > before).then_some(())) };
        until(&format!("the panel counts cut {cuts}"), SOON, counted).await?;
        ada.close_panel().await?;
        let all = || async {
            let messages = ada.messages().await?;
            ensure!(messages.len() as u64 >= published, "{} messages", messages.len());
            Ok(Some(messages))
        };
        let messages =
            until(&format!("all messages are there after a cut of {transport}"), RECOVERED, all).await?;
        for (message, n) in messages.iter().zip(1..) {
            ensure!(message.text == format!("message {n}."), "{message:?} in the place of {n}");
        }
        ensure!(messages.len() as u64 == published, "{messages:?}");
        ada.connected().await?;
    }
    ada.open_panel().await?;
    let (gaps, resumed) = (ada.counter("gaps").await?, ada.counter("resumed").await?);
    ensure!(gaps == 0 && resumed > 0, "{gaps} gaps, {resumed} resumed");
    evidence(&format!("chat: cut by hand over {}: {resumed} resumed, {gaps} gaps", TRANSPORTS.join(", ")));
    Ok(())
}

/// Types until the other window says so, and takes it back.
async fn typing_shows(from: &Demo, to: &Demo, name: &str) -> Result<()> {
    const ALL: &str = "\u{e009}a\u{e009}";
    const BACKSPACE: &str = "\u{e003}";
    let heard = || async {
        from.browser().keys(&hook("composer"), "h").await?;
        Ok(to.text("typing").await?.contains(name).then_some(()))
    };
    until(&format!("{name} is seen typing"), DELIVERED, heard).await?;
    from.browser().keys(&hook("composer"), &format!("{ALL}{BACKSPACE}")).await?;
    let silent = || async { Ok((to.text("typing").await?.is_empty()).then_some(())) };
    until("the typing line is empty again", DELIVERED, silent).await
}

async fn messages_written_offline_wait_and_are_sent_once(context: &Context) -> Result<()> {
    let server = serve(context).await?;
    let ada = Demo::join(&context.browser().await?, &server.origin(), "general", "Ada").await?;
    let ben = Demo::join(&context.browser().await?, &server.origin(), "general", "Ben").await?;
    ada.in_panel("offline").await?;
    ada.state(&["offline"], SOON).await?;
    let texts = ["written in a tunnel", "still in the tunnel", "is anybody there?"];
    for text in texts {
        ada.send(text).await?;
        ada.message(text, "pending", SOON).await?;
    }
    ben.send("meanwhile").await?;
    ben.message("meanwhile", "sent", SOON).await?;
    ada.in_panel("offline").await?;
    ada.connected().await?;
    for text in texts {
        ada.message(text, "sent", RECOVERED).await?;
        ben.message(text, "sent", RECOVERED).await?;
    }
    for window in [&ada, &ben] {
        let shown: Vec<String> = window.messages().await?.into_iter().map(|message| message.text).collect();
        ensure!(shown == ["meanwhile", texts[0], texts[1], texts[2]], "{shown:?}");
    }
    evidence("chat: 3 messages written offline: pending, then sent, once and in order");
    Ok(())
}

async fn history_is_there_after_a_reload_and_loads_upward(context: &Context) -> Result<()> {
    let server = serve(context).await?;
    fill(&server, 1..=130).await?;
    let ada = Demo::join(&context.browser().await?, &server.origin(), "general", "Ada").await?;
    ada.message("message 130.", "sent", SOON).await?;
    ada.browser().client().refresh().await?;
    ada.message("message 130.", "sent", SOON).await?;
    ada.connected().await?;
    let first = ada.messages().await?.len();
    ensure!(first < 130, "not all of the history is fetched at once: {first}");
    let all = || async {
        ada.browser()
            .run("document.querySelector(arguments[0]).scrollTop = 0;", vec![json!(hook("log"))])
            .await?;
        let messages = ada.messages().await?;
        ensure!(messages.len() == 130, "{} messages", messages.len());
        Ok(Some(messages))
    };
    let messages = until("all of the history, by scrolling up", RECOVERED, all).await?;
    for (message, n) in messages.iter().zip(1..) {
        ensure!(message.text == format!("message {n}."), "{message:?} in the place of {n}");
    }
    evidence(&format!("chat: {first} messages of history on opening, 130 after scrolling up"));
    Ok(())
}

async fn a_reader_who_scrolled_up_is_told_of_new_messages(context: &Context) -> Result<()> {
    let server = serve(context).await?;
    fill(&server, 1..=45).await?;
    let ada = Demo::join(&context.browser().await?, &server.origin(), "general", "Ada").await?;
    ada.message("message 45.", "sent", SOON).await?;
    let log = hook("log");
    let at_the_end = format!(
        "(log => log.scrollHeight > log.clientHeight && log.scrollHeight - log.scrollTop - log.clientHeight < 40)\
         (document.querySelector('{log}'))"
    );
    ada.browser().until("the newest is in view", SOON, &at_the_end).await?;
    // Where the message that is read stands in the window.
    let place = "return document.querySelectorAll(arguments[0])[10].getBoundingClientRect().top;";
    let up = "const log = document.querySelector(arguments[0]);
        log.scrollTop = 300;
        await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));";
    ada.browser().run_async(&up.replace("arguments", "args"), vec![json!(log)]).await?;
    let before = ada.browser().run(place, vec![json!(hook("message"))]).await?;
    fill(&server, 46..=48).await?;
    ada.says("new-messages", "3", DELIVERED).await?;
    let after = ada.browser().run(place, vec![json!(hook("message"))]).await?;
    ensure!(before == after, "what is read was moved from {before} to {after}");
    ada.browser().click(&hook("new-messages")).await?;
    ada.browser().until("the newest is in view again", SOON, &at_the_end).await?;
    let gone = || async { Ok((!ada.shows("new-messages").await?).then_some(())) };
    until("the pill goes", SOON, gone).await?;
    evidence("chat: scrolled up, 3 new messages: the pill says so, and leads to them");
    Ok(())
}

async fn a_killed_server_shows_in_the_badge_and_the_chat_recovers(context: &Context) -> Result<()> {
    let mut server = serve(context).await?;
    let ada = Demo::join(&context.browser().await?, &server.origin(), "general", "Ada").await?;
    let ben = Demo::join(&context.browser().await?, &server.origin(), "general", "Ben").await?;
    ada.send("before").await?;
    ben.message("before", "sent", DELIVERED).await?;
    server.kill().await?;
    for window in [&ada, &ben] {
        let badge = window.state(&["connecting", "waiting"], SOON).await?;
        ensure!(!badge.text.trim().is_empty(), "the badge has words for it");
    }
    ada.send("into the dark").await?;
    ada.message("into the dark", "pending", SOON).await?;
    server.restart().await?;
    for window in [&ada, &ben] {
        window.state(&["connected"], RECOVERED).await?;
        window.message("into the dark", "sent", RECOVERED).await?;
        let gap = "document.querySelector(arguments[0]).dataset.reason";
        let reason = window.browser().run(&format!("return {gap};"), vec![json!(hook("gap"))]).await?;
        ensure!(reason == "epoch", "the gap line's reason: {reason}");
    }
    ben.send("and after").await?;
    ada.message("and after", "sent", DELIVERED).await?;
    evidence("chat: kill -9 and a restart: the badge said so, a gap line stands in the log, and it goes on");
    Ok(())
}

async fn the_chat_is_used_by_keyboard_alone(context: &Context) -> Result<()> {
    const TAB: &str = "\u{e004}";
    const SHIFT_ENTER: &str = "\u{e008}\u{e007}\u{e008}";
    let server = serve(context).await?;
    let ada = Demo::join(&context.browser().await?, &server.origin(), "general", "Ada").await?;
    let browser = ada.browser();
    // Once around the page: every stop is to be seen, and what is needed is among them.
    let (mut stops, mut places) = (Vec::new(), Vec::new());
    loop {
        browser.keys_to_focus(TAB).await?;
        let script = "const at = document.activeElement;
            const shown = at.checkVisibility({ visibilityProperty: true });
            return [at.dataset.testid ?? at.tagName, shown, [...document.querySelectorAll('*')].indexOf(at)];";
        let stop = browser.run(script, vec![]).await?;
        let name = stop[0].as_str().unwrap_or_default().to_owned();
        if places.contains(&stop[2]) {
            break;
        }
        ensure!(stop[1] == true, "the focus is on something that is not shown: {stop}, after {stops:?}");
        ensure!(stops.len() < 100, "Tab does not come around: {stops:?}");
        places.push(stop[2].clone());
        stops.push(name);
    }
    for wanted in ["badge-open", "composer", "nav-dashboard"] {
        ensure!(stops.iter().any(|stop| stop == wanted), "no {wanted} among the stops: {stops:?}");
    }

    focus(&ada, "composer").await?;
    browser.keys_to_focus(&format!("first line{SHIFT_ENTER}second line")).await?;
    let typed = browser.run("return document.activeElement.value;", vec![]).await?;
    ensure!(typed == "first line\nsecond line", "Shift+Enter breaks the line: {typed:?}");
    browser.keys_to_focus("\u{e007}").await?;
    ada.message("first line\nsecond line", "sent", DELIVERED).await?;
    let focused =
        "document.activeElement.dataset.testid === 'composer' && document.activeElement.value === ''";
    browser.until("the composer is empty and keeps the focus", SOON, focused).await?;

    focus(&ada, "badge-open").await?;
    browser.keys_to_focus("\u{e007}").await?;
    browser.element(&hook("panel")).await?;
    ada.close_panel().await?;
    let focused = "document.activeElement.dataset.testid === 'badge-open'";
    browser.until("Esc gives the focus back", SOON, focused).await?;
    evidence(&format!("chat: {} stops by Tab; Enter, Shift+Enter and Esc do what they should", stops.len()));
    Ok(())
}

/// Presses Tab until the focus is there.
async fn focus(demo: &Demo, name: &str) -> Result<()> {
    for _ in 0..80 {
        let at = demo.browser().run("return document.activeElement.dataset.testid ?? '';", vec![]).await?;
        if at == name {
            return Ok(());
        }
        demo.browser().keys_to_focus("\u{e004}").await?;
    }
    anyhow::bail!("{name} is not reached by Tab")
}

async fn fill(server: &Server, numbers: std::ops::RangeInclusive<u64>) -> Result<()> {
    let messages = numbers.map(|n| json!({ "user": "Cleo", "text": format!("message {n}.") }));
    server.publish("room:general", messages).await.map(drop)
}
