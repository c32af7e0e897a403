//! The browsers that the tests run in, and their drivers, from the system's packages: `CHROME` and `CHROMEDRIVER`,
//! `FIREFOX`, and `WEBKITDRIVER` point at others. Firefox's driver comes with the cargo tools.

use super::{
    Part, Scope,
    apt::{self, System},
};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::PathBuf;

const CHROMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const FIREFOXES: &[&str] = &["firefox-esr", "firefox"];

pub fn parts() -> Vec<Part> {
    vec![
        Part {
            scope: Scope::Browser,
            name: "Chromium and chromedriver".to_owned(),
            why: "the tests of the transports and the end-to-end tests run in it",
            optional: false,
            present: Box::new(|workspace| {
                let (chrome, driver) = (chrome(workspace)?, chromedriver(workspace)?);
                Some(format!("{} and {}", chrome.display(), driver.display()))
            }),
            install: Box::new(|workspace| {
                install(
                    workspace,
                    "Chromium (or Chrome) and the chromedriver of the same version, and set CHROME and CHROMEDRIVER \
                     to their paths",
                    |system| match system {
                        System::Debian => &["chromium", "chromium-driver"],
                        System::Ubuntu => &["chromium-browser", "chromium-chromedriver"],
                    },
                )
            }),
        },
        Part {
            scope: Scope::Matrix,
            name: "Firefox".to_owned(),
            why: "the fault matrix runs in it",
            optional: false,
            present: Box::new(|workspace| Some(firefox(workspace)?.display().to_string())),
            install: Box::new(|workspace| {
                install(workspace, "Firefox, and set FIREFOX to its path", |system| match system {
                    System::Debian => &["firefox-esr"],
                    System::Ubuntu => &["firefox"],
                })
            }),
        },
        Part {
            scope: Scope::Matrix,
            name: "WebKitGTK's driver and Xvfb".to_owned(),
            why: "the fault matrix runs in it, too, where it is to be had",
            optional: true,
            present: Box::new(|workspace| {
                let (driver, display) = (webkitdriver(workspace)?, workspace.which("Xvfb")?);
                Some(format!("{} and {}", driver.display(), display.display()))
            }),
            install: Box::new(|workspace| {
                install(workspace, "WebKitWebDriver, WebKitGTK's MiniBrowser and Xvfb", |_| {
                    &["webkit2gtk-driver", "xvfb"]
                })
            }),
        },
    ]
}

/// Chromium: `CHROME`, or the first that is on `PATH`.
pub fn chrome(workspace: &Workspace) -> Option<PathBuf> {
    pointed_at("CHROME").or_else(|| CHROMES.iter().find_map(|name| workspace.which(name)))
}

/// Its driver: `CHROMEDRIVER`, or the one on `PATH`.
pub fn chromedriver(workspace: &Workspace) -> Option<PathBuf> {
    pointed_at("CHROMEDRIVER").or_else(|| workspace.which("chromedriver"))
}

/// Firefox: `FIREFOX`, or the first that is on `PATH`.
pub fn firefox(workspace: &Workspace) -> Option<PathBuf> {
    pointed_at("FIREFOX").or_else(|| FIREFOXES.iter().find_map(|name| workspace.which(name)))
}

/// Its driver: `GECKODRIVER`, or the one on `PATH`, where the fetched one comes first.
pub fn geckodriver(workspace: &Workspace) -> Option<PathBuf> {
    pointed_at("GECKODRIVER").or_else(|| workspace.which("geckodriver"))
}

fn webkitdriver(workspace: &Workspace) -> Option<PathBuf> {
    pointed_at("WEBKITDRIVER").or_else(|| workspace.which("WebKitWebDriver"))
}

fn pointed_at(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file())
}

fn install(
    workspace: &Workspace,
    by_hand: &str,
    packages: fn(System) -> &'static [&'static str],
) -> Result<()> {
    match apt::system(workspace) {
        Some(system) => apt::install(workspace, packages(system)),
        None => {
            bail!("this system's packages are not known here. Install {by_hand} where they are not on PATH")
        }
    }
}
