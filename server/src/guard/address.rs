//! Where a request comes from: the other end of the connection, or what trusted proxies say of it. It knows
//! headers as texts, and no HTTP library.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Most hops of a chain of proxies that are looked at.
const HOPS: usize = 32;

/// What clients are told apart by where they have no name: an IPv4 address, or the first half of an IPv6
/// address, for whoever has one has all that begin so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(IpAddr);

impl Address {
    /// The address as it counts.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 => v4,
        })
    }
}

/// The header in which proxies say whom they speak for. One only: a proxy that writes one of them passes the other
/// on as the client wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardHeader {
    /// `X-Forwarded-For: 192.0.2.1, 198.51.100.2`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=192.0.2.1, for="[2001:db8::1]:4711"`, RFC 7239.
    Forwarded,
}

impl ForwardHeader {
    /// Its name, as HTTP libraries want it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// The proxies whose word is taken. By default nobody's is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    header: ForwardHeader,
}

impl Proxies {
    /// Proxies in these networks, which write this header.
    #[must_use]
    pub fn new(trusted: Vec<IpNet>, header: ForwardHeader) -> Self {
        Self { trusted, header }
    }

    /// The header that they write.
    #[must_use]
    pub fn header(&self) -> ForwardHeader {
        self.header
    }

    /// Whether an address is one of theirs.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// Who sent the request that came from `peer`, with these values of the header, in the order of the request.
    ///
    /// Each proxy adds the address that it was asked from at the end, so the chain is followed from its end, as
    /// long as those who wrote it are trusted. The first address that is not theirs is the client's; what stands
    /// in front of it is the client's own word. Where the chain ends, or holds what is no address, it is the last
    /// proxy that was reached.
    #[must_use]
    pub fn client<'a>(&self, peer: IpAddr, values: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = values.rev().flat_map(|value| value.rsplit(','));
        for hop in hops.take(HOPS) {
            if !self.trusts(client) {
                break;
            }
            let parsed = match self.header {
                ForwardHeader::XForwardedFor => address_of(hop),
                ForwardHeader::Forwarded => {
                    let name = |pair: &&str| {
                        pair.trim_start().get(..4).is_some_and(|n| n.eq_ignore_ascii_case("for="))
                    };
                    hop.split(';').find(name).and_then(|pair| address_of(&pair.trim_start()[4..]))
                }
            };
            match parsed {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }
}

/// An address as proxies write it: quoted or not, with a port or without, IPv6 in brackets or without.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let address = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').filter(|(_, port)| port.is_empty() || is_port(port))?.0,
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => {
                let _: u16 = port.parse().ok()?;
                host
            }
            _ => text,
        },
    };
    address.parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn proxies(header: ForwardHeader) -> Proxies {
        let nets = ["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().expect("a network"));
        Proxies::new(nets.to_vec(), header)
    }

    #[test]
    fn ipv6_counts_by_its_first_half_and_mapped_ipv4_as_ipv4() {
        assert_eq!(Address::of(ip("2001:db8::1")), Address::of(ip("2001:db8::ffff:1:2:3")));
        assert_ne!(Address::of(ip("2001:db8::1")), Address::of(ip("2001:db8:0:1::1")));
        assert_eq!(Address::of(ip("::ffff:192.0.2.1")), Address::of(ip("192.0.2.1")));
        assert_ne!(Address::of(ip("192.0.2.1")), Address::of(ip("192.0.2.2")));
    }

    #[test]
    fn the_rightmost_address_that_is_not_trusted_is_the_clients() {
        let proxies = proxies(ForwardHeader::XForwardedFor);
        for (peer, values, client) in [
            // Nobody's word is taken but that of proxies.
            ("192.0.2.9", &["203.0.113.1"][..], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            ("::ffff:10.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            // What the client wrote stands in front.
            ("10.0.0.1", &["127.0.0.1, 203.0.113.1"], "203.0.113.1"),
            ("10.0.0.1", &["127.0.0.1", "203.0.113.1"], "203.0.113.1"),
            ("10.0.0.1", &["127.0.0.1, 203.0.113.1 , 10.9.9.9"], "203.0.113.1"),
            ("10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("2001:db8:1::5", &["2001:db8:2::7"], "2001:db8:2::7"),
            ("10.0.0.1", &["203.0.113.1:1234"], "203.0.113.1"),
            ("10.0.0.1", &["[2001:db8:2::7]:1234"], "2001:db8:2::7"),
            ("10.0.0.1", &["::ffff:203.0.113.1"], "203.0.113.1"),
            // What is no address ends the chain.
            ("10.0.0.1", &["203.0.113.1, garbage"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.1, , 10.2.2.2"], "10.2.2.2"),
            ("10.0.0.1", &["203.0.113.1:99999"], "10.0.0.1"),
            ("10.0.0.1", &["[::1"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            assert_eq!(proxies.client(ip(peer), values.iter().copied()), ip(client), "{peer} {values:?}");
        }
        let long = vec!["10.1.1.1"; 10_000].join(",");
        assert_eq!(proxies.client(ip("10.0.0.1"), [long.as_str()].into_iter()), ip("10.1.1.1"));
    }

    #[test]
    fn forwarded_is_read_where_it_is_what_the_proxies_write() {
        let proxies = proxies(ForwardHeader::Forwarded);
        for (value, client) in [
            ("for=203.0.113.1", "203.0.113.1"),
            ("For=\"203.0.113.1:80\";proto=https;by=10.0.0.1", "203.0.113.1"),
            ("proto=http; FOR=\"[2001:db8:2::7]:4711\"", "2001:db8:2::7"),
            ("for=127.0.0.1, for=203.0.113.1, for=10.0.0.7", "203.0.113.1"),
            ("for=203.0.113.1, for=_hidden", "10.0.0.1"),
            ("for=unknown", "10.0.0.1"),
            ("by=203.0.113.1", "10.0.0.1"),
            ("für=203.0.113.1", "10.0.0.1"),
        ] {
            assert_eq!(proxies.client(ip("10.0.0.1"), [value].into_iter()), ip(client), "{value}");
        }
        assert_eq!(Proxies::default().client(ip("10.0.0.1"), ["for=1.2.3.4"].into_iter()), ip("10.0.0.1"));
    }

    proptest::proptest! {
        #[test]
        fn invariant_12_whatever_the_header_says_strangers_are_who_they_are(
            values in proptest::collection::vec(".*", 0..4),
            hops in proptest::collection::vec("[0-9a-fA-F:.\\[\\]\",;= for]{0,40}", 0..4),
        ) {
            let said = || values.iter().chain(&hops).map(String::as_str);
            for header in [ForwardHeader::XForwardedFor, ForwardHeader::Forwarded] {
                let proxies = proxies(header);
                proptest::prop_assert_eq!(proxies.client(ip("192.0.2.9"), said()), ip("192.0.2.9"));
                let client = proxies.client(ip("10.0.0.1"), said());
                proptest::prop_assert!(client == client.to_canonical());
            }
        }
    }
}
