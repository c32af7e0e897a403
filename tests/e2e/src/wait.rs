//! Waiting for a condition until a deadline: what tests use in place of sleeping for as long as things usually take.

use std::{future::Future, time::Duration};

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until there is something to see, and returns it. An error of `look` counts as "not yet" (a page may be
/// loading, an element may just have been replaced); the last one is told when the deadline has passed.
pub async fn until<T, L, F>(what: &str, deadline: Duration, mut look: L) -> Result<T>
where
    L: FnMut() -> F,
    F: Future<Output = Result<Option<T>>>,
{
    let end = Instant::now() + deadline;
    loop {
        let last = match look().await {
            Ok(Some(seen)) => return Ok(seen),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if Instant::now() >= end {
            let error = anyhow!("{what}: not within {deadline:?}");
            return Err(match last {
                Some(last) => error.context(format!("the last look failed: {last:#}")),
                None => error,
            });
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_returns_what_it_waited_for_and_forgets_errors_before_it() {
        let mut looks = 0;
        let seen = until("the third look", Duration::from_secs(10), || {
            looks += 1;
            let n = looks;
            async move {
                match n {
                    1 => Err(anyhow!("not loaded")),
                    2 => Ok(None),
                    n => Ok(Some(n)),
                }
            }
        })
        .await;
        assert_eq!(seen.expect("the third look finds it"), 3);
    }

    #[tokio::test]
    async fn it_gives_up_at_the_deadline_and_says_what_it_saw_last() {
        let never =
            until::<(), _, _>("pigs fly", Duration::from_millis(120), || async { Err(anyhow!("no wings")) });
        let error = format!("{:#}", never.await.expect_err("nothing comes"));
        assert!(error.contains("pigs fly") && error.contains("no wings"), "{error}");
    }
}
