//! The steps of `cargo xtask test`, quick ones first: what each runs, and what it needs to be there.
//!
//! Steps share cargo's target folders on purpose (the same packages, features and profiles), so that a cold run
//! compiles nothing twice that it need not.

use super::count::{self, Tally};
use crate::setup::{self, Scope};
use crate::{build, server::Server, size, tidy, workspace::Workspace};
use anyhow::{Context, Result};
use xshell::cmd;

/// One step.
pub struct Step {
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    pub needs: &'static [Scope],
    pub run: fn(&Workspace) -> Result<Tally>,
}

/// All of them, in order.
pub const STEPS: &[Step] = &[
    Step { name: "fmt", about: "rustfmt has nothing to change", needs: &[Scope::Lint], run: fmt },
    Step { name: "tidy", about: "the rules that the compiler cannot check", needs: &[], run: tidy::tally },
    Step {
        name: "clippy",
        about: "no warnings, native and wasm",
        needs: &[Scope::Lint, Scope::Wasm],
        run: clippy,
    },
    Step { name: "docs", about: "the API documentation builds, links and all", needs: &[], run: docs },
    Step {
        name: "specs",
        about: "the descriptions of the HTTP interface and of the frames are valid OpenAPI and AsyncAPI",
        needs: &[Scope::Node],
        run: specs,
    },
    Step {
        name: "unit",
        about: "unit, property and documentation tests",
        needs: &[Scope::Cluster],
        run: unit,
    },
    Step {
        name: "sim",
        about: "client and server over a seeded network in virtual time",
        needs: &[],
        run: sim,
    },
    Step {
        name: "cluster",
        about: "several instances over one Redis behind nginx: rolling restarts, and kill -9 of each",
        needs: &[Scope::Cluster],
        run: cluster,
    },
    Step {
        name: "js",
        about: "the JavaScript surface builds, its face takes any batch, and what waits in its host is bounded",
        needs: &[Scope::Wasm, Scope::Node],
        run: js,
    },
    Step {
        name: "demo",
        about: "the demo and the server build as they ship",
        needs: &[Scope::Wasm, Scope::Trunk, Scope::Node],
        run: demo,
    },
    Step {
        name: "browser",
        about: "the transports in headless Chromium",
        needs: &[Scope::Wasm, Scope::Browser],
        run: browser,
    },
    Step {
        name: "e2e",
        about: "the demo and the client against the real server, with cuts",
        needs: &[Scope::Wasm, Scope::Trunk, Scope::Node, Scope::Browser, Scope::Matrix],
        run: e2e,
    },
    Step {
        name: "matrix",
        about: "what breaks between page and server, in Chromium, Firefox and WebKitGTK; writes docs/reliability.md",
        needs: &[Scope::Wasm, Scope::Node, Scope::Browser, Scope::Matrix],
        run: matrix,
    },
    Step {
        name: "npm",
        about: "the packed npm package in bundlers, runtimes and frameworks; writes docs/bundlers.md",
        needs: &[Scope::Wasm, Scope::Node, Scope::Bundlers, Scope::Browser],
        run: npm,
    },
    Step {
        name: "dropins",
        about: "the drop-ins beside the platform's own classes, case by case; docs/dropins.md is what it finds",
        needs: &[Scope::Wasm, Scope::Node, Scope::Browser, Scope::Clients],
        run: dropins,
    },
    Step {
        name: "memory",
        about: "nothing leaks over reconnects and messages; and every client of the benchmark gets all in order",
        needs: &[Scope::Wasm, Scope::Node, Scope::Browser, Scope::Clients],
        run: memory,
    },
    Step {
        name: "size",
        about: "what browsers download is within its budget",
        needs: &[Scope::Wasm, Scope::Trunk, Scope::Node],
        run: sizes,
    },
];

fn fmt(workspace: &Workspace) -> Result<Tally> {
    count::check(cmd!(workspace.shell, "cargo fmt --all --check"))
}

