//! Decides which addresses may be opened. Pure; opens nothing. The core checks again with its own parser.

use super::limits::MAX_SHOWN_TARGET;

/// What an address is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `http` or `https`.
    Web {
        /// The cleaned address.
        href: String,
        /// Its host, with the port if it has one, in lower case.
        host: String,
    },
    /// `mailto`.
    Mail {
        /// The cleaned address.
        href: String,
        /// The first mail address in it.
        address: String,
    },
    /// Anything else: relative, another scheme, or not clearly one thing.
    Refused {
        /// The address for the reader: cleaned and cut.
        shown: String,
    },
}

/// Reads an address from untrusted text.
///
/// Control characters are removed first, as browsers do, so that `java\tscript:` is seen for what it is. An address that two
/// parsers could read differently (user info, backslashes, escapes or white space in the host) is refused.
#[must_use]
pub fn classify(raw: &str) -> Target {
    let stripped: String = raw.chars().filter(|c| !c.is_control()).collect();
    let clean = stripped.trim();
    web(clean)
        .or_else(|| mail(clean))
        .unwrap_or_else(|| Target::Refused {
            shown: visible(clean),
        })
}

/// The host, if the words look like a web address; for comparing with where the link goes.
pub(crate) fn claimed_host(words: &str) -> Option<String> {
    let words = words.trim().trim_matches(|c: char| is_hidden(c));
    if words.is_empty() || words.contains(char::is_whitespace) {
        return None;
    }
    let lower = words.to_lowercase();
    let rest = match lower.split_once("://") {
        Some((_, rest)) => rest,
        None => lower.trim_start_matches("//"),
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let (_, last) = name.rsplit_once('.')?;
    let looks_like_one = last.chars().count() >= 2
        && last.chars().all(|c| c.is_alphanumeric() || c == '-')
        && !is_file_ending(last);
    (lower.contains("://") || looks_like_one).then(|| host.to_owned())
}

/// Whether words that claim `claimed` may stand for a link to `host`.
pub(crate) fn same_host(claimed: &str, host: &str) -> bool {
    let bare = |name: &str| name.strip_prefix("www.").unwrap_or(name).to_owned();
    bare(claimed) == bare(host)
}

/// `main.rs` is a name of a file more often than of a host.
fn is_file_ending(last: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "rs", "py", "js", "ts", "md", "sh", "toml", "json", "yaml", "yml", "txt", "html", "css",
        "png", "jpg", "svg", "pdf", "csv", "xml", "lock",
    ];
    ENDINGS.contains(&last)
}

fn web(clean: &str) -> Option<Target> {
    let (scheme, rest) = clean.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return None;
    }
    let rest = rest.strip_prefix("//")?;
    if clean.chars().any(|c| is_hidden(c) || c == '\\') {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.to_lowercase();
    if !is_host(&host) {
        return None;
    }
    // Spaces and the characters that could leave an argument or an attribute travel escaped.
    let path: String = path
        .chars()
        .map(|c| match c {
            c if c.is_whitespace() => "%20".to_owned(),
            '"' => "%22".to_owned(),
            '<' => "%3C".to_owned(),
            '>' => "%3E".to_owned(),
            '`' => "%60".to_owned(),
            c => c.to_string(),
        })
        .collect();
    Some(Target::Web {
        href: format!("{scheme}://{host}{path}"),
        host,
    })
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((address, after)) = rest.split_once(']') else {
                return false;
            };
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            return after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains("..")
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
        && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

fn mail(clean: &str) -> Option<Target> {
    let (scheme, rest) = clean.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("mailto") {
        return None;
    }
    let address = rest.split(['?', ',', ';']).next().unwrap_or_default();
    let (user, host) = address.split_once('@')?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".!#$&'*+-/=^_{|}~".contains(c);
    if user.is_empty()
        || !user.chars().all(allowed)
        || host.contains(':')
        || !is_host(&host.to_lowercase())
        || rest
            .chars()
            .any(|c| is_hidden(c) || c.is_whitespace() || "\"<>`\\".contains(c))
    {
        return None;
    }
    Some(Target::Mail {
        href: format!("mailto:{rest}"),
        address: address.to_owned(),
    })
}

/// Characters that are there without being seen, or that turn the direction of what follows.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
        || c.is_control()
}

/// An address as text: nothing hidden in it, and no longer than a glance.
fn visible(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .filter(|c| !is_hidden(*c))
        .take(MAX_SHOWN_TARGET)
        .collect();
    if text.chars().count() > MAX_SHOWN_TARGET {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web_to(href: &str, host: &str) -> Target {
        Target::Web {
            href: href.into(),
            host: host.into(),
        }
    }

    #[test]
    fn opens_only_what_is_clearly_web_or_mail() {
        assert_eq!(
            classify(" https://Example.com/A b?q=\"<x>\"#f "),
            web_to("https://example.com/A%20b?q=%22%3Cx%3E%22#f", "example.com")
        );
        assert_eq!(
            classify("HTTP://[::1]:80/x"),
            web_to("http://[::1]:80/x", "[::1]:80")
        );
        assert_eq!(classify("ht\ntps://a.b"), web_to("https://a.b", "a.b"));
        assert_eq!(
            classify("mailto:a@b.example?subject=x"),
            Target::Mail {
                href: "mailto:a@b.example?subject=x".into(),
                address: "a@b.example".into()
            }
        );
        for bad in [
            "",
            "/x",
            "//evil.example",
            "#x",
            "javascript:alert(1)",
            "java\tscript:alert(1)",
            "\u{1}javascript:x",
            "JaVaScRiPt:x",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "smb://h/s",
            "\\\\host\\share",
            "https:evil.example",
            "https:///evil.example",
            "https:\\\\evil.example",
            "https://good.example@evil.example",
            "https://good.example\\@evil.example",
            "https://%65vil.example",
            "https://a b.example",
            "https://",
            "https://:80",
            "https://a:99999",
            "https://a:b",
            "https://a\u{202e}b.example",
            "https://a.example/\u{202e}gpj.exe",
            "mailto:",
            "mailto:a",
            "mailto:a@b\"",
            "mailto:\"x\"@b",
            "ms-msdt:/id",
            "tel:1",
            "intent://x",
            "view-source:https://a.b",
            "blob:https://a.b/1",
            "feed:https://a.b",
            "https://[::1",
            "https://[x]/",
            "http://a..b/",
        ] {
            assert!(
                matches!(classify(bad), Target::Refused { .. }),
                "{bad:?} was allowed"
            );
        }
    }

    #[test]
    fn words_that_claim_another_host_are_seen() {
        assert_eq!(
            claimed_host("https://good.example/x"),
            Some("good.example".into())
        );
        assert_eq!(claimed_host("good.example"), Some("good.example".into()));
        assert_eq!(claimed_host("see the docs"), None);
        assert_eq!(claimed_host("main.rs"), None);
        assert!(same_host("www.a.example", "a.example"));
        assert!(!same_host("a.example", "b.example"));
    }
}
