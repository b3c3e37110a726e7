//! The names under which this machine is reached.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};

/// A host that is this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    /// The address that it listens at.
    pub(crate) address: Ipv4Addr,
}

impl Host {
    pub(crate) fn loopback() -> Self {
        Self {
            name: "127.0.0.1".to_owned(),
            address: Ipv4Addr::LOCALHOST,
        }
    }

    /// One that clients ask a proxy for, while what they know as loopback goes past all proxies:
    /// the machine's own name, if that is for loopback only, or else the address that stands for
    /// any of this machine's.
    pub(crate) fn behind_a_proxy() -> Self {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = name.trim();
        let addresses = (name, 0).to_socket_addrs().into_iter().flatten();
        Self::named(name, addresses.map(|address| address.ip())).unwrap_or(Self {
            name: "0.0.0.0".to_owned(),
            address: Ipv4Addr::LOCALHOST,
        })
    }

    /// The host of this name, if it has one address, and that is loopback.
    fn named(name: &str, mut addresses: impl Iterator<Item = IpAddr>) -> Option<Self> {
        let IpAddr::V4(address) = addresses.next()? else {
            return None;
        };
        let only = address.is_loopback() && addresses.all(|other| other == address);
        (only && name != "localhost").then(|| Self {
            name: name.to_owned(),
            address,
        })
    }

    /// As certificates name it.
    pub(crate) fn subject(&self) -> String {
        let name = &self.name;
        match name.parse::<IpAddr>() {
            Ok(_) => format!("IP:{name}"),
            Err(_) => format!("DNS:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_loopback_only_is_a_host() {
        let named = |name, addresses: &[&str]| {
            let addresses = addresses
                .iter()
                .map(|text| text.parse().expect("an address"));
            Host::named(name, addresses).map(|host| host.address.to_string())
        };
        assert_eq!(named("vm", &["127.0.1.1"]), Some("127.0.1.1".to_owned()));
        assert!(named("vm", &["127.0.1.1", "127.0.1.1"]).is_some());
        for others in [
            &[][..],
            &["192.0.2.7"],
            &["::1"],
            &["127.0.0.1", "::1"],
            &["127.0.0.1", "192.0.2.7"],
        ] {
            assert_eq!(named("vm", others), None, "{others:?}");
        }
        assert_eq!(named("localhost", &["127.0.0.1"]), None);
    }

    #[test]
    fn certificates_tell_names_from_addresses() {
        let host = Host::loopback();
        assert_eq!(host.subject(), "IP:127.0.0.1");
        let name = "vm".to_owned();
        assert_eq!(Host { name, ..host }.subject(), "DNS:vm");
    }
}
