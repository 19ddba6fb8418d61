//! Which addresses are this machine. Pure, and by the letter: nothing is looked up.

use std::net::{IpAddr, Ipv6Addr};

use url::{Host, Url};

/// Whether the address is on this machine: a loopback address, or the name `localhost`, which every client here is told to take
/// for a loopback address whatever the system says. Other names are not, even where they lead here: who gives a name its
/// address can give it another one.
pub fn is_this_machine(url: &Url) -> bool {
    url.host().is_some_and(|host| is_this_host(&host))
}

/// The same of a host.
pub fn is_this_host(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => is_loopback(*address),
        Host::Domain(name) => *name == LOCALHOST,
    }
}

/// The one name.
pub(crate) const LOCALHOST: &str = "localhost";

/// `::1`, and the IPv4 loopback network as IPv6 writes it.
fn is_loopback(address: Ipv6Addr) -> bool {
    match address.to_ipv4_mapped() {
        Some(mapped) => IpAddr::V4(mapped).is_loopback(),
        None => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn here(url: &str) -> bool {
        is_this_machine(&Url::parse(url).unwrap())
    }

    #[test]
    fn loopback_is_this_machine_however_it_is_written() {
        for url in [
            "http://127.0.0.1:11434/v1",
            "http://127.0.0.1",
            "http://127.255.255.254:1",
            "http://127.1",
            "http://0x7f.1",
            "http://2130706433",
            "http://0177.0.0.1",
            "http://[::1]:8080/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://localhost",
            "http://LOCALHOST:1234/x",
            "https://user:word@localhost/x",
        ] {
            assert!(here(url), "{url}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for url in [
            // Names that usually lead here are names all the same.
            "http://localhost.",
            "http://localhost.localdomain",
            "http://app.localhost",
            "http://127.0.0.1.nip.io",
            "http://localtest.me",
            "http://lokalhost",
            // Not loopback, though some systems take it for that.
            "http://0.0.0.0",
            "http://[::]",
            "http://128.0.0.1",
            "http://126.255.255.255",
            "http://10.0.0.1",
            "http://192.168.1.1",
            "http://169.254.169.254",
            "http://[::2]",
            "http://[::ffff:8.8.8.8]",
            "http://[::ffff:10.0.0.1]",
            // Deprecated, and no system routes it to loopback.
            "http://[::127.0.0.1]",
            "http://[fe80::1]",
            "http://[fd00::1]",
            "http://[64:ff9b::127.0.0.1]",
            "http://[2002:7f00:1::]",
            "https://example.org/127.0.0.1",
            "https://127.0.0.1@example.org",
            "https://example.org#@localhost",
            "data:text/plain,localhost",
        ] {
            assert!(!here(url), "{url}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_here_by_its_first_byte(bytes: [u8; 4]) {
            let [a, b, c, d] = bytes;
            let expected = a == 127;
            let (plain, mapped) = (format!("http://{a}.{b}.{c}.{d}/"), format!("http://[::ffff:{a}.{b}.{c}.{d}]/"));
            prop_assert_eq!(here(&plain), expected);
            prop_assert_eq!(here(&mapped), expected);
        }

        #[test]
        fn an_ipv6_address_is_here_only_as_one_or_mapped(segments: [u16; 8]) {
            let address = Ipv6Addr::from(segments);
            let mapped = address.to_ipv4_mapped().is_some_and(|it| it.octets()[0] == 127);
            let expected = address == Ipv6Addr::LOCALHOST || mapped;
            let url = format!("http://[{address}]/");
            prop_assert_eq!(here(&url), expected);
        }

        #[test]
        fn no_name_but_one_is_here(name in "[a-z][a-z0-9-]{0,12}(\\.[a-z][a-z0-9-]{0,8}){0,3}\\.?") {
            if let Ok(url) = Url::parse(&format!("http://{name}/")) {
                prop_assert_eq!(is_this_machine(&url), name == "localhost");
            }
        }
    }
}
