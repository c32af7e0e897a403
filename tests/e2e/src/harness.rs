//! Runs the cases of one test binary in turn, on one chromedriver, and prints what libtest would print.
//!
//! The standard harness would start a driver per test, hide the lines of evidence of those that pass, and leave
//! browsers behind when one fails.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    pin::Pin,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use futures::FutureExt;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::{runtime::Runtime, sync::Mutex, time::timeout};

use crate::{artifacts, browser::Browser, driver::Driver, server::Server};

/// What a case returns.
pub type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Something that must be built.
pub type Need = fn() -> Result<PathBuf>;

/// One test: its name, how long it may take, and what it does.
pub struct Case {
    name: &'static str,
    deadline: Duration,
    run: fn(Arc<Context>) -> Running,
}

impl Case {
    /// A case that may take so long on a slow machine.
    pub const fn new(name: &'static str, seconds: u64, run: fn(Arc<Context>) -> Running) -> Self {
        Self { name, deadline: Duration::from_secs(seconds), run }
    }
}

/// Defines `main` of a test binary: `everwire_e2e::cases! { needs [server, demo], 120 => a_function, … }`. Needs
/// are functions of [`artifacts`]; a case is an `async fn(&Context) -> Result<()>`, with the seconds that it may
/// take.
#[macro_export]
macro_rules! cases {
    (needs [$($need:ident),*], $($seconds:literal => $case:ident),+ $(,)?) => {
        fn main() -> std::process::ExitCode {
            $crate::harness::main(&[$($crate::artifacts::$need),*], &[$(
                $crate::harness::Case::new(stringify!($case), $seconds, |context| {
                    Box::pin(async move { $case(&context).await })
                }),
            )+])
        }
    };
}

/// What a case has at hand. All of it ends with the case.
#[derive(Debug)]
pub struct Context {
    driver: Arc<Mutex<Option<Driver>>>,
    browsers: Mutex<Vec<Browser>>,
    servers: AtomicUsize,
    directory: PathBuf,
}

impl Context {
    /// Starts a browser.
    pub async fn browser(&self) -> Result<Browser> {
        let mut driver = self.driver.lock().await;
        let driver = match &mut *driver {
            Some(driver) => driver,
            none => none.insert(Driver::start(&artifacts::out("")?.join("chromedriver.log")).await?),
        };
        let browser = Browser::start(driver).await?;
        self.browsers.lock().await.push(browser.clone());
        Ok(browser)
    }

    /// Starts a server with these further arguments, its log among what is kept.
    pub async fn server(&self, arguments: &[&str]) -> Result<Server> {
        let number = self.servers.fetch_add(1, Relaxed);
        Server::start(arguments, self.directory.join(format!("server-{number}.log"))).await
    }

    /// Where what the case leaves behind goes.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    async fn close(&self, keep: bool) {
        for (index, browser) in self.browsers.lock().await.drain(..).enumerate() {
            // Neither may hide why the test failed, nor fail one that passed.
            if keep && let Err(error) = browser.keep(&self.directory, &format!("browser-{index}")).await {
                eprintln!("keeping what browser {index} shows: {error:#}");
            }
            if let Err(error) = browser.close().await {
                eprintln!("closing browser {index}: {error:#}");
            }
        }
    }
}

/// Whether the line that names the case is still open.
static NAMED: AtomicBool = AtomicBool::new(false);

/// Prints a line of evidence. Standard output is the harness's own, so this one is always seen.
#[allow(clippy::print_stdout)]
pub fn evidence(line: &str) {
    let start = if NAMED.swap(false, Relaxed) { "\n" } else { "" };
    println!("{start}    {line}");
}

/// Runs the cases that the command line asks for. What they need is built first, so that no deadline of theirs
/// runs meanwhile.
pub fn main(needs: &[Need], cases: &[Case]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They share two cores, and lines of evidence are to stand with their test.
    arguments.test_threads = Some(1);
    if !arguments.list && needs.iter().any(|need| need().is_err()) {
        // Not the end: each case that needs it will say why.
        eprintln!("something that is tested could not be built");
    }
    let runtime = match Runtime::new() {
        Ok(runtime) => Arc::new(runtime),
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let driver = Arc::new(Mutex::new(None));
    runtime.spawn(interrupted(driver.clone()));
    let trials = cases.iter().map(|case| trial(case, runtime.clone(), driver.clone())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(runtime.block_on(driver.lock()).take());
    conclusion.exit_code()
}

/// The driver's group does not get the terminal's interrupt, so it is ended here.
async fn interrupted(driver: Arc<Mutex<Option<Driver>>>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        drop(driver.lock().await.take());
        std::process::exit(130);
    }
}

fn trial(case: &Case, runtime: Arc<Runtime>, driver: Arc<Mutex<Option<Driver>>>) -> Trial {
    let Case { name, deadline, run } = *case;
    Trial::test(name, move || {
        NAMED.store(true, Relaxed);
        let end = runtime.block_on(async {
            let directory = artifacts::out(name)?;
            tokio::fs::remove_dir_all(&directory).await?;
            let directory = artifacts::out(name)?;
            let context =
                Context { driver, browsers: Mutex::default(), servers: AtomicUsize::new(0), directory };
            let context = Arc::new(context);
            let running = AssertUnwindSafe(timeout(deadline, run(context.clone()))).catch_unwind();
            let end = match running.await {
                Ok(Ok(end)) => end,
                Ok(Err(_)) => Err(anyhow!("not done within {deadline:?}")),
                Err(_) => Err(anyhow!("it panicked, see above")),
            };
            context.close(end.is_err()).await;
            end.with_context(|| format!("what it left is in {}", context.directory.display()))
        });
        // One cause a line, and no backtrace: it would only show this harness.
        end.map_err(|error| {
            Failed::from(error.chain().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))
        })
    })
}
