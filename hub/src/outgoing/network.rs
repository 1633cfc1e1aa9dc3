//! Which addresses are for everybody, and what the others are.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// What an address is when it is not one of the public internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// This machine.
    Loopback,
    /// A network of its owner's: RFC 1918, unique-local and site-local.
    Private,
    /// The wire this machine hangs on.
    LinkLocal,
    /// A provider's own network behind its address translation.
    CarrierNat,
    /// Tells a cloud's machines their secrets.
    Metadata,
    /// Many machines at once.
    Multicast,
    /// Nobody's: kept back, for documents, or a way around that is not used any more.
    Reserved,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::CarrierNat => "an address of a carrier's own network",
            Self::Metadata => "a metadata service of a cloud",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// The first that holds an address says what it is. IANA's registries of special-purpose addresses, and what clouds have made of them.
const RANGES: [(&str, Range); 40] = [
    ("169.254.169.254/32", Range::Metadata),
    ("169.254.170.2/32", Range::Metadata),
    ("169.254.170.23/32", Range::Metadata),
    ("100.100.100.200/32", Range::Metadata),
    ("168.63.129.16/32", Range::Metadata),
    ("192.0.0.192/32", Range::Metadata),
    ("fd00:ec2::254/128", Range::Metadata),
    ("fd00:ec2::23/128", Range::Metadata),
    ("fd20:ce::254/128", Range::Metadata),
    ("0.0.0.0/8", Range::Loopback),
    ("127.0.0.0/8", Range::Loopback),
    ("10.0.0.0/8", Range::Private),
    ("172.16.0.0/12", Range::Private),
    ("192.168.0.0/16", Range::Private),
    ("169.254.0.0/16", Range::LinkLocal),
    ("100.64.0.0/10", Range::CarrierNat),
    ("224.0.0.0/4", Range::Multicast),
    ("192.0.0.0/24", Range::Reserved),
    ("192.0.2.0/24", Range::Reserved),
    ("192.88.99.0/24", Range::Reserved),
    ("198.18.0.0/15", Range::Reserved),
    ("198.51.100.0/24", Range::Reserved),
    ("203.0.113.0/24", Range::Reserved),
    ("240.0.0.0/4", Range::Reserved),
    ("::/128", Range::Loopback),
    ("::1/128", Range::Loopback),
    ("64:ff9b:1::/48", Range::Private),
    ("fc00::/7", Range::Private),
    ("fec0::/10", Range::Private),
    ("fe80::/10", Range::LinkLocal),
    ("ff00::/8", Range::Multicast),
    ("2001::/23", Range::Reserved),
    ("2001:db8::/32", Range::Reserved),
    ("2002::/16", Range::Reserved),
    ("3fff::/20", Range::Reserved),
    // All else of IPv6 but 2000::/3 is not given out.
    ("::/3", Range::Reserved),
    ("4000::/2", Range::Reserved),
    ("8000::/2", Range::Reserved),
    ("c000::/3", Range::Reserved),
    ("e000::/3", Range::Reserved),
];

/// The ranges, and the networks an operator has opened.
#[derive(Debug)]
pub(crate) struct Networks {
    ranges: Vec<(IpNet, Range)>,
    allowed: Vec<IpNet>,
}

impl Networks {
    pub(crate) fn new(allowed: Vec<IpNet>) -> Self {
        let ranges = RANGES.map(|(network, range)| (network.parse().expect("a network of the table"), range));
        Self { ranges: ranges.into(), allowed }
    }

    /// Why an address may not be called, or nothing.
    pub(crate) fn forbidden(&self, address: IpAddr) -> Option<Range> {
        let meant = meant(address);
        if self.allowed.iter().any(|network| network.contains(&address) || network.contains(&meant)) {
            return None;
        }
        self.ranges.iter().find(|(network, _)| network.contains(&meant)).map(|(_, range)| *range)
    }
}

