//! Which addresses requests of this service may go to.
//!
//! Somebody who may have requests sent could else have them sent to the machine itself, to its neighbours, or to what its host
//! tells it alone (its metadata). So only what is public may be reached: what the registries of special addresses (RFC 6890 and
//! its IANA lists) leave over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crm_domain::values::Network;

/// Which addresses may be reached.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reachable {
    besides: Vec<Network>,
}

impl Reachable {
    /// Public addresses, and nothing else.
    pub fn public() -> Self {
        Self::default()
    }

    /// Public addresses, and those of these networks.
    pub fn public_and(networks: impl IntoIterator<Item = Network>) -> Self {
        Self { besides: networks.into_iter().collect() }
    }

    /// Whether this address may be reached.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.besides.iter().any(|network| network.contains(address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Special IPv4 networks as base and length.
const SPECIAL_V4: [([u8; 4], u32); 18] = [
    ([0, 0, 0, 0], 8),        // This network (RFC 791)
    ([10, 0, 0, 0], 8),       // Private (RFC 1918)
    ([100, 64, 0, 0], 10),    // Shared by carriers (RFC 6598), and the metadata of one host
    ([127, 0, 0, 0], 8),      // Loopback (RFC 1122)
    ([168, 63, 129, 16], 32), // The metadata of another host, though the address is public
    ([169, 254, 0, 0], 16),   // Link-local (RFC 3927), and the metadata of most hosts
    ([172, 16, 0, 0], 12),    // Private (RFC 1918)
    ([192, 0, 0, 0], 24),     // Protocol assignments (RFC 6890)
    ([192, 0, 2, 0], 24),     // Documentation (RFC 5737)
    ([192, 31, 196, 0], 24),  // AS112 (RFC 7535)
    ([192, 52, 193, 0], 24),  // AMT (RFC 7450)
    ([192, 88, 99, 0], 24),   // 6to4 relays (RFC 7526)
    ([192, 168, 0, 0], 16),   // Private (RFC 1918)
    ([192, 175, 48, 0], 24),  // AS112 (RFC 7534)
    ([198, 18, 0, 0], 15),    // Benchmarks (RFC 2544)
    ([198, 51, 100, 0], 24),  // Documentation (RFC 5737)
    ([203, 0, 113, 0], 24),   // Documentation (RFC 5737)
    ([224, 0, 0, 0], 3),      // Multicast (RFC 5771), reserved (RFC 1112), broadcast
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_within = |(base, length): &([u8; 4], u32)| {
        let shift = 32 - length;
        address.to_bits() >> shift == Ipv4Addr::from(*base).to_bits() >> shift
    };
    !SPECIAL_V4.iter().any(is_within)
}

/// Special IPv6 networks within `2000::/3`, as their first 64 bits and length. What lies outside of that is not public at all:
/// loopback, mapped addresses, NAT64 (`64:ff9b::/96`), private (`fc00::/7`), link-local and multicast ones.
const SPECIAL_V6: [(u64, u32); 5] = [
    (0x2001_0000_0000_0000, 23), // Protocol assignments (RFC 2928), Teredo among them
    (0x2001_0db8_0000_0000, 32), // Documentation (RFC 3849)
    (0x2002_0000_0000_0000, 16), // 6to4, which holds any IPv4 address (RFC 3056)
    (0x2620_004f_8000_0000, 48), // AS112 (RFC 7534)
    (0x3fff_0000_0000_0000, 20), // Documentation (RFC 9637)
];

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, fourth, fifth, sixth, ..] = address.segments();
    let leading = [first, second, third, fourth].into_iter().fold(0, |bits, part| bits << 16 | u64::from(part));
    let is_within = |(base, length): &(u64, u32)| leading >> (64 - length) == base >> (64 - length);
    // ISATAP holds any IPv4 address in its last half (RFC 5214).
    let is_tunnel = fifth & !0x0200 == 0 && sixth == 0x5efe;
    first >> 13 == 0b001 && !SPECIAL_V6.iter().any(is_within) && !is_tunnel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_of_each_special_network_is_special_and_its_neighbours_are_not() {
        for (base, length) in SPECIAL_V4 {
            let base = Ipv4Addr::from(base).to_bits();
            let last = base | u32::MAX.checked_shr(length).unwrap_or(0);
            assert!(!is_public_v4(base.into()) && !is_public_v4(last.into()), "{}", Ipv4Addr::from(base));
        }
        for public in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.114.0",
            "223.255.255.255",
            "8.8.8.8",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn an_ipv6_address_is_public_where_it_is_global_and_hides_no_other() {
        for public in
            ["2001:200::1", "2001:4860:4860::8888", "2600::1", "2a00:1450::1", "2003::1", "3ffe::1", "::ffff:8.8.8.8"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:1:2::3",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::",
            "2620:4f:8000::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2a00:1450::5efe:10.0.0.1",
            "2a00:1450::200:5efe:10.0.0.1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn networks_of_the_settings_are_reached_besides() {
        let reachable = Reachable::public_and(["10.1.0.0/16".parse().unwrap()]);
        let admits = |text: &str| reachable.admits(text.parse().unwrap());
        assert!(admits("10.1.2.3") && admits("8.8.8.8") && admits("::ffff:10.1.2.3"));
        assert!(!admits("10.2.0.1") && !admits("127.0.0.1"));
    }
}
