//! Networks: the part of an address that one party holds, and ranges of addresses.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use crate::Violation;

/// A range of addresses (CIDR, RFC 4632 and RFC 4291), such as `10.0.0.0/8` or `2001:db8::/32`.
///
/// ```
/// use crm_domain::values::Network;
/// let inside: Network = "10.0.0.0/8".parse().unwrap();
/// assert!(inside.contains("10.1.2.3".parse().unwrap()) && !inside.contains("11.0.0.1".parse().unwrap()));
/// assert_eq!(Network::around("2001:db8:1:2:3::4".parse().unwrap()).to_string(), "2001:db8:1:2::/64");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Network {
    base: IpAddr,
    length: u8,
}

/// Whoever has one IPv6 address has as a rule the whole network of this many leading bits.
const HOUSEHOLD: u8 = 64;

impl Network {
    /// What one party holds around an address: the address itself, and for IPv6 its /64.
    pub fn around(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let length = if address.is_ipv4() { 32 } else { HOUSEHOLD };
        Self { base: masked(address, length), length }
    }

    /// Whether an address lies in it. An IPv4 address in IPv6 clothing is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.length) == self.base
    }
}

impl FromStr for Network {
    type Err = Violation;

    /// An address alone is the network of that one address. Bits beyond the length must be zero.
    fn from_str(text: &str) -> Result<Self, Violation> {
        let wrong =
            || Violation::new("network", "must be an address or a network, such as 10.0.0.0/8 or 2001:db8::/32");
        let (address, length) = text.trim().split_once('/').map_or((text.trim(), None), |(at, of)| (at, Some(of)));
        let base: IpAddr = address.parse().map_err(|_| wrong())?;
        let whole = if base.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => whole,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().map_err(|_| wrong())?,
            Some(_) => return Err(wrong()),
        };
        if length > whole || masked(base, length) != base {
            return Err(wrong());
        }
        Ok(Self { base, length })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.base, self.length)
    }
}

/// The address with all but the leading bits at zero.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or_default();
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_party_is_one_ipv4_address_or_one_ipv6_network_of_64_bits() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:1:ffff::1", "2001:db8:0:1::/64"),
        ] {
            assert_eq!(Network::around(at(address)).to_string(), network, "{address}");
        }
        assert_ne!(Network::around(at("2001:db8:0:1::1")), Network::around(at("2001:db8:0:2::1")));
    }

    #[test]
    fn a_network_contains_what_begins_like_it() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.0.0.1", "::10.0.0.1"),
            ("0.0.0.0/0", "192.0.2.7", "2001:db8::1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::/0", "2001:db8::1", "192.0.2.7"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(at(inside)), "{network} {inside}");
            assert!(!network.contains(at(outside)), "{network} {outside}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in
            ["", "10", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/+8", "10.0.0.0/", "::/129", "host/8", "10.0.0.0/8/8"]
        {
            assert_eq!(wrong.parse::<Network>().unwrap_err().code, "network", "{wrong}");
        }
    }
}
