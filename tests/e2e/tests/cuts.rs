//! 10,000 numbered messages through each transport while the proxy cuts the connection at 20 random moments:
//! invariants 1 (no silent hole), 2 (no duplicates) and 3 (order) as an app sees them. And the other way: publishes
//! whose acks are cut off take effect once (invariant 4) and in their order (3).

use std::{env, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use everwire_e2e::{
    cases,
    harness::{Context, evidence},
    page::{self, Page, Run, TRANSPORTS},
    proxy::{Cut, PlannedCut, Proxy},
    server::Server,
    wait::until,
};
use serde_json::{Value, json};

cases! {
    needs [server, javascript],
    300 => every_transport_gets_10000_messages_once_and_in_order_through_20_cuts,
    120 => an_answer_cut_in_its_first_line_is_a_cut_and_no_refusal,
    120 => publishes_take_effect_once_and_in_order_though_their_acks_are_cut,
}

const MESSAGES: u64 = 10_000;
const CUTS: usize = 20;
/// The seed of the moments; `EVERWIRE_SEED` tries another.
const SEED: u64 = 42;
/// The text of a message, so that frames are long enough to be hit.
const TEXT: usize = 90;
/// A cut falls within so many bytes from its place in the stream: there is that much after the last place.
const NEAR: u64 = 8_000;
const LAST_PLACE: u64 = 9_000;
/// How far the publisher runs ahead of a subscriber: cuts are to fall into a stream that is being written.
const AHEAD: u64 = 120;
const BATCH: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(240);

fn message(n: u64) -> Value {
    json!({ "run": "cuts", "n": n, "text": "0123456789".repeat(TEXT / 10) })
}

fn seed() -> Result<u64> {
    Ok(env::var("EVERWIRE_SEED").ok().map_or(Ok(SEED), |seed| seed.parse())?)
}

async fn every_transport_gets_10000_messages_once_and_in_order_through_20_cuts(
    context: &Context,
) -> Result<()> {
    let seed = seed()?;
    let site = page::site()?;
    let directory = site.path().to_str().context("a path in UTF-8")?;
    let retention = ["--retain-records", "20000", "--retain-bytes", "100000000"];
    let server = context.server(&[&["--static", directory][..], &retention].concat()).await?;

    // One page after another would take as long as the slowest times five; they are independent of each other.
    let mut lanes = Vec::new();
    for (index, transport) in TRANSPORTS.into_iter().enumerate() {
        let proxy = Proxy::start(Some(server.address())).await?;
        let browser = context.browser().await?;
        let page = Page::open(&browser, &proxy.origin()).await?;
        lanes.push(Lane {
            transport,
            seed: seed + index as u64,
            topic: format!("e2e:{transport}"),
            proxy,
            page,
        });
    }
    let results = futures::future::join_all(lanes.iter().map(|lane| lane.run(&server))).await;
    results.into_iter().collect()
}

struct Lane {
    transport: &'static str,
    seed: u64,
    topic: String,
    proxy: Proxy,
    page: Page,
}

impl Lane {
    async fn run(&self, server: &Server) -> Result<()> {
        let Self { transport, seed, topic, proxy, page } = self;
        // Failures in a row are what backoff is for; the test is about what comes after it.
        let config = json!({ "backoffMax": 300, "pollInterval": 250 });
        let before = proxy.counts().connections;
        page.connect(transport, &proxy.origin(), &[transport], config).await?;
        page.subscribe(transport, topic, "latest").await?;
        let mut random = fastrand::Rng::with_seed(*seed);
        let mut places: Vec<u64> = (0..CUTS).map(|_| random.u64(0..LAST_PLACE)).collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        let mut cuts = PlannedCut::random(*seed, CUTS, NEAR).into_iter();

        let mut published = 0;
        while published < MESSAGES {
            let room = || async {
                let received = page.digest(transport, topic).await?.received;
                Ok((received + AHEAD > published).then_some(()))
            };
            until(&format!("{transport} has come near {published}"), PATIENCE, room).await?;
            if proxy.planned() == 0 && places.pop_if(|place| *place <= published).is_some() {
                proxy.plan(cuts.next());
            }
            server.publish(topic, (published + 1..=published + BATCH).map(message)).await?;
            published += BATCH;
        }
        let all = || async {
            Ok(Some(page.digest(transport, topic).await?).filter(|got| got.received >= MESSAGES))
        };
        let digest = until(&format!("{transport} has all messages"), PATIENCE, all).await?;

        let counts = proxy.counts();
        evidence(&format!(
            "{transport}: {} received, {} repeated, {} gaps, {} cuts (seed {seed}), {} connections",
            digest.received,
            digest.repeats,
            digest.gaps.len(),
            counts.cuts,
            counts.connections - before,
        ));
        ensure!(digest.violation.is_none() && digest.failures.is_empty(), "{transport}: {digest:?}");
        ensure!(digest.received == MESSAGES && digest.repeats == 0, "{transport}: {digest:?}");
        ensure!(digest.gaps.is_empty(), "{transport}: {digest:?}");
        let run = Run { first: 1, last: MESSAGES, count: MESSAGES };
        ensure!(digest.runs.get("cuts") == Some(&run), "{transport}: {digest:?}");
        ensure!(proxy.planned() == 0 && counts.cuts == CUTS as u64, "{transport}: cuts left: {counts:?}");
        Ok(())
    }
}

/// Of an answer that ends within `HTTP/1.1 200 OK` a browser makes one with status 20, or 2.
async fn an_answer_cut_in_its_first_line_is_a_cut_and_no_refusal(context: &Context) -> Result<()> {
    let site = page::site()?;
    let server = context.server(&["--static", site.path().to_str().context("a path in UTF-8")?]).await?;
    let proxy = Proxy::start(Some(server.address())).await?;
    let browser = context.browser().await?;
    let mut published = 0;
    for transport in TRANSPORTS {
        // A fresh page: the next answer is of this transport, and of no other.
        let page = Page::open(&browser, &proxy.origin()).await?;
        let topic = format!("e2e:first-line:{transport}");
        // A browser asks again by itself when a connection that it had used before breaks: such a poll is held.
        let config = json!({ "backoffMax": 100, "pollInterval": 100, "pollWait": 1_000 });
        page.connect(transport, &proxy.origin(), &[transport], config).await?;
        page.subscribe(transport, &topic, "latest").await?;
        for after in 8..=16 {
            let cuts = proxy.counts().cuts;
            proxy.plan([PlannedCut { after, how: Cut::Fin }]);
            proxy.cut(Cut::Rst);
            // The one by hand, and the one that is planned.
            let cut = || async {
                if proxy.counts().cuts < cuts + 2 {
                    bail!("{}", page.condition(transport).await?);
                }
                Ok(Some(()))
            };
            let what = format!("{transport} comes back, and is cut after {after} bytes");
            until(&what, Duration::from_secs(30), cut).await?;
        }
        page.publish(transport, &topic, (1..=5).map(|n| json!({ "run": "first", "n": n })).collect()).await?;
        published += 5;
        let all = || async {
            let got = page.digest(transport, &topic).await?.received;
            ensure!(got >= 5, "{got} received, {}", page.condition(transport).await?);
            Ok(Some(()))
        };
        until(&format!("{transport} goes on"), Duration::from_secs(30), all).await?;
        ensure!(page.outcomes(transport).await?.failed.is_empty(), "{}", page.condition(transport).await?);
    }
    evidence(&format!(
        "cut within the first line of an answer: every transport goes on, {published} published"
    ));
    Ok(())
}

async fn publishes_take_effect_once_and_in_order_though_their_acks_are_cut(context: &Context) -> Result<()> {
    /// Acks are short, and so are the stretches between cuts.
    const STRETCH: u64 = 1_000;
    const PUBLISHES: u64 = 400;
    const BATCH: u64 = 10;
    const PATIENCE: Duration = Duration::from_secs(60);
    let seed = seed()?;
    let site = page::site()?;
    let server = context.server(&["--static", site.path().to_str().context("a path in UTF-8")?]).await?;
    let proxy = Proxy::start(Some(server.address())).await?;
    let page = Page::open(&context.browser().await?, &proxy.origin()).await?;
    for (seed, client) in (seed..).zip(["websocket", "sse", "longpoll"]) {
        let topic = format!("e2e:publishes:{client}");
        page.connect(client, &proxy.origin(), &[client], json!({ "backoffMax": 200 })).await?;
        page.subscribe(client, &topic, "latest").await?;
        let before = proxy.counts().cuts;
        proxy.plan(PlannedCut::random(seed, CUTS, STRETCH));
        for first in (1..PUBLISHES).step_by(BATCH as usize) {
            let batch = (first..first + BATCH).map(|n| json!({ "run": "publishes", "n": n })).collect();
            page.publish(client, &topic, batch).await?;
            let settled = || async {
                let outcomes = page.outcomes(client).await?;
                let acked = outcomes.acked.len() as u64;
                if !outcomes.failed.is_empty() || acked + BATCH <= first {
                    let failed = outcomes.failed.first();
                    bail!(
                        "{acked} acks, {failed:?}, {:?}, {}",
                        proxy.counts(),
                        page.condition(client).await?
                    );
                }
                Ok(Some(()))
            };
            until(&format!("{client} has acks up to {first}"), PATIENCE, settled).await?;
        }
        let all = || async {
            let digest = page.digest(client, &topic).await?;
            ensure!(digest.received >= PUBLISHES, "{digest:?}");
            Ok(Some(digest))
        };
        let digest = until(&format!("{client} has all of its own messages"), PATIENCE, all).await?;
        let logged = server.get(&format!("/v1/poll?topic={topic}&cursor=earliest&timeout=0")).await?;
        let logged = logged["messages"].as_array().context("messages")?.iter();
        let logged: Vec<u64> = logged.filter_map(|message| message["data"]["n"].as_u64()).collect();
        let cuts = proxy.counts().cuts - before;
        evidence(&format!(
            "{client}: {PUBLISHES} published, {} in the log, {cuts} cuts (seed {seed})",
            logged.len()
        ));
        ensure!(logged == (1..=PUBLISHES).collect::<Vec<_>>(), "{client}: {logged:?}");
        ensure!(digest.violation.is_none() && digest.repeats == 0, "{client}: {digest:?}");
        ensure!(cuts >= CUTS as u64 / 2, "{client}: {cuts} cuts");
        proxy.plan([]);
    }
    Ok(())
}