/// The IPv4 address that an IPv6 one stands for (mapped, or behind NAT64), or itself.
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let behind_nat64 = || {
        let [.., a, b, c, d] = v6.octets();
        let is_nat64 = v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
        is_nat64.then(|| Ipv4Addr::new(a, b, c, d))
    };
    v6.to_ipv4_mapped().or_else(behind_nat64).map_or(address, IpAddr::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_may_be_called() {
        let networks = Networks::new(Vec::new());
        for (address, expected) in [
            ("1.1.1.1", None),
            ("93.184.216.34", None),
            ("172.32.0.1", None),
            ("100.128.0.1", None),
            ("2606:4700:4700::1111", None),
            ("2a00:1450:4001::1", None),
            ("::ffff:1.1.1.1", None),
            ("64:ff9b::1.1.1.1", None),
            ("0.0.0.0", Some(Range::Loopback)),
            ("127.0.0.1", Some(Range::Loopback)),
            ("127.255.255.254", Some(Range::Loopback)),
            ("10.0.0.1", Some(Range::Private)),
            ("172.16.0.1", Some(Range::Private)),
            ("172.31.255.255", Some(Range::Private)),
            ("192.168.1.1", Some(Range::Private)),
            ("100.64.0.1", Some(Range::CarrierNat)),
            ("169.254.1.1", Some(Range::LinkLocal)),
            ("169.254.169.254", Some(Range::Metadata)),
            ("168.63.129.16", Some(Range::Metadata)),
            ("100.100.100.200", Some(Range::Metadata)),
            ("192.0.0.192", Some(Range::Metadata)),
            ("224.0.0.1", Some(Range::Multicast)),
            ("192.0.2.1", Some(Range::Reserved)),
            ("198.19.0.1", Some(Range::Reserved)),
            ("240.0.0.1", Some(Range::Reserved)),
            ("255.255.255.255", Some(Range::Reserved)),
            ("::", Some(Range::Loopback)),
            ("::1", Some(Range::Loopback)),
            ("::127.0.0.1", Some(Range::Reserved)),
            ("::ffff:127.0.0.1", Some(Range::Loopback)),
            ("::ffff:169.254.169.254", Some(Range::Metadata)),
            ("64:ff9b::10.0.0.1", Some(Range::Private)),
            ("64:ff9b::169.254.169.254", Some(Range::Metadata)),
            ("64:ff9b:1::1", Some(Range::Private)),
            ("fc00::1", Some(Range::Private)),
            ("fd12:3456::1", Some(Range::Private)),
            ("fd00:ec2::254", Some(Range::Metadata)),
            ("fe80::1", Some(Range::LinkLocal)),
            ("febf::1", Some(Range::LinkLocal)),
            ("fec0::1", Some(Range::Private)),
            ("ff02::1", Some(Range::Multicast)),
            ("2001::1", Some(Range::Reserved)),
            ("2001:db8::1", Some(Range::Reserved)),
            ("2002:7f00:1::", Some(Range::Reserved)),
            ("100::1", Some(Range::Reserved)),
            ("4000::1", Some(Range::Reserved)),
            ("9000::1", Some(Range::Reserved)),
            ("d000::1", Some(Range::Reserved)),
            ("f000::1", Some(Range::Reserved)),
        ] {
            let parsed = address.parse().expect("an address");

            assert_eq!(networks.forbidden(parsed), expected, "{address}");
        }
    }

    #[test]
    fn a_network_that_is_allowed_is_allowed_in_every_spelling() {
        let networks = Networks::new(vec!["10.1.0.0/16".parse().expect("a network")]);
        for (address, is_allowed) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("64:ff9b::10.1.2.3", true), ("10.2.0.1", false)]
        {
            let parsed = address.parse().expect("an address");

            assert_eq!(networks.forbidden(parsed).is_none(), is_allowed, "{address}");
        }
    }
}
