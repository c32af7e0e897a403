//! The arrows between crates that must never be (ARCHITECTURE.md), from `cargo metadata`.

use super::Problem;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

/// Packages by name: what each uses when it runs, and what else its manifest says.
#[derive(Default)]
pub struct Graph {
    /// Every package that is compiled: the names it uses outside of its tests.
    uses: BTreeMap<String, BTreeSet<String>>,
    /// The packages of the workspace.
    pub members: BTreeMap<String, Member>,
}

/// A package of the workspace.
#[derive(Default)]
pub struct Member {
    /// Its manifest, from the root.
    pub manifest: String,
    /// Everything its manifest names, for tests and builds, too.
    pub declares: BTreeSet<String>,
    /// What it takes with features that bring serde: the graph can't tell, since it has the features of all packages
    /// of the workspace at once.
    pub with_serde: BTreeSet<String>,
    /// Its licence field.
    pub license: Option<String>,
}

/// One arrow that must not be.
struct Ban {
    from: &'static str,
    to: &'static str,
    reach: Reach,
    why: &'static str,
}

/// How far a ban looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Only what the manifest names itself.
    Direct,
    /// What those use in turn, too.
    Transitive,
}

const fn ban(from: &'static str, to: &'static str, reach: Reach, why: &'static str) -> Ban {
    Ban { from, to, reach, why }
}

const PURE: &str = "it is pure: no runtime and no browser";
const SHARED: &str = "it is shared by the client and the server, and knows neither";

const LIGHT: &str = "npm users don't pay for it: payloads are parsed by the browser";

const HOSTED: &str = "the browser is its host's: numbers and bytes cross the border";

use Reach::{Direct, Transitive};

const BANS: &[Ban] = &[
    ban("everwire-protocol", "tokio", Transitive, PURE),
    ban("everwire-protocol", "web-sys", Transitive, PURE),
    ban("everwire-protocol", "js-sys", Transitive, PURE),
    ban("everwire-protocol", "wasm-bindgen", Transitive, PURE),
    ban("everwire-protocol", "everwire-core", Transitive, SHARED),
    ban("everwire-protocol", "everwire", Transitive, SHARED),
    ban("everwire-protocol", "everwire-js", Transitive, SHARED),
    ban("everwire-protocol", "everwire-server", Transitive, SHARED),
    ban("everwire-protocol", "everwire-demo-app", Transitive, SHARED),
    ban("everwire-core", "tokio", Transitive, PURE),
    ban("everwire-core", "web-sys", Transitive, PURE),
    ban("everwire-core", "js-sys", Transitive, PURE),
    ban("everwire-core", "wasm-bindgen", Transitive, PURE),
    ban("everwire-core", "everwire", Transitive, "the browser is an adapter around it, not a part of it"),
    ban("everwire-core", "everwire-server", Transitive, "the client knows the protocol, not the server"),
    ban("everwire", "leptos", Transitive, "the SDK serves every framework"),
    ban("everwire", "everwire-server", Transitive, "the client knows the protocol, not the server"),
    ban("everwire", "everwire-js", Transitive, "the JavaScript surface stands on the SDK, not under it"),
    ban("everwire-js", "serde", Direct, LIGHT),
    ban("everwire-js", "serde_json", Direct, LIGHT),
    ban("everwire-js", "everwire-server", Transitive, "the client knows the protocol, not the server"),
    ban("everwire-js-websocket", "serde", Direct, LIGHT),
    ban("everwire-js-websocket", "web-sys", Transitive, HOSTED),
    ban("everwire-js-websocket", "js-sys", Transitive, HOSTED),
    ban("everwire-js-websocket", "everwire", Transitive, HOSTED),
    ban(
        "everwire-js-websocket",
        "everwire-server",
        Transitive,
        "the client knows the protocol, not the server",
    ),
    ban("everwire-js-eventsource", "serde", Direct, LIGHT),
    ban("everwire-js-eventsource", "web-sys", Transitive, HOSTED),
    ban("everwire-js-eventsource", "js-sys", Transitive, HOSTED),
    ban("everwire-js-eventsource", "everwire", Transitive, HOSTED),
    ban(
        "everwire-js-eventsource",
        "everwire-server",
        Transitive,
        "the client knows the protocol, not the server",
    ),
    ban("everwire-js-client", "serde", Direct, LIGHT),
    ban("everwire-js-client", "web-sys", Transitive, HOSTED),
    ban("everwire-js-client", "js-sys", Transitive, HOSTED),
    ban("everwire-js-client", "everwire", Transitive, HOSTED),
    ban("everwire-js-client", "everwire-server", Transitive, "the client knows the protocol, not the server"),
    ban(
        "everwire-server",
        "everwire",
        Transitive,
        "the server serves any client: only its tests may use ours",
    ),
    ban(
        "everwire-server",
        "everwire-core",
        Transitive,
        "the server serves any client: only its tests may use ours",
    ),
    ban(
        "everwire-server",
        "everwire-js",
        Transitive,
        "the server serves any client: only its tests may use ours",
    ),
    ban("everwire-leptos", "everwire-core", Direct, "it stands on the public API, as any app does"),
    ban("everwire-leptos", "everwire-js", Transitive, "the JavaScript surface is for JavaScript"),
    ban("everwire-leptos", "everwire-server", Transitive, "the client knows the protocol, not the server"),
    ban("everwire-demo-app", "everwire-core", Direct, "the demo uses what users use"),
    ban("everwire-demo-app", "everwire-js", Transitive, "the demo uses what users use"),
    ban(
        "everwire-demo-app",
        "everwire-server",
        Transitive,
        "the demo is a page: it knows the protocol alone",
    ),
];

