//! Requests to the hub and to where it sends us.
//!
//! Owns: the client's rules, the hub's addresses, redirects, and to whom the token goes. Refuses to own: what the answers mean.

use std::time::Duration;

use nexus_egress::{
    Answer, Client, EgressError, Protocol, Rules, Switch,
    header::{self, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{ModelId, Sha256Sum, error::HubError};

/// The hub that is used unless the settings name a mirror.
pub const PUBLIC_HUB: &str = "https://huggingface.co";

const MAX_REDIRECTS: usize = 8;

/// Which hub, and as whom.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// [`PUBLIC_HUB`], or a mirror with the same interface. `http` only without a token or on this machine.
    pub base: String,
    /// For gated and private models, and for higher limits.
    pub token: Option<SecretString>,
    /// From a request to the first line of its answer.
    pub headers_timeout: Duration,
}

impl Default for HubSettings {
    fn default() -> Self {
        Self {
            base: PUBLIC_HUB.into(),
            token: None,
            headers_timeout: Duration::from_secs(30),
        }
    }
}

/// The only client that suits this crate: redirects are followed by hand (the token must not follow), and bodies come as sent (a
/// range of a compressed body is no range of the file). HTTP/1, because the parts of a file are to have a connection each.
///
/// # Errors
/// When TLS cannot be set up.
pub fn http_client(connect: Duration, switch: &Switch) -> Result<Client, EgressError> {
    let rules = Rules {
        connect,
        protocol: Protocol::Http1,
        gzip: false,
        ..Rules::default()
    };
    Client::new(rules, switch)
}

/// The hub's address, the client, and the token.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    http: Client,
    base: Url,
    authorization: Option<HeaderValue>,
    headers_timeout: Duration,
}

/// An answer, and what was learned on the way to it.
pub(crate) struct Arrival {
    pub(crate) response: Answer,
    /// Where it came from.
    pub(crate) url: Url,
    /// Whether that is the hub itself.
    pub(crate) from_hub: bool,
    /// `X-Linked-Etag` of the hub: the SHA-256 of a large file.
    pub(crate) linked_sha256: Option<Sha256Sum>,
    /// `X-Linked-Size` of the hub.
    pub(crate) linked_size: Option<u64>,
}

impl Endpoint {
    pub(crate) fn new(http: Client, settings: &HubSettings) -> Result<Self, HubError> {
        let wrong = |reason: &str| Err(HubError::Base(reason.into()));
        let base = match Url::parse(settings.base.trim()) {
            Ok(url) => url,
            Err(error) => return wrong(&error.to_string()),
        };
        if !base.username().is_empty() || base.password().is_some() {
            return wrong("it holds a user name or password");
        }
        if base.query().is_some() || base.fragment().is_some() {
            return wrong("it holds “?” or “#”");
        }
        match base.scheme() {
            "https" => {}
            "http" if nexus_egress::is_this_machine(&base) || settings.token.is_none() => {}
            "http" => return wrong("a token is sent over https only"),
            _ => return wrong("it is no https address"),
        }
        let authorization = match &settings.token {
            None => None,
            Some(token) => {
                let text = format!("Bearer {}", token.expose_secret().trim());
                let Ok(mut value) = HeaderValue::from_str(&text) else {
                    return wrong("the token holds characters that no token has");
                };
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            http,
            base,
            authorization,
            headers_timeout: settings.headers_timeout,
        })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// For the whole of an answer that is no file.
    pub(crate) fn body_timeout(&self) -> Duration {
        self.headers_timeout * 2
    }

    pub(crate) fn has_token(&self) -> bool {
        self.authorization.is_some()
    }

    /// Below the base; each segment is escaped, so that none can change the address's shape.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The model's page, for people.
    pub(crate) fn page(&self, model: &ModelId) -> String {
        self.url(&[model.author(), model.name()]).to_string()
    }

    /// The same scheme, host and port as the hub.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Sends a GET and follows redirects. Once the way has left the hub, the token stays away, even if it leads back.
    pub(crate) async fn get(
        &self,
        start: &Url,
        headers: &HeaderMap,
        only_hub: bool,
    ) -> Result<Arrival, HubError> {
        let mut url = start.clone();
        let mut trusted = self.owns(&url);
        let mut linked_sha256 = None;
        let mut linked_size = None;
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.http.get(url.clone()).headers(headers.clone());
            if trusted && let Some(authorization) = &self.authorization {
                request = request.header(header::AUTHORIZATION, authorization.clone());
            }
            let response = tokio::time::timeout(self.headers_timeout, request.send())
                .await
                .map_err(|_| {
                    HubError::Silent(format!(
                        "no answer within {} s",
                        self.headers_timeout.as_secs_f32()
                    ))
                })?
                .map_err(unreachable)?;
            let from_hub = self.owns(&url);
            if from_hub {
                let header = |name: &str| response.headers().get(name)?.to_str().ok();
                linked_sha256 = linked_sha256
                    .or(header("x-linked-etag")
                        .and_then(|etag| etag.trim_matches('"').parse().ok()));
                linked_size =
                    linked_size.or(header("x-linked-size").and_then(|size| size.parse().ok()));
            }
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(Arrival {
                    response,
                    url,
                    from_hub,
                    linked_sha256,
                    linked_size,
                });
            }
            url = self.next(&url, response.headers())?;
            if only_hub && !self.owns(&url) {
                return Err(HubError::Redirect("to another host".into()));
            }
            trusted = trusted && self.owns(&url);
        }
        Err(HubError::Redirect(format!(
            "more than {MAX_REDIRECTS} times in a row"
        )))
    }

    /// Where a redirect leads, if it may. The address itself is kept out of the errors: it can hold a signature.
    fn next(&self, from: &Url, headers: &HeaderMap) -> Result<Url, HubError> {
        let refuse = |reason: &str| Err(HubError::Redirect(reason.into()));
        let Some(target) = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
        else {
            return refuse("it names no target");
        };
        let Ok(url) = from.join(target) else {
            return refuse("the target is no address");
        };
        match url.scheme() {
            "https" => {}
            // A hub that was asked over https never sends people to http; one without TLS has nothing to lose.
            "http" if self.base.scheme() == "http" => {}
            "http" => return refuse("to http, without encryption"),
            other => return refuse(&format!("to an address that begins with “{other}:”")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("to an address with a user name or password");
        }
        Ok(url)
    }
}

