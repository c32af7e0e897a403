//! Where an option may come from, which source wins, and what is refused.

use clap::{CommandFactory, Parser};

use super::*;
use crate::{auth::Action, store::Fsync};

fn flags(arguments: &[&str]) -> Options {
    Options::try_parse_from(["everwire-server"].iter().chain(arguments)).expect("flags")
}

fn of_file(toml: &str) -> Result<Config, ConfigError> {
    let name = format!("everwire-config-{}-{}.toml", std::process::id(), fastrand::u64(..));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, toml).expect("a file");
    let config = Config::load(&Options { config: Some(path.clone()), ..flags(&["--heartbeat", "7"]) });
    std::fs::remove_file(path).expect("removes");
    config
}

#[test]
fn the_example_file_has_every_option_at_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/everwire.toml");
    let config = Config::load(&flags(&["--config", path]));
    assert_eq!(config, Ok(Config { static_dir: None, ..Config::default() }));

    let text = std::fs::read_to_string(path).expect("the file");
    let command = Options::command();
    let options = command.get_arguments().filter_map(clap::Arg::get_long);
    for option in options.filter(|name| !["config", "help", "version"].contains(name)) {
        let (set, unset) = (format!("\n{option} = "), format!("\n# {option} = "));
        assert!(text.contains(&set) || text.contains(&unset), "{option} is missing");
    }
}

#[test]
fn no_options_are_the_defaults() {
    assert_eq!(Config::resolve(Options::default()), Ok(Config { static_dir: None, ..Config::default() }));
}

#[test]
fn a_flag_wins_over_the_file() {
    let config = of_file("heartbeat = 9\nmax-topics = 77").expect("a configuration");
    assert_eq!((config.rules.heartbeat, config.store.topics), (7_000, 77));
}

#[test]
fn logs_are_in_memory_unless_a_directory_is_named() {
    let kind = |arguments: &[&str]| Config::load(&flags(arguments)).map(|config| config.store_kind);
    let data = |fsync| Ok(StoreKind::Data(DataOptions { directory: PathBuf::from("logs"), fsync }));
    assert_eq!(kind(&[]), Ok(StoreKind::Memory));
    assert_eq!(kind(&["--data", "logs"]), data(Fsync::Always));
    assert_eq!(kind(&["--data", "logs", "--fsync", "interval"]), data(Fsync::Interval));
    let from = |toml: &str| of_file(toml).map(|config| config.store_kind);
    assert_eq!(from("data = \"logs\"\nfsync = \"interval\""), data(Fsync::Interval));
    assert!(kind(&["--fsync", "always"]).is_err_and(|error| error.0.contains("--data")));
    assert!(from("data = \"\"").is_err_and(|error| error.0.contains("data")));
}

#[test]
fn an_unknown_key_in_the_file_is_refused_by_name() {
    for (toml, named) in [
        ("heart-beat = 9", "heart-beat"),
        ("[[retention]]\npattern = \"a\"\nrecord = 5", "record"),
        ("max-topics = \"many\"", "max-topics"),
    ] {
        let error = of_file(toml).expect_err("is refused").0;
        assert!(error.contains(named), "{error}");
    }
    assert!(of_file("not toml").is_err());
    let missing = Config::load(&flags(&["--config", "/nowhere/everwire.toml"]));
    assert!(missing.is_err_and(|error| error.0.contains("/nowhere/everwire.toml")));
}

#[test]
fn a_value_out_of_bounds_is_refused_by_name_and_bounds() {
    for (arguments, name) in [
        (["--heartbeat", "0"], "heartbeat"),
        (["--heartbeat", "301"], "heartbeat"),
        (["--retain-records", "0"], "retain-records"),
        (["--connection-topics", "129"], "connection-topics"),
        (["--max-payload", "65537"], "max-payload"),
        (["--max-connections", "0"], "max-connections"),
        (["--max-life", "1"], "max-life"),
        (["--publish-burst", "0"], "publish-burst"),
        (["--request-rate", "1000001"], "request-rate"),
        (["--header-timeout", "0"], "header-timeout"),
        (["--connect-timeout", "301"], "connect-timeout"),
    ] {
        let error = Config::load(&flags(&arguments)).expect_err("is refused").0;
        assert!(error.starts_with(name) && error.contains("out of bounds"), "{error}");
    }
    for arguments in [["--allow-origin", "example.com"], ["--static", "/nowhere/at/all"]] {
        assert!(Config::load(&flags(&arguments)).is_err(), "{arguments:?}");
    }
}

