//! The options about rates, connections and proxies. It knows no server.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{ConfigError, ForwardedBy, Options, bounded};
use crate::guard::{ForwardHeader, GuardRules, Proxies};

/// What was said about each; what was not is decided where the server knows who reaches it.
pub(super) fn rules(options: &Options) -> Result<GuardRules, ConfigError> {
    let said = |name, value: Option<u64>, min| {
        let checked = value.map(|value| bounded(name, Some(value), 0, min, 1_000_000)).transpose()?;
        Ok::<_, ConfigError>(checked.and_then(|value| u32::try_from(value).ok()))
    };
    Ok(GuardRules {
        publish_rate: said("publish-rate", options.publish_rate, 0)?,
        publish_burst: said("publish-burst", options.publish_burst, 1)?,
        request_rate: said("request-rate", options.request_rate, 0)?,
        request_burst: said("request-burst", options.request_burst, 1)?,
        connect_rate: said("connect-rate", options.connect_rate, 0)?,
        connect_burst: said("connect-burst", options.connect_burst, 1)?,
        subject_connections: said("subject-connections", options.subject_connections, 0)?,
        address_connections: said("address-connections", options.address_connections, 0)?,
    })
}

pub(super) fn proxies(options: &Options) -> Result<Proxies, ConfigError> {
    let texts = options.trusted_proxy.iter().flatten().filter(|text| !text.is_empty());
    let network = |text: &String| {
        let address = || text.parse().map(|address: IpAddr| IpNet::from(address));
        let bad = |_| ConfigError(format!("trusted-proxy: {text:?} is no network, as 10.0.0.0/8 is one"));
        text.parse::<IpNet>().or_else(|_| address()).map_err(bad)
    };
    let header = match options.forwarded_by.unwrap_or_default() {
        ForwardedBy::XForwardedFor => ForwardHeader::XForwardedFor,
        ForwardedBy::Forwarded => ForwardHeader::Forwarded,
    };
    Ok(Proxies::new(texts.map(network).collect::<Result<_, _>>()?, header))
}
