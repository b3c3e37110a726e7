//! The hosts that are reached without a proxy, as `NO_PROXY` names them.

use std::net::IpAddr;

use http::Uri;

use crate::url::port;

/// The exceptions from the proxies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NoProxy {
    rules: Vec<Rule>,
    /// Entries that mean nothing.
    pub(crate) unknown: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    hosts: Hosts,
    /// That of the URL; `None` is any.
    port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// This one and all below it.
    Domain(String),
    /// Addresses with the same first bits.
    Network {
        address: IpAddr,
        bits: u32,
    },
}

impl NoProxy {
    /// Reads entries with commas or blanks between them.
    pub(crate) fn parse(text: &str) -> Self {
        let mut parsed = Self::default();
        let entries = text.split(|c: char| c == ',' || c.is_whitespace());
        for entry in entries.filter(|entry| !entry.is_empty()) {
            match Rule::parse(entry) {
                Some(rule) => parsed.rules.push(rule),
                None => parsed.unknown.push(entry.to_owned()),
            }
        }
        parsed
    }

    /// Whether a URL is an exception.
    pub(crate) fn covers(&self, uri: &Uri) -> bool {
        let (host, port) = (uri.host().unwrap_or_default(), port(uri));
        let address = unbracketed(host).parse::<IpAddr>().ok();
        let address = address.map(|address| address.to_canonical());
        self.rules.iter().any(|rule| {
            rule.port.is_none_or(|wanted| wanted == port)
                && match &rule.hosts {
                    Hosts::All => true,
                    Hosts::Domain(domain) => address.is_none() && is_within(host, domain),
                    Hosts::Network { address: net, bits } => {
                        address.is_some_and(|address| shares(*net, address, *bits))
                    }
                }
        })
    }
}

impl Rule {
    fn parse(entry: &str) -> Option<Self> {
        if let Some(hosts) = Hosts::parse(entry) {
            return Some(Self { hosts, port: None });
        }
        let (hosts, port) = entry.rsplit_once(':')?;
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            hosts: Hosts::parse(hosts)?,
            port: Some(port.parse().ok()?),
        })
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        if let Ok(address) = unbracketed(address).parse::<IpAddr>() {
            let all = if address.is_ipv4() { 32 } else { 128 };
            let bits = match bits {
                Some(bits) => bits.parse().ok().filter(|bits| *bits <= all)?,
                None => all,
            };
            return Some(Self::Network { address, bits });
        }
        let domain = text.strip_prefix("*.").or_else(|| text.strip_prefix('.'));
        let domain = domain.unwrap_or(text);
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        let is_label = |label: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !label.is_empty() && label.bytes().all(plain)
        };
        // The last label of a name has letters: `10.` is half an address.
        let named = |label: &str| label.bytes().any(|byte| byte.is_ascii_alphabetic());
        let is_domain =
            domain.split('.').all(is_label) && domain.rsplit('.').next().is_some_and(named);
        is_domain.then(|| Self::Domain(domain.to_ascii_lowercase()))
    }
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

fn is_within(host: &str, domain: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    match host.strip_suffix(domain) {
        Some(below) => below.is_empty() || below.ends_with('.'),
        None => false,
    }
}

/// Whether two addresses of a kind have the same first bits.
fn shares(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    let (differ, all) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits() ^ other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits(), 128),
        _ => return false,
    };
    differ.checked_shr(all - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_named_in_many_ways() {
        // The entries, the hosts that they cover, and those that they don't.
        let table: &[(&str, &[&str], &[&str])] = &[
            (
                "*",
                &["a.test", "192.0.2.1", "[2001:db8::1]", "192.0.2.1:8080"],
                &[],
            ),
            (
                "one.test",
                &[
                    "one.test",
                    "ONE.test",
                    "a.one.test",
                    "one.test.",
                    "one.test:8080",
                ],
                &["notone.test", "one.test.example", "test", "192.0.2.1"],
            ),
            (".one.test", &["one.test", "a.b.one.test"], &["notone.test"]),
            (
                "*.one.test",
                &["one.test", "a.b.one.test"],
                &["notone.test"],
            ),
            ("ONE.test.", &["one.test", "a.one.test."], &["one"]),
            ("one", &["one", "a.one"], &["one.test"]),
            (
                "one.test:8080",
                &["one.test:8080", "a.one.test:8080"],
                &["one.test"],
            ),
            (
                "*.one.test:443",
                &["one.test", "a.one.test:443"],
                &["one.test:8080"],
            ),
            ("*:8080", &["a.test:8080", "192.0.2.1:8080"], &["a.test"]),
            (
                "192.0.2.7",
                &["192.0.2.7", "[::ffff:192.0.2.7]"],
                &["192.0.2.8"],
            ),
            ("192.0.2.7:8080", &["192.0.2.7:8080"], &["192.0.2.7"]),
            (
                "10.0.0.0/8",
                &["10.9.8.7", "10.0.0.0"],
                &["11.9.8.7", "[2001:db8::1]"],
            ),
            ("10.0.0.0/8:443", &["10.9.8.7"], &["10.9.8.7:8080"]),
            ("0.0.0.0/0", &["192.0.2.8"], &["a.test", "[2001:db8::1]"]),
            (
                "2001:db8::1",
                &["[2001:db8::1]", "[2001:db8:0::1]:8080"],
                &["[2001:db8::2]"],
            ),
            ("[2001:db8::1]", &["[2001:db8::1]"], &["[2001:db8::2]"]),
            (
                "[2001:db8::1]:8080",
                &["[2001:db8::1]:8080"],
                &["[2001:db8::1]"],
            ),
            ("2001:db8::/32", &["[2001:db8:ff::1]"], &["[2001:db9::1]"]),
            ("[2001:db8::]/32", &["[2001:db8:ff::1]"], &["[2001:db9::1]"]),
            ("::/0", &["[2001:db8::1]"], &["192.0.2.8"]),
            (
                " one.test ,,two.test\tthree.test\n192.0.2.7, ",
                &["one.test", "two.test", "three.test", "192.0.2.7"],
                &["four.test"],
            ),
            ("", &[], &["a.test"]),
        ];
        for (entries, covered, others) in table {
            let parsed = NoProxy::parse(entries);
            assert_eq!(parsed.unknown, Vec::<String>::new(), "{entries}");
            for (hosts, want) in [(covered, true), (others, false)] {
                for host in *hosts {
                    let uri = format!("https://{host}/").parse().expect("a URL");
                    assert_eq!(parsed.covers(&uri), want, "{entries}: {host}");
                }
            }
        }
        let http = "http://one.test/".parse().expect("a URL");
        assert!(NoProxy::parse("one.test:80").covers(&http));
    }

    #[test]
    fn what_means_nothing_is_told() {
        for entry in [
            "http://one.test",
            "one.*",
            "a*b.test",
            "*one.test",
            "one..test",
            ".",
            "*.",
            "one.test:",
            "one.test:http",
            "one.test:99999",
            "one.test:+80",
            "10.",
            "10.0.0.",
            "192.168",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "2001:db8::/129",
            "[2001:db8::1",
            "<local>",
            "b\u{fc}cher.test",
            "user@one.test",
        ] {
            let parsed = NoProxy::parse(&format!("one.test,{entry}"));
            assert_eq!(parsed.unknown, [entry]);
            assert_eq!(parsed.rules.len(), 1);
        }
    }
}
