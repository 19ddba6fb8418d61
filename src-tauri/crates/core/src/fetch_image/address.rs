//! Which addresses are on the public internet. Pure. The standard library's own answer is not stable yet.
//!
//! Sources: the IANA special-purpose address registries for IPv4 and IPv6. What is not known to be public is not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is globally routable unicast, the IPv4 address inside of a translated one included.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => v6(ip),
    }
}

fn v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match (a, b, c) {
        // "This network", private, loopback.
        (0 | 10 | 127, _, _) => true,
        // Shared between carrier and customer.
        (100, 64..=127, _) => true,
        // Link-local: clouds serve their secrets here.
        (169, 254, _) => true,
        (172, 16..=31, _) | (192, 168, _) => true,
        // Protocol assignments, documentation, AS112, AMT, the former 6to4 anycast.
        (192, 0, 0 | 2) | (192, 31, 196) | (192, 52, 193) | (192, 88, 99) | (192, 175, 48) => true,
        (198, 51, 100) | (203, 0, 113) => true,
        // Benchmarks.
        (198, 18 | 19, _) => true,
        // Multicast, reserved, broadcast.
        (224..=255, _, _) => true,
        _ => false,
    };
    !special
}

fn v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // NAT64 with the well-known prefix: the IPv4 address behind it is where the packets go.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Protocol assignments (Teredo, ORCHID, benchmarks), documentation.
        [0x2001, 0x0000..=0x01ff, ..] | [0x2001, 0x0db8, ..] => false,
        [0x3fff, 0x0000..=0x0fff, ..] => false,
        // 2000::/3 is all that was ever given out; with it go ::, ::1, mapped and compatible IPv4, 64:ff9b:1::/48, 100::/64,
        // fc00::/7, fe80::/10, fec0::/10 and multicast.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}
