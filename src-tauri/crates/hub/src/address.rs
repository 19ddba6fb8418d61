//! What people type or paste to say which model they mean.
//!
//! Owns: `author/name`, the addresses of the hub's pages and files, and telling them from words to search for. Refuses to own:
//! whether the model exists (`client`).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    error::{HubError, printable},
    tree::FilePath,
};

/// `author/name`: how the hub calls a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelId {
    author: String,
    name: String,
}

impl ModelId {
    /// Both halves: letters, digits, `-`, `_` and `.`, at most 96 characters, as on the hub.
    ///
    /// # Errors
    /// [`HubError::Address`].
    pub fn new(author: &str, name: &str) -> Result<Self, HubError> {
        let fits = |part: &str| {
            (1..=96).contains(&part.len())
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                // `.` and `..` would climb in the address of the request.
                && !part.starts_with(['.', '-'])
                && !part.ends_with('.')
                && !part.contains("..")
        };
        if fits(author) && fits(name) {
            Ok(Self {
                author: author.into(),
                name: name.into(),
            })
        } else {
            Err(HubError::Address {
                text: printable(&format!("{author}/{name}")),
                reason: "author and name hold letters, digits, “-”, “_” and “.” only",
            })
        }
    }

    /// Who published it.
    pub fn author(&self) -> &str {
        &self.author
    }

    /// Its name there.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.author, self.name)
    }
}

impl FromStr for ModelId {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let (author, name) = text.split_once('/').ok_or_else(|| HubError::Address {
            text: printable(text),
            reason: "there is no “/” in it",
        })?;
        Self::new(author, name)
    }
}

impl TryFrom<String> for ModelId {
    type Error = HubError;

    fn try_from(text: String) -> Result<Self, HubError> {
        text.parse()
    }
}

impl From<ModelId> for String {
    fn from(id: ModelId) -> Self {
        id.to_string()
    }
}

/// A model that was named exactly, and perhaps one of its revisions and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The model.
    pub model: ModelId,
    /// Branch, tag or commit; `None` for the main branch.
    pub revision: Option<String>,
    /// The file or folder in it.
    pub path: Option<FilePath>,
}

impl Address {
    /// Reads `author/name`, the address of a page or of a file. `None` where the text is words to search for.
    ///
    /// `base` is the hub's address: a pasted one must be of that host or of the public hub, whose names mirrors share.
    ///
    /// # Errors
    /// [`HubError::Address`] for an address that leads elsewhere.
    pub fn parse(text: &str, base: &Url) -> Result<Option<Self>, HubError> {
        let text = text.trim();
        let wrong = |reason| HubError::Address {
            text: printable(text),
            reason,
        };
        let hosts = ["huggingface.co", "hf.co", "www.huggingface.co"];
        let without_scheme = hosts
            .iter()
            .copied()
            .chain(base.host_str())
            .any(|host| text.strip_prefix(host).is_some_and(|t| t.starts_with('/')));
        let url = if text.contains("://") {
            Url::parse(text).map_err(|_| wrong("it is no address"))?
        } else if without_scheme {
            Url::parse(&format!("https://{text}")).map_err(|_| wrong("it is no address"))?
        } else {
            // One slash and no spaces: a name. Anything else is words.
            return Ok(text.parse().ok().map(|model| Self {
                model,
                revision: None,
                path: None,
            }));
        };
        if !matches!(url.scheme(), "https" | "http") {
            return Err(wrong("only addresses of web pages are read"));
        }
        let host = url.host_str().unwrap_or_default();
        if !hosts.contains(&host) && base.host_str() != Some(host) {
            return Err(wrong("it is not of this hub"));
        }
        let mut parts: Vec<String> = Vec::new();
        for segment in url.path_segments().into_iter().flatten() {
            if !segment.is_empty() {
                let decoded = decode(segment).ok_or_else(|| wrong("it is not readable text"))?;
                parts.push(decoded);
            }
        }
        // A mirror may live below a path of its own.
        let prefix = base
            .path_segments()
            .into_iter()
            .flatten()
            .filter(|segment| !segment.is_empty());
        if base.host_str() == Some(host) {
            for own in prefix {
                if parts.first().is_some_and(|part| part == own) {
                    parts.remove(0);
                }
            }
        }
        let mut parts = parts.into_iter();
        let (Some(author), Some(name)) = (parts.next(), parts.next()) else {
            return Err(wrong("it names no author and model"));
        };
        if matches!(
            author.as_str(),
            "datasets" | "spaces" | "docs" | "api" | "collections"
        ) {
            return Err(wrong("it is not the page of a model"));
        }
        let model = ModelId::new(&author, &name)?;
        let whole = Self {
            model,
            revision: None,
            path: None,
        };
        match parts.next().as_deref() {
            None => Ok(Some(whole)),
            Some("blob" | "resolve" | "tree" | "raw") => {
                let revision = parts.next();
                let rest: Vec<String> = parts.collect();
                let path = (!rest.is_empty())
                    .then(|| FilePath::new(&rest.join("/")))
                    .transpose()?;
                Ok(Some(Self {
                    revision,
                    path,
                    ..whole
                }))
            }
            // Discussions and the like: the model is clear.
            Some(_) => Ok(Some(whole)),
        }
    }
}

/// Undoes `%41`; `None` where it is not UTF-8.
fn decode(segment: &str) -> Option<String> {
    // A form's decoder takes `+` for a space; in a path it is itself.
    let text = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
    let (_, value) = url::form_urlencoded::parse(text.as_bytes()).next()?;
    (!value.contains('\u{FFFD}')).then(|| value.into_owned())
}

#[cfg(test)]
mod tests;
