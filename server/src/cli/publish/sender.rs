//! Sends batches by `POST /v1/publish`, and again until they are answered: each line goes out under its own key, so
//! that what was taken before counts once. It knows no files.

use std::time::{Duration, Instant};

use everwire_server::jitter;
use reqwest::{
    Client, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Deserialize;
use tokio::time::sleep;

use super::input::Item;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Bounds of the waits between attempts: full jitter under a bound that doubles.
const BASE: Duration = Duration::from_millis(250);
const MOST: Duration = Duration::from_secs(20);

/// Why it does not go on, and how many items were taken before.
pub(super) struct Stopped {
    pub done: usize,
    pub why: String,
}

/// The answer to one record.
#[derive(Deserialize)]
struct Answer {
    error: Option<Problem>,
}

/// As the server tells problems (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    status: u16,
    code: String,
    detail: String,
    retry_after: Option<Window>,
}

/// Milliseconds.
#[derive(Deserialize)]
struct Window {
    min: u64,
    max: u64,
}

/// What came of one request.
enum Round {
    /// So many records were taken; the next one has a problem, if there is one.
    Taken(usize, Option<Problem>),
    /// Nothing is known of any.
    Unknown { why: String, wait: Option<Duration> },
    /// The server refuses the request as a whole.
    Refused(String),
}

pub(super) struct Sender {
    client: Client,
    url: Url,
    token: Option<String>,
    give_up_after: Duration,
}

impl Sender {
    /// # Errors
    /// When the URL can't be used.
    pub fn new(
        to: &Url,
        token: Option<String>,
        give_up_after: Duration,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let url = to.join("/v1/publish")?;
        let client = Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { client, url, token, give_up_after })
    }

    /// Sends until at least one is taken; how many were.
    ///
    /// # Errors
    /// [`Stopped`] when the first that was not taken never will be, or nothing was for too long.
    pub async fn send(&self, items: &[Item]) -> Result<usize, Stopped> {
        let since = Instant::now();
        let mut failed: u32 = 0;
        loop {
            let (why, wait) = match self.request(items).await {
                Round::Taken(done, None) => return Ok(done),
                Round::Taken(done, Some(problem)) if !problem.may_pass() => {
                    return Err(Stopped { done, why: problem.to_string() });
                }
                Round::Taken(0, Some(problem)) => (problem.to_string(), problem.wait()),
                Round::Taken(done, Some(_)) => return Ok(done),
                Round::Refused(why) => return Err(Stopped { done: 0, why }),
                Round::Unknown { why, wait } => (why, wait),
            };
            failed = failed.saturating_add(1);
            let wait = wait.unwrap_or_else(|| jitter::full(failed, BASE, MOST));
            if since.elapsed() + wait > self.give_up_after {
                return Err(Stopped { done: 0, why: format!("given up: {why}") });
            }
            sleep(wait).await;
        }
    }

    async fn request(&self, items: &[Item]) -> Round {
        let objects: Vec<&str> = items.iter().map(|item| item.object.as_str()).collect();
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = match request.body(format!("[{}]", objects.join(","))).send().await {
            Ok(answer) => answer,
            Err(error) => return Round::Unknown { why: error.without_url().to_string(), wait: None },
        };
        let (status, wait) = (answer.status(), retry_after(&answer));
        let text = match answer.text().await {
            Ok(text) => text,
            Err(error) => return Round::Unknown { why: error.without_url().to_string(), wait: None },
        };
        if !status.is_success() {
            let why = match serde_json::from_str::<Problem>(&text) {
                Ok(problem) => problem.to_string(),
                Err(_) => format!("the server answered {status}"),
            };
            return if passes(status.as_u16()) { Round::Unknown { why, wait } } else { Round::Refused(why) };
        }
        let Ok(answers) = serde_json::from_str::<Vec<Answer>>(&text) else {
            return Round::Refused("the answer is not one of an Everwire server".to_owned());
        };
        if answers.len() != items.len() {
            return Round::Refused(format!("{} answers to {} records", answers.len(), items.len()));
        }
        let taken = answers.iter().take_while(|answer| answer.error.is_none()).count();
        Round::Taken(taken, answers.into_iter().find_map(|answer| answer.error))
    }
}

fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// Whether what was answered so may be answered otherwise later.
fn passes(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

impl Problem {
    fn may_pass(&self) -> bool {
        passes(self.status)
    }

    /// Where the server names a window, a time in it.
    fn wait(&self) -> Option<Duration> {
        let Window { min, max } = self.retry_after.as_ref()?;
        Some(Duration::from_millis(fastrand::u64(*min..=*max.max(min))))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}
