//! The one way by which anything leaves the window for another program: links, and the data folder.
//!
//! A link comes from a model, a page or a file. Only web and mail addresses go on to the system, parsed and written anew, so
//! that no handler sees bytes which this parser did not understand.

use std::path::Path;

use nexus_protocol::{ErrorAction, ErrorCard, ErrorCode};
use url::Url;

/// Characters of an address at most.
const MAX_LENGTH: usize = 8 * 1024;

/// Why a link is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefused {
    /// No address at all, too long, or with control characters.
    Malformed,
    /// Neither https, http nor mailto.
    Scheme,
    /// A web address without a host.
    NoHost,
    /// A name or password before the host: a usual disguise.
    UserInfo,
}

/// The address as it will be opened.
///
/// # Errors
/// Why it will not be.
pub fn check_link(text: &str) -> Result<Url, LinkRefused> {
    if text.len() > MAX_LENGTH || text.chars().any(char::is_control) || text.trim() != text {
        return Err(LinkRefused::Malformed);
    }
    let url = Url::parse(text).map_err(|_| LinkRefused::Malformed)?;
    match url.scheme() {
        "https" | "http" => {
            if url.host_str().is_none_or(str::is_empty) {
                Err(LinkRefused::NoHost)
            } else if !url.username().is_empty() || url.password().is_some() {
                Err(LinkRefused::UserInfo)
            } else {
                Ok(url)
            }
        }
        "mailto" => Ok(url),
        _ => Err(LinkRefused::Scheme),
    }
}

/// Opens a link in the system's browser or mail program.
///
/// # Errors
/// A card where it is refused or no program took it.
pub fn open_link(text: &str) -> Result<(), ErrorCard> {
    let url = check_link(text).map_err(|reason| {
        let why = match reason {
            LinkRefused::Malformed => "It is not a valid address.",
            LinkRefused::Scheme => "Only web and mail addresses are opened.",
            LinkRefused::NoHost => "It names no host.",
            LinkRefused::UserInfo => {
                "It carries a user name, which often hides where it really leads."
            }
        };
        ErrorCard::new(
            ErrorCode::BadInput,
            "This link is not opened",
            why,
            ErrorAction::None,
        )
    })?;
    open(url.as_str())
}

/// Opens a folder in the system's file manager.
///
/// # Errors
/// A card where no program took it.
pub fn open_folder(path: &Path) -> Result<(), ErrorCard> {
    open(path.as_os_str())
}

fn open(target: impl AsRef<std::ffi::OsStr>) -> Result<(), ErrorCard> {
    open::that_detached(target).map_err(|error| {
        ErrorCard::new(
            ErrorCode::Internal,
            "No program opened this",
            format!("The system has no program for it, or it failed: {error}."),
            ErrorAction::None,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_and_mail_addresses_pass() {
        for link in [
            "https://example.org/a?b=c#d",
            "http://example.org",
            "HTTPS://EXAMPLE.org/",
            "mailto:someone@example.org?subject=Hello",
            "https://bücher.example/",
            "http://127.0.0.1:8080/",
        ] {
            assert!(check_link(link).is_ok(), "{link}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        use LinkRefused as R;
        let cases = [
            ("javascript:alert(1)", R::Scheme),
            ("JaVaScRiPt:alert(1)", R::Scheme),
            ("java\tscript:alert(1)", R::Malformed),
            (" https://example.org", R::Malformed),
            ("https://example.org/\u{0}", R::Malformed),
            ("https://example.org/\r\nX: y", R::Malformed),
            ("data:text/html,<script>1</script>", R::Scheme),
            ("vbscript:x", R::Scheme),
            ("file:///etc/passwd", R::Scheme),
            ("smb://host/share", R::Scheme),
            ("ms-msdt:/id", R::Scheme),
            ("search-ms:query=x", R::Scheme),
            ("ftp://example.org", R::Scheme),
            ("blob:https://example.org/1", R::Scheme),
            ("tauri://localhost", R::Scheme),
            ("ipc://localhost", R::Scheme),
            ("about:blank", R::Scheme),
            ("\\\\host\\share", R::Malformed),
            ("//example.org", R::Malformed),
            ("/etc/passwd", R::Malformed),
            ("-oProxyCommand=x", R::Malformed),
            ("", R::Malformed),
            ("https://", R::Malformed),
            ("https://good.example@evil.example/", R::UserInfo),
            ("https://user:word@example.org/", R::UserInfo),
        ];
        for (link, reason) in cases {
            assert_eq!(check_link(link).map(String::from), Err(reason), "{link:?}");
        }
        assert_eq!(
            check_link(&format!("https://example.org/{}", "a".repeat(MAX_LENGTH))),
            Err(R::Malformed)
        );
    }
}