/// The arrows that are there and must not be.
pub fn check(graph: &Graph) -> Vec<Problem> {
    let banned = BANS.iter().filter_map(|ban| graph.breach(ban));
    let on_xtask = graph.members.values().filter(|member| member.declares.contains("xtask")).map(|member| {
        Problem::new(&member.manifest, 1, "nothing depends on xtask: it is for developers only")
    });
    let heavy = graph.members.get("everwire-js").filter(|member| member.with_serde.contains("everwire")).map(
        |member| {
            Problem::new(
                &member.manifest,
                1,
                format!("everwire is taken with default-features = false: {LIGHT}"),
            )
        },
    );
    banned.chain(on_xtask).chain(heavy).collect()
}

impl Graph {
    /// The graph of this checkout, as Cargo.lock has it.
    pub fn of(workspace: &Workspace) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(workspace.root.join("Cargo.toml"))
            .other_options(["--locked".to_owned()])
            .exec()
            .context("cargo metadata (is Cargo.lock up to date?)")?;
        let names: BTreeMap<_, _> =
            metadata.packages.iter().map(|package| (&package.id, package.name.to_string())).collect();
        let mut graph = Self::default();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let used = node
                .deps
                .iter()
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            let used = used.filter_map(|dep| names.get(&dep.pkg).cloned()).collect::<Vec<_>>();
            graph.uses.entry(names.get(&node.id).cloned().unwrap_or_default()).or_default().extend(used);
        }
        for package in metadata.workspace_packages() {
            let manifest = package.manifest_path.strip_prefix(&metadata.workspace_root)?.to_string();
            let declares = package.dependencies.iter().map(|dependency| dependency.name.clone()).collect();
            let with_serde = package.dependencies.iter().filter(|dependency| {
                dependency.uses_default_features || dependency.features.iter().any(|name| name == "serde")
            });
            let with_serde = with_serde.map(|dependency| dependency.name.clone()).collect();
            let member = Member { manifest, declares, with_serde, license: package.license.clone() };
            graph.members.insert(package.name.to_string(), member);
        }
        Ok(graph)
    }

    fn breach(&self, ban: &Ban) -> Option<Problem> {
        let member = self.members.get(ban.from)?;
        let way = self.way(ban.from, ban.to)?;
        if ban.reach == Direct && way.len() > 2 {
            return None;
        }
        Some(Problem::new(&member.manifest, 1, format!("{}: {}", way.join(" → "), ban.why)))
    }

    /// The shortest way from one package to another.
    fn way(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::from([from]);
        let mut ways = std::collections::VecDeque::from([vec![from]]);
        while let Some(way) = ways.pop_front() {
            for next in self.uses.get(*way.last()?).into_iter().flatten() {
                let longer: Vec<&str> = way.iter().copied().chain([next.as_str()]).collect();
                if next == to {
                    return Some(longer.into_iter().map(str::to_owned).collect());
                }
                if seen.insert(next) {
                    ways.push_back(longer);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in arrows {
            graph.uses.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            let member = graph.members.entry((*from).to_owned()).or_default();
            member.manifest = format!("{from}/Cargo.toml");
            member.declares.insert((*to).to_owned());
        }
        graph
    }

    #[test]
    fn a_direct_arrow_is_caught() {
        let problems = check(&graph(&[("everwire-protocol", "tokio")]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].path, "everwire-protocol/Cargo.toml");
    }

    #[test]
    fn an_arrow_by_way_of_others_is_caught_and_the_way_is_shown() {
        let problems = check(&graph(&[("everwire-core", "nice"), ("nice", "nicer"), ("nicer", "web-sys")]));
        assert!(problems[0].why.starts_with("everwire-core → nice → nicer → web-sys"), "{problems:?}");
    }

    #[test]
    fn the_demo_may_reach_the_core_by_the_sdk_and_in_no_other_way() {
        let by_the_sdk = [("everwire-demo-app", "everwire"), ("everwire", "everwire-core")];
        assert_eq!(check(&graph(&by_the_sdk)), []);
        let also_directly = [by_the_sdk[0], by_the_sdk[1], ("everwire-demo-app", "everwire-core")];
        assert_eq!(check(&graph(&also_directly)).len(), 1);
    }

    #[test]
    fn nothing_may_depend_on_xtask() {
        assert_eq!(check(&graph(&[("everwire-sim", "xtask")])).len(), 1);
    }

    #[test]
    fn the_javascript_surface_takes_the_sdk_without_serde() {
        let mut graph = graph(&[("everwire-js", "everwire")]);
        assert_eq!(check(&graph), []);
        let surface = graph.members.get_mut("everwire-js").unwrap();
        surface.with_serde.insert("everwire".to_owned());
        assert_eq!(check(&graph).len(), 1);
    }

    #[test]
    fn a_circle_ends() {
        assert_eq!(check(&graph(&[("everwire-core", "a"), ("a", "b"), ("b", "a")])), []);
    }

    #[test]
    fn the_banned_packages_of_the_workspace_exist() {
        let graph = Graph::of(&Workspace::find().unwrap()).unwrap();
        for ban in BANS {
            assert!(graph.members.contains_key(ban.from), "{}", ban.from);
        }
    }
}
