//! The browsers that pages are tested in: their drivers, how those are started, and what is asked of them.
//!
//! It must not know any page.

use std::{
    env,
    ffi::OsString,
    fmt,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Result;
use serde_json::{Value, json};

/// A browser's engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Chromium, headless.
    Chromium,
    /// Firefox, headless.
    Firefox,
    /// WebKitGTK's own small browser, on a display that nobody sees.
    WebKit,
}

/// How pages that nobody looks at run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the one in front: for tests with several windows, none of which is looked at.
    Even,
    /// As the browser does it for its users.
    Real,
}

/// Headless as root, and nothing that phones home.
const CHROMIUM: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
    "--lang=en-GB",
];
/// What makes windows in the background run as fast as the one in front.
const CHROMIUM_EVEN: [&str; 3] = [
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];
/// Where distributions put the browser that comes with WebKitGTK, by the machine's kind.
const MINI_BROWSERS: &str = "/usr/lib";

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chromium, Self::Firefox, Self::WebKit];

    /// One word in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::WebKit => "webkit",
        }
    }

    /// Whether it may be missing: it is not to be had on every system.
    pub fn is_optional(self) -> bool {
        self == Self::WebKit
    }

    /// Whether all that it needs is here.
    pub fn is_here(self) -> bool {
        let browser = self != Self::WebKit || mini_browser().is_some() && which("Xvfb").is_some();
        browser && which(self.driver()).is_some()
    }

    /// Whether it has to be given a display.
    pub(crate) fn wants_display(self) -> bool {
        self == Self::WebKit
    }

    /// Its driver: what the environment points at, or the one on the path.
    pub(crate) fn driver(self) -> OsString {
        let (variable, name) = match self {
            Self::Chromium => ("CHROMEDRIVER", "chromedriver"),
            Self::Firefox => ("GECKODRIVER", "geckodriver"),
            Self::WebKit => ("WEBKITDRIVER", "WebKitWebDriver"),
        };
        env::var_os(variable).unwrap_or_else(|| name.into())
    }

    /// The driver's arguments, and its port where it does not say which one it has taken.
    pub(crate) fn driver_arguments(self) -> Result<(Vec<String>, Option<u16>)> {
        Ok(match self {
            Self::Chromium => (vec!["--port=0".into()], None),
            // What goes beyond pages: the switch that takes the browser offline.
            Self::Firefox => (["--port", "0", "--allow-system-access"].map(str::to_owned).into(), None),
            Self::WebKit => {
                let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
                (vec![format!("--port={port}")], Some(port))
            }
        })
    }

    /// What a session is asked for.
    pub(crate) fn capabilities(self, profile: &Path, pace: Pace) -> Value {
        match self {
            Self::Chromium => {
                let mut arguments: Vec<String> = CHROMIUM.map(str::to_owned).into();
                if pace == Pace::Even {
                    arguments.extend(CHROMIUM_EVEN.map(str::to_owned));
                }
                arguments.push(format!("--user-data-dir={}", profile.display()));
                // Its driver switches off what keeps pages for going back to.
                let exclude = ["disable-back-forward-cache"];
                let mut options = json!({ "args": arguments, "excludeSwitches": exclude });
                if let Some(chrome) = env::var_os("CHROME") {
                    options["binary"] = json!(chrome.to_string_lossy());
                }
                json!({
                    "browserName": "chrome",
                    "goog:chromeOptions": options,
                    "goog:loggingPrefs": { "browser": "ALL" },
                })
            }
            Self::Firefox => {
                let mut options = json!({
                    "args": ["-headless", "--width", "1440", "--height", "900"],
                    "prefs": { "intl.accept_languages": "en-GB" },
                });
                if let Some(firefox) = env::var_os("FIREFOX") {
                    options["binary"] = json!(firefox.to_string_lossy());
                }
                json!({ "browserName": "firefox", "moz:firefoxOptions": options })
            }
            Self::WebKit => json!({
                "webkitgtk:browserOptions": { "binary": mini_browser(), "args": ["--automation"] },
            }),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
            Self::WebKit => "WebKitGTK",
        })
    }
}

/// WebKitGTK's browser: `MINIBROWSER`, or the newest under the system's libraries.
fn mini_browser() -> Option<PathBuf> {
    if let Some(path) = env::var_os("MINIBROWSER") {
        return Some(path.into());
    }
    let folders =
        |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let libraries =
        folders(Path::new(MINI_BROWSERS)).filter(|path| path.to_string_lossy().contains("-linux-gnu"));
    let versions = libraries.flat_map(|path| folders(&path).collect::<Vec<_>>());
    let browsers = versions.map(|path| path.join("MiniBrowser"));
    browsers.filter(|path| path.to_string_lossy().contains("/webkit2gtk-") && path.is_file()).max()
}

fn which(program: impl Into<OsString>) -> Option<PathBuf> {
    let program = PathBuf::from(program.into());
    let path = env::var_os("PATH").unwrap_or_default();
    // A path with a folder in it replaces the one before it.
    env::split_paths(&path).map(|folder| folder.join(&program)).find(|file| file.is_file())
}