/// Without the address, which can hold a signature; with the innermost cause, which says what happened.
pub(crate) fn unreachable(error: EgressError) -> HubError {
    if error.is_offline() {
        return HubError::Offline;
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    HubError::Unreachable(cause.to_string())
}

/// How long the server asks to wait: `Retry-After` in seconds or as a date, or the hub's own `RateLimit: "api";r=0;t=55`.
pub(crate) fn asked_to_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(value) = text("retry-after") {
        if let Ok(seconds) = value.trim().parse() {
            return Some(Duration::from_secs(seconds));
        }
        if let Ok(date) = httpdate::parse_http_date(value) {
            return Some(
                date.duration_since(std::time::SystemTime::now())
                    .unwrap_or_default(),
            );
        }
    }
    text("ratelimit")?
        .split(';')
        .find_map(|part| part.trim().strip_prefix("t=")?.parse().ok())
        .map(Duration::from_secs)
}

/// What a status of the hub itself means; `what` is what was asked for. Only for those that are no success.
pub(crate) fn hub_refusal(
    endpoint: &Endpoint,
    model: Option<&ModelId>,
    what: &str,
    status: u16,
    headers: &HeaderMap,
) -> HubError {
    let code = headers.get("x-error-code").and_then(|v| v.to_str().ok());
    match (status, code, model) {
        (_, Some("GatedRepo"), Some(model)) => HubError::Gated {
            page: endpoint.page(model),
        },
        (_, Some("RepoNotFound" | "EntryNotFound" | "RevisionNotFound"), _) | (404 | 410, _, _) => {
            HubError::NotFound(what.into())
        }
        (401 | 403, _, _) if endpoint.has_token() => HubError::TokenRefused { status },
        // To those without a token the hub says 401 for what does not exist, too.
        (401, _, _) => HubError::NotFound(what.into()),
        (403, _, Some(model)) => HubError::Gated {
            page: endpoint.page(model),
        },
        (429 | 503, _, _) => match asked_to_wait(headers) {
            Some(wait) => HubError::Busy { wait },
            None if status == 429 => HubError::Busy {
                wait: Duration::from_secs(60),
            },
            None => HubError::Status(status),
        },
        _ => HubError::Status(status),
    }
}

#[cfg(test)]
mod tests;
