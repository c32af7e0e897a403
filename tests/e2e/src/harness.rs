//! Runs the cases of one test binary, and prints what libtest would print.
//!
//! The standard harness would hide the lines of evidence of those that pass, and leave browsers behind when one
//! fails.

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
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::Mutex,
    time::timeout,
};

use crate::{
    artifacts,
    browser::Browser,
    engine::{Engine, Pace},
    processes,
    server::Server,
};

/// What a case returns.
pub type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Something that must be built.
pub type Need = fn() -> Result<PathBuf>;

/// What a case does.
type Run = Box<dyn FnOnce(Arc<Context>) -> Running + Send>;

/// One test: its name, how long it may take, and what it does.
pub struct Case {
    name: String,
    deadline: Duration,
    engine: Engine,
    pace: Pace,
    run: Run,
}

impl Case {
    /// A case that may take so long on a slow machine.
    pub fn new(name: &str, seconds: u64, run: fn(Arc<Context>) -> Running) -> Self {
        let deadline = Duration::from_secs(seconds);
        Self {
            name: name.to_owned(),
            deadline,
            engine: Engine::Chromium,
            pace: Pace::Even,
            run: Box::new(run),
        }
    }

    /// A case in a browser as its users have it.
    pub fn in_engine(
        engine: Engine,
        name: &str,
        seconds: u64,
        run: impl FnOnce(Arc<Context>) -> Running + Send + 'static,
    ) -> Self {
        let (name, deadline) = (format!("{}::{name}", engine.name()), Duration::from_secs(seconds));
        Self { name, deadline, engine, pace: Pace::Real, run: Box::new(run) }
    }
}

/// Defines `main` of a test binary: `everwire_e2e::cases! { needs [server, demo], 120 => a_function, … }`. Needs
/// are functions of [`artifacts`]; a case is an `async fn(&Context) -> Result<()>`, with the seconds that it may
/// take.
#[macro_export]
macro_rules! cases {
    (needs [$($need:ident),*], $($seconds:literal => $case:ident),+ $(,)?) => {
        fn main() -> std::process::ExitCode {
            $crate::harness::main(&[$($crate::artifacts::$need),*], vec![$(
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
    engine: Engine,
    pace: Pace,
    browsers: Mutex<Vec<Browser>>,
    servers: AtomicUsize,
    directory: PathBuf,
}

impl Context {
    /// The engine of the case's browsers.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The version of the browser that was started last.
    pub async fn version(&self) -> String {
        self.browsers.lock().await.last().map(|browser| browser.version().to_owned()).unwrap_or_default()
    }

    /// Starts a browser.
    pub async fn browser(&self) -> Result<Browser> {
        let mut browsers = self.browsers.lock().await;
        let log = self.directory.join(format!("driver-{}.log", browsers.len()));
        let browser = Browser::start(self.engine, self.pace, &log).await?;
        browsers.push(browser.clone());
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

/// Runs the cases that the command line asks for, one after another: they share two cores, and lines of evidence
/// are to stand with their test.
pub fn main(needs: &[Need], cases: Vec<Case>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    run(&arguments, needs, cases).map_or(ExitCode::FAILURE, |conclusion| conclusion.exit_code())
}

/// Runs the cases that the arguments ask for. What they need is built first, so that no deadline of theirs runs
/// meanwhile.
pub fn run(arguments: &Arguments, needs: &[Need], cases: Vec<Case>) -> Option<Conclusion> {
    if !arguments.list && needs.iter().any(|need| need().is_err()) {
        // Not the end: each case that needs it will say why.
        eprintln!("something that is tested could not be built");
    }
    let runtime = match Runtime::new() {
        Ok(runtime) => Arc::new(runtime),
        Err(error) => {
            eprintln!("no runtime: {error}");
            return None;
        }
    };
    runtime.spawn(interrupted());
    let alone = arguments.test_threads == Some(1);
    let trials = cases.into_iter().map(|case| trial(case, runtime.clone(), alone)).collect();
    Some(libtest_mimic::run(arguments, trials))
}

/// What is started here gets no signal from the terminal, so it is ended with this process.
async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    processes::end_all();
    std::process::exit(130);
}

fn trial(case: Case, runtime: Arc<Runtime>, alone: bool) -> Trial {
    let Case { name, deadline, engine, pace, run } = case;
    Trial::test(name.clone(), move || {
        NAMED.store(alone, Relaxed);
        let end = runtime.block_on(async {
            let name = name.replace("::", "/");
            tokio::fs::remove_dir_all(artifacts::out(&name)?).await?;
            let directory = artifacts::out(&name)?;
            let (browsers, servers) = (Mutex::default(), AtomicUsize::new(0));
            let context = Arc::new(Context { engine, pace, browsers, servers, directory });
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
