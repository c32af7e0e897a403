//! The page goes while it still has something to send.

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    harness::Context,
    proxy::{Cut, Habits},
    wait::until,
};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, PATIENCE},
    judge,
    report::Cell,
};

const TRANSPORTS: [&str; 3] = ["websocket", "sse", "longpoll"];
/// As many as an outbox takes.
const FULL: u64 = 1_000;
const KEEP: [&str; 4] = ["--retain-records", "20000", "--retain-bytes", "100000000"];

fn database(client: &str) -> String {
    format!("matrix-{client}")
}

/// The outbox is kept in IndexedDB: the page is loaded anew, and a new client sends what the old one could not.
pub async fn reload(context: &Context) -> Result<Vec<Cell>> {
    let mut bench = Bench::start(context, &KEEP).await?;
    for client in TRANSPORTS {
        bench.join(client, &[client], &json!({ "persist": database(client) })).await?;
    }
    bench.under_way().await?;
    bench.page.stop_publishing().await?;
    let mut published = Vec::new();
    for client in TRANSPORTS {
        let before = judge::up_again(&bench.page, client, &bench.server).await?.published;
        published.push(before + FULL);
    }
    bench.proxy.set_habits(Habits { files_only: true, ..Habits::default() });
    bench.proxy.cut(Cut::Rst);
    for client in TRANSPORTS {
        bench.page.publish_more(client, &judge::up(client), FULL).await?;
        let kept = || async { Ok((bench.page.stored(&database(client)).await? == FULL).then_some(())) };
        until(&format!("{client} has kept its outbox"), PATIENCE, kept).await?;
    }

    bench.page.reload().await?;
    for client in TRANSPORTS {
        let config = json!({ "persist": database(client), "backoffMax": 500 });
        bench.page.connect(client, &bench.proxy.origin(), &[client], config).await?;
        bench.page.ask_to_subscribe(client, judge::DOWN, "latest").await?;
    }
    bench.proxy.set_habits(Habits::default());
    let end = bench.page.now().await?;
    let mut cells = Vec::new();
    for (client, published) in TRANSPORTS.into_iter().zip(published) {
        let empty = || async {
            let stats: Value = bench.page.stats(client).await?;
            let sent =
                stats["acked"].as_u64().is_some_and(|acked| acked >= FULL) && stats["outboxMessages"] == 0;
            ensure!(sent, "{}", bench.page.condition(client).await?);
            Ok(Some(bench.page.now().await?))
        };
        let empty = until(&format!("{client} has sent its outbox"), PATIENCE, empty).await?;
        let forgotten = || async { Ok((bench.page.stored(&database(client)).await? == 0).then_some(())) };
        until(&format!("{client} keeps nothing that was acked"), PATIENCE, forgotten).await?;
        let (_, log) = judge::log(&bench.server, &judge::up(client)).await?;
        let (lost, repeated) = judge::numbers(&log, published).with_context(|| client.to_owned())?;
        let cell = Cell {
            transport: client.to_owned(),
            detect: None,
            recover: Some(empty - end),
            gaps: 0,
            published,
            lost,
            repeated,
        };
        ensure!(cell.is_clean(), "{cell:?}, {}", bench.page.condition(client).await?);
        cells.push(cell);
    }
    Ok(cells)
}