#[test]
fn retention_by_pattern_takes_the_rest_from_all_topics() {
    let toml = "retain-age = 60\n[[retention]]\npattern = \"room:*\"\nrecords = 5";
    let rules = of_file(toml).expect("a configuration").store.retention;
    let of = |name: &str| rules.of(&name.parse().expect("a topic"));
    assert_eq!((of("room:a").records, of("room:a").age), (5, 60_000));
    assert_eq!(of("other").records, 1_000);
    assert!(of("metrics:cpu").records >= 600, "ten minutes of the server's own figures");
    assert!(of_file("[[retention]]\npattern = \"a b\"").is_err());
}

#[test]
fn without_keys_only_loopback_is_listened_on_unless_told() {
    for (arguments, safe) in [
        (&[][..], true),
        (&["--listen", "[::1]:80"], true),
        (&["--listen", "0.0.0.0:80"], false),
        (&["--listen", "192.0.2.1:80"], false),
        (&["--listen", "0.0.0.0:80", "--anonymous"], true),
        (&["--listen", "0.0.0.0:80", "--anonymous", "false"], false),
    ] {
        let config = Config::load(&flags(arguments)).expect("a configuration");
        assert_eq!(config.check_anonymous().is_ok(), safe, "{arguments:?}");
    }
}

#[test]
fn keys_and_rights_come_from_the_file_too() {
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/rsa.pub.pem");
    let toml = format!(
        "listen = \"0.0.0.0:80\"\ntoken-secret = \"a shared secret of at least 32 bytes\"\ntoken-key = [{key:?}]\n\
         token-issuer = [\"us\"]\ntoken-leeway = 0\nanonymous-subscribe = [\"news:*\"]\nanonymous-publish = []"
    );
    let config = of_file(&toml).expect("a configuration");
    assert!(config.check_anonymous().is_ok() && !config.trusts_this_machine());
    assert_eq!((config.tokens.leeway, &config.tokens.issuers[..]), (0, &["us".to_owned()][..]));
    let may = |action, name: &str| config.anonymous_rights.allow(action, &name.parse().expect("a topic"));
    assert!(may(Action::Subscribe, "news:a") && may(Action::History, "news:a") && may(Action::Presence, "a"));
    assert!(!may(Action::Subscribe, "a") && !may(Action::History, "a") && !may(Action::Publish, "news:a"));
    assert!(!format!("{config:?}").contains("a shared secret"), "it can be logged");
}

#[test]
fn a_key_or_a_pattern_that_is_none_is_refused_by_name() {
    for (toml, named) in [
        ("token-jwks = \"/nowhere/jwks.json\"", "/nowhere/jwks.json"),
        ("token-secret = \"too short\"", "token-secret"),
        ("token-leeway = 301", "token-leeway"),
        ("anonymous-history = [\"a**\"]", "anonymous-history"),
    ] {
        let error = of_file(toml).expect_err("is refused").0;
        assert!(error.contains(named) && !error.contains("too short"), "{error}");
    }
}

#[test]
fn proxies_are_networks_or_addresses_and_nothing_else() {
    use crate::guard::{ForwardHeader, Proxies};
    let nets = ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"].map(|net| net.parse().expect("a network"));
    let expected = Proxies::new(nets.to_vec(), ForwardHeader::Forwarded);
    let arguments = ["--trusted-proxy", "10.0.0.0/8,192.0.2.1,2001:db8::/32", "--forwarded-by", "forwarded"];
    assert_eq!(Config::load(&flags(&arguments)).expect("a configuration").proxies, expected);
    let toml =
        "trusted-proxy = [\"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\"]\nforwarded-by = \"forwarded\"";
    assert_eq!(of_file(toml).expect("a configuration").proxies, expected);
    for bad in ["proxy.example", "10.0.0.0/33", "10.0.0"] {
        let error = Config::load(&flags(&["--trusted-proxy", bad])).expect_err("is refused").0;
        assert!(error.contains("trusted-proxy") && error.contains(bad), "{error}");
    }
}

#[test]
fn the_flags_are_well_formed() {
    Options::command().debug_assert();
}

#[test]
fn redis_is_checked_before_anything_starts_and_its_url_is_repeated_nowhere() {
    let of = |arguments: &[&str]| Config::load(&flags(arguments));
    let config = of(&["--redis", "redis://:hush@127.0.0.1/1", "--redis-prefix", "x:y"]).expect("loads");
    assert!(matches!(&config.store_kind, StoreKind::Redis(options) if options.prefix == "x:y"));
    assert!(!config.metrics_topics && !format!("{config:?}").contains("hush"));
    for bad in [&["--redis", "hush://x"][..], &["--redis", "redis://x", "--redis-prefix", "a{b}"]] {
        let error = of(bad).expect_err("is refused");
        assert!(error.0.contains("redis") && !error.0.contains("hush"), "{error}");
    }
}
