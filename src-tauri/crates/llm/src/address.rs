//! Providers' addresses.
//!
//! Owns: which addresses may be called, with a key or without, and which are this machine. Refuses to own: calling them.

use nexus_protocol::ModelPlace;
use url::Url;

/// Where a provider's models run, by its address: loopback is this machine, all else is somebody else's.
pub fn place_of(base_url: &str) -> ModelPlace {
    match Url::parse(base_url) {
        Ok(url) if nexus_egress::is_this_machine(&url) => ModelPlace::ThisMachine,
        _ => ModelPlace::Cloud,
    }
}

/// Reads a base address. `with_key`: whether a key will be sent to it.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn base(base_url: &str, with_key: bool) -> Result<Url, String> {
    let url = Url::parse(base_url.trim())
        .map_err(|error| format!("“{}” is no web address: {error}", base_url.trim()))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(format!(
            "the address must begin with https://, not {}:",
            url.scheme()
        ));
    }
    if url.host().is_none() {
        return Err("the address names no host".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the address must not hold a name or password; put the key in its own field".into(),
        );
    }
    // Someone on the way could read the key.
    if with_key && url.scheme() == "http" && !nexus_egress::is_this_machine(&url) {
        return Err(format!(
            "a key is only sent over https or to this machine, and the address begins with http:// at {}",
            url.host_str().unwrap_or_default()
        ));
    }
    Ok(url)
}

/// The address of one call: the base's path and `path`, its query kept (some gateways put a version there).
pub(crate) fn endpoint(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // People paste the whole address.
    let trimmed = base.path().trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/chat/completions").unwrap_or(trimmed);
    url.set_path(&format!("{trimmed}/{}", path.join("/")));
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for here in [
            "http://localhost:11434/v1",
            "http://127.0.0.1/v1",
            "http://127.9.9.9:1/v1",
            "http://[::1]:8080/v1",
            "http://[::ffff:127.0.0.1]/v1",
        ] {
            assert_eq!(place_of(here), ModelPlace::ThisMachine, "{here}");
        }
        for there in [
            "https://openrouter.ai/api/v1",
            "http://192.168.0.2/v1",
            "http://localhost.example.com/v1",
            "http://notlocalhost/v1",
            // A resolver may send it anywhere.
            "http://a.localhost/v1",
            "nonsense",
        ] {
            assert_eq!(place_of(there), ModelPlace::Cloud, "{there}");
        }
    }

    #[test]
    fn endpoints() {
        for (base_url, expected) in [
            (
                "https://a.example/v1",
                "https://a.example/v1/chat/completions",
            ),
            (
                "https://a.example/v1/",
                "https://a.example/v1/chat/completions",
            ),
            ("https://a.example", "https://a.example/chat/completions"),
            (
                "https://a.example/v1/chat/completions",
                "https://a.example/v1/chat/completions",
            ),
            (
                "https://a.example/x?version=2#f",
                "https://a.example/x/chat/completions?version=2",
            ),
        ] {
            let url = base(base_url, true).map(|url| endpoint(&url, &["chat", "completions"]));
            assert_eq!(url.map(String::from), Ok(expected.to_owned()), "{base_url}");
        }
    }

    #[test]
    fn addresses_that_are_not_called() {
        for (base_url, with_key) in [
            ("", false),
            ("openrouter.ai/api", false),
            ("file:///etc/passwd", false),
            ("ftp://a.example/", false),
            ("https://name:word@a.example/v1", false),
            ("https://name@a.example/v1", false),
            ("http://a.example/v1", true),
            ("http://192.168.0.2/v1", true),
        ] {
            assert!(base(base_url, with_key).is_err(), "{base_url}");
        }
        assert!(base("http://192.168.0.2:11434/v1", false).is_ok());
        assert!(base("http://127.0.0.1:8080/v1", true).is_ok());
    }
}