/// In runs of their own, because features add up in one: the SDK is checked with serde, without it as npm users get it,
/// and with all that is optional.
fn clippy(workspace: &Workspace) -> Result<Tally> {
    let shell = &workspace.shell;
    let mut tally = count::check(cmd!(
        shell,
        "cargo clippy --locked --workspace --exclude everwire-js --all-targets --all-features -- -D warnings"
    ))?;
    // A test that cargo runs only when it is named is not among all targets either.
    tally += count::check(cmd!(shell, "cargo clippy --locked -p everwire-e2e --test matrix -- -D warnings"))?;
    tally +=
        count::check(cmd!(shell, "cargo clippy --locked -p everwire-server --test cluster -- -D warnings"))?;
    let wasm = "wasm32-unknown-unknown";
    for packages in [
        &["-p", "everwire", "-p", "everwire-leptos", "-p", "everwire-demo-app"][..],
        &["-p", "everwire-js"],
        &["-p", "everwire-js-websocket", "-p", "everwire-js-eventsource", "-p", "everwire-js-client"],
        &["-p", "everwire", "--all-features"],
        &["-p", "everwire-js", "--all-features"],
    ] {
        tally += count::check(cmd!(
            shell,
            "cargo clippy --locked {packages...} --all-targets --target {wasm} -- -D warnings"
        ))?;
    }
    Ok(tally)
}

