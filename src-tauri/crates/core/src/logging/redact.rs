//! What counts as a secret in a line of text. Pure, but for the list of known secrets.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use regex::{Captures, Regex};
use secrecy::{ExposeSecret, SecretString};

const INSTEAD: &str = "[redacted]";

/// Shorter ones would take ordinary words out of the log, and are no keys.
const SHORTEST: usize = 8;

/// Takes known secrets and what looks like a key out of text.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Vec<SecretString>>>,
}

impl Redactor {
    /// The one of this process: its log is one, whoever holds a key.
    pub fn of_process() -> Self {
        static PROCESS: LazyLock<Redactor> = LazyLock::new(Redactor::default);
        PROCESS.clone()
    }

    /// From now on this secret is taken out, in each of the forms that it takes in logs.
    pub fn register(&self, secret: &SecretString) {
        let text = secret.expose_secret().trim();
        if text.len() < SHORTEST {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms(text) {
            if !known.iter().any(|k| k.expose_secret() == form) {
                known.push(SecretString::from(form));
            }
        }
        // The longest first: a form that contains another one goes as a whole.
        known.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// The text without secrets.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = Cow::Borrowed(text);
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            for form in known.iter().map(ExposeSecret::expose_secret) {
                if out.contains(form) {
                    out = Cow::Owned(out.replace(form, INSTEAD));
                }
            }
        }
        for shape in SHAPES.iter() {
            if let Cow::Owned(clean) = shape.replace_all(&out, |found: &Captures<'_>| {
                // The words before the key stay, so that the line can be understood.
                let kept = found.name("kept").map_or("", |m| m.as_str());
                format!("{kept}{INSTEAD}")
            }) {
                out = Cow::Owned(clean);
            }
        }
        out
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

/// A secret as it is, as JSON and Rust print it, as part of an address, and in base64 and hex.
fn forms(text: &str) -> Vec<String> {
    let percent: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
    let mut all = vec![
        text.to_owned(),
        text.escape_debug().to_string(),
        text.escape_default().to_string(),
        serde_json::to_string(text)
            .map(|json| json.trim_matches('"').to_owned())
            .unwrap_or_default(),
        percent.replace('+', "%20"),
        percent.to_lowercase(),
        percent,
        hex.to_uppercase(),
        hex,
    ];
    // Within longer data the first and last characters of base64 depend on the neighbours; what is between does not.
    for lead in 0..3 {
        let shifted = [vec![b' '; lead], text.as_bytes().to_vec()].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let coded = engine.encode(&shifted);
            let from = [0, 2, 3][lead];
            let whole_groups = shifted.len() / 3 * 4;
            all.extend(coded.get(from..whole_groups).map(str::to_owned));
        }
    }
    all.push(STANDARD.encode(text));
    all.push(URL_SAFE.encode(text));
    all.retain(|form| form.len() >= SHORTEST);
    all
}

/// Keys that nobody told us of: the shapes that vendors give them, and what stands behind a telling word.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}",
        r"\b(?:gsk_|xai-|hf_|ghp_|github_pat_|AIza)[A-Za-z0-9_-]{16,}",
        r"(?P<kept>(?i:bearer|basic)(?:\s+|%20))[A-Za-z0-9._~+/=-]{8,}",
        concat!(
            r#"(?P<kept>(?i:authorization|(?:x[-_])?(?:goog[-_])?api[-_]?key|access[-_]?token|password|secret|\bkey|\btoken)"#,
            r#"\\?["']?\s*[=:]\s*\\?["']?)(?:(?i:bearer|basic)\s+)?[^\s"'\\&,;\[\](){}]{8,}"#
        ),
    ]
    .iter()
    // Constant patterns: a test compiles each.
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// How many shapes there are, for the test that all of them compile.
#[cfg(test)]
pub fn shapes() -> usize {
    SHAPES.len()
}