fn docs(workspace: &Workspace) -> Result<Tally> {
    count::check(
        cmd!(
            workspace.shell,
            "cargo doc --locked --no-deps --all-features
             -p everwire-protocol -p everwire-core -p everwire -p everwire-leptos -p everwire-server"
        )
        .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// That they tell the truth is tested with the server: `cargo test -p everwire-server described`.
fn specs(workspace: &Workspace) -> Result<Tally> {
    let (script, docs) = (workspace.node().join("specs.mjs"), workspace.root.join("docs"));
    let (openapi, asyncapi) = (docs.join("openapi.json"), docs.join("asyncapi.yaml"));
    count::check(cmd!(workspace.shell, "node {script} {openapi} {asyncapi}"))
}

fn unit(workspace: &Workspace) -> Result<Tally> {
    count::tests(
        cmd!(
            workspace.shell,
            "cargo test --locked --no-fail-fast --workspace --all-features
             --exclude everwire-js --exclude everwire-sim --exclude everwire-e2e"
        )
        .envs(setup::cluster_variables(workspace)),
    )
}

/// Some rounds of `kill -9`; `EVERWIRE_KILL_ROUNDS` says how many.
fn cluster(workspace: &Workspace) -> Result<Tally> {
    count::tests(
        cmd!(workspace.shell, "cargo test --locked -p everwire-server --all-features --test cluster")
            .envs(setup::cluster_variables(workspace)),
    )
}

fn sim(workspace: &Workspace) -> Result<Tally> {
    count::tests(cmd!(workspace.shell, "cargo test --locked --no-fail-fast --release -p everwire-sim"))
}

fn js(workspace: &Workspace) -> Result<Tally> {
    build::js::build(workspace)?;
    build::pack::build(workspace)?;
    let mut tally = Tally::passed();
    for script in ["delivery", "host"] {
        tally += count::tests(cmd!(workspace.shell, "node pkg/tests/{script}.mjs"))?;
    }
    Ok(tally)
}

fn demo(workspace: &Workspace) -> Result<Tally> {
    build::demo::build(workspace, true)?;
    build::server::build(workspace)?;
    Ok(Tally::passed())
}

/// The tests compile the server's address in: the pages they run in have no environment to read it from.
fn browser(workspace: &Workspace) -> Result<Tally> {
    build::server::build(workspace)?;
    // The runner's page is served from a port that it picks itself; and one machine is many clients here.
    let mut arguments = vec!["--listen", "127.0.0.1:0", "--anonymous", "--allow-origin", "*"];
    arguments.extend(["--publish-rate", "0", "--request-rate", "0", "--connect-rate", "0"]);
    let server = Server::start(workspace, &arguments)?;
    let driver = setup::chromedriver(workspace).context("chromedriver is missing")?;
    // Chromium leaves profiles behind where it is not ended in order.
    let temporary = workspace.shell.create_temp_dir()?;
    let mut tally = Tally::default();
    // In runs of their own, because features add up in one: the JavaScript surface is tested as it ships, without serde,
    // and the SDK with all that is optional.
    for (package, features) in
        [("everwire", &["--all-features"][..]), ("everwire-leptos", &[]), ("everwire-js", &[])]
    {
        tally += count::tests(
            cmd!(
                workspace.shell,
                "cargo test --locked --no-fail-fast -p {package} {features...} --lib --tests
                 --target wasm32-unknown-unknown"
            )
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
            .env("CHROMEDRIVER", &driver)
            .env("TMPDIR", temporary.path())
            .env("WASM_BINDGEN_TEST_TIMEOUT", "180")
            .env("EVERWIRE_TEST_SERVER", &server.url),
        )?;
    }
    Ok(tally)
}

/// What is built is found by the tests through these variables; nothing is built when it is up to date.
fn e2e(workspace: &Workspace) -> Result<Tally> {
    build::server::build(workspace)?;
    build::js::build(workspace)?;
    build::demo::build(workspace, true)?;
    let chrome = setup::chrome(workspace).context("Chromium is missing")?;
    let driver = setup::chromedriver(workspace).context("chromedriver is missing")?;
    count::tests(
        cmd!(workspace.shell, "cargo test --locked --no-fail-fast -p everwire-e2e")
            .env("EVERWIRE_SERVER_BIN", workspace.server_bin())
            .env("EVERWIRE_DIST", workspace.dist())
            .env("EVERWIRE_JS_DIR", workspace.js_dist())
            .env("EVERWIRE_AXE", workspace.node_module("axe-core/axe.min.js"))
            .env("CHROME", chrome)
            .env("CHROMEDRIVER", driver)
            .env("FIREFOX", setup::firefox(workspace).context("Firefox is missing")?),
    )
}

/// With the optional features of the JavaScript surface, which what ships in `pkg/` does without.
fn matrix(workspace: &Workspace) -> Result<Tally> {
    build::server::build(workspace)?;
    let javascript = workspace.target.join("e2e/js");
    build::js::bundle(workspace, &["indexeddb", "tabs"], &javascript)?;
    count::tests(
        cmd!(workspace.shell, "cargo test --locked -p everwire-e2e --test matrix")
            .env("EVERWIRE_SERVER_BIN", workspace.server_bin())
            .env("EVERWIRE_JS_DIR", javascript)
            .env("CHROME", setup::chrome(workspace).context("Chromium is missing")?)
            .env("CHROMEDRIVER", setup::chromedriver(workspace).context("chromedriver is missing")?)
            .env("FIREFOX", setup::firefox(workspace).context("Firefox is missing")?)
            .env("GECKODRIVER", setup::geckodriver(workspace).context("geckodriver is missing")?),
    )
}

/// The server keeps more than its default, so that a reader can be slow and lose nothing.
fn npm(workspace: &Workspace) -> Result<Tally> {
    build::server::build(workspace)?;
    let tarball = build::pack::build(workspace)?;
    let server = Server::start(
        workspace,
        &[
            "--listen",
            "127.0.0.1:0",
            "--anonymous",
            "--allow-origin",
            "*",
            "--retain-records",
            "20000",
            "--retain-bytes",
            "16777216",
            // One machine is all the clients here.
            "--publish-rate",
            "0",
            "--request-rate",
            "0",
            "--connect-rate",
            "0",
        ],
    )?;
    let script = workspace.root.join("tests/npm/run.mjs");
    count::tests(
        cmd!(workspace.shell, "node {script}")
            .env("EVERWIRE_TARBALL", tarball)
            .env("EVERWIRE_SERVER", &server.url)
            .env("CHROME", setup::chrome(workspace).context("Chromium is missing")?),
    )
}

fn dropins(workspace: &Workspace) -> Result<Tally> {
    build::pack::build(workspace)?;
    let chrome = setup::chrome(workspace).context("Chromium is missing")?;
    count::tests(cmd!(workspace.shell, "node tests/dropins/run.mjs").env("CHROME", chrome))
}

/// A tenth of what is claimed: the whole takes `EVERWIRE_MEMORY_RECONNECTS=10000 EVERWIRE_MEMORY_MESSAGES=1000000`.
fn memory(workspace: &Workspace) -> Result<Tally> {
    build::server::build(workspace)?;
    build::pack::build(workspace)?;
    let (shell, server) = (&workspace.shell, workspace.server_bin());
    let chrome = setup::chrome(workspace).context("Chromium is missing")?;
    let mut tally = count::tests(
        cmd!(shell, "node bench/browser/run.mjs --server {server} --check").env("CHROME", &chrome),
    )?;
    tally +=
        count::tests(cmd!(shell, "node bench/browser/memory.mjs --server {server}").env("CHROME", chrome))?;
    Ok(tally)
}

/// A report: it fails only when there is nothing to measure.
fn sizes(workspace: &Workspace) -> Result<Tally> {
    size::test(workspace)?;
    Ok(Tally::passed())
}
