//! Images of the web, fetched because the user clicked: https, public addresses and image types only.
//!
//! Owns the rules. An address is looked up once, all that come back must be public, and the connection goes to exactly those.
//! Refuses to send anything but the request line: no cookies, no referrer, no keys.

mod address;
mod sniff;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::StreamExt;
use nexus_egress::{
    Answer, EgressError, Switch,
    header::{self, HeaderValue},
};
use nexus_protocol::{ErrorAction, ErrorCard, ErrorCode, ImageData};
use url::{Host, Url};

pub use address::is_public;
pub use sniff::media_type;

use crate::egress::Egress;

/// Decoded bytes of one image.
const MAX_BYTES: usize = 10 * 1024 * 1024;
const MAX_REDIRECTS: usize = 5;
/// From the first look-up to the last byte.
const LIMIT: Duration = Duration::from_secs(20);

/// Why an image was not fetched.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address.
    #[error("this address is not fetched: {0}")]
    Address(String),
    /// A host on this machine or in the local network.
    #[error("{0} is not on the public internet")]
    NotPublic(String),
    /// The offline switch is on.
    #[error("you are offline by your own choice")]
    Offline,
    /// No answer, or not a good one.
    #[error("{0}")]
    Failed(String),
    /// Too large.
    #[error("the image is larger than 10 MiB")]
    TooLarge,
    /// Not an image.
    #[error("what came is no PNG, JPEG, GIF or WebP image")]
    NoImage,
    /// Too slow.
    #[error("nothing complete came within 20 s")]
    TimedOut,
}

impl FetchError {
    /// The card that people see.
    pub fn card(&self) -> ErrorCard {
        let code = match self {
            Self::Address(_) | Self::NotPublic(_) => ErrorCode::BadInput,
            Self::TimedOut => ErrorCode::TimedOut,
            Self::Offline => {
                return ErrorCard::offline(
                    "The image is on another machine, so it was not asked for. Go online to load it.",
                );
            }
            Self::Failed(_) => ErrorCode::Unreachable,
            Self::TooLarge | Self::NoImage => ErrorCode::BadAnswer,
        };
        ErrorCard::new(
            code,
            "The image was not loaded",
            format!("{self}. You can open its address in your browser instead."),
            ErrorAction::None,
        )
    }
}

/// Looks names up.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a host.
    async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver, behind the offline switch.
#[derive(Clone, Debug)]
pub struct SystemResolver(pub Switch);

#[async_trait]
impl Resolve for SystemResolver {
    async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        nexus_egress::lookup(&self.0, host, port)
            .await
            .map_err(io::Error::other)
    }
}

/// Fetches images.
#[derive(Clone)]
pub struct ImageFetcher {
    resolver: Arc<dyn Resolve>,
    egress: Egress,
    allowed: fn(IpAddr) -> bool,
    /// `https`, and its port only. Tests have no certificate and speak http on any port.
    scheme: &'static str,
    limit: Duration,
}

impl ImageFetcher {
    /// With a resolver; addresses must be public.
    pub fn new(resolver: Arc<dyn Resolve>, egress: Egress) -> Self {
        Self {
            resolver,
            egress,
            allowed: is_public,
            scheme: "https",
            limit: LIMIT,
        }
    }

    /// Fetches one image.
    pub async fn fetch(&self, url: &str) -> Result<ImageData, FetchError> {
        tokio::time::timeout(self.limit, self.follow(url))
            .await
            .unwrap_or(Err(FetchError::TimedOut))
    }

    async fn follow(&self, url: &str) -> Result<ImageData, FetchError> {
        let mut url = self.check(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.request(&url).await?;
            let status = response.status();
            if status.is_redirection() {
                let target = response
                    .headers()
                    .get(header::LOCATION)
                    .and_then(|value| value.to_str().ok())
                    .ok_or_else(|| FetchError::Failed("it redirects to nowhere".into()))?;
                let target = url
                    .join(target)
                    .map_err(|error| FetchError::Address(error.to_string()))?;
                // Each hop is checked as if the user had clicked it.
                url = self.check(target.as_str())?;
                continue;
            }
            if !status.is_success() {
                return Err(FetchError::Failed(format!("the server answered {status}")));
            }
            return read(response).await;
        }
        Err(FetchError::Failed("it redirects too often".into()))
    }

    fn check(&self, text: &str) -> Result<Url, FetchError> {
        let refuse = |reason: &str| Err(FetchError::Address(reason.into()));
        if text.len() > 4096 || text.chars().any(|c| c.is_control()) {
            return refuse("it is too long or holds control characters");
        }
        let url = Url::parse(text).map_err(|error| FetchError::Address(error.to_string()))?;
        if url.scheme() != self.scheme {
            return refuse("only https is");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it holds a user name or password");
        }
        if self.scheme == "https" && url.port().is_some() {
            return refuse("it names a port of its own");
        }
        match url.host() {
            // The resolver and the pinned client must agree on the name: the form with a dot at its end is another one.
            Some(Host::Domain(name)) if name.ends_with('.') => refuse("its host ends with a dot"),
            Some(Host::Domain(name)) if !name.contains('.') => {
                Err(FetchError::NotPublic(name.to_owned()))
            }
            Some(_) => Ok(url),
            None => refuse("it names no host"),
        }
    }

    async fn request(&self, url: &Url) -> Result<Answer, FetchError> {
        // A look-up would tell the name already.
        if self.egress.switch().is_offline() {
            return Err(FetchError::Offline);
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let (name, addresses) = match url.host() {
            Some(Host::Ipv4(ip)) => (ip.to_string(), vec![SocketAddr::new(ip.into(), port)]),
            Some(Host::Ipv6(ip)) => (ip.to_string(), vec![SocketAddr::new(ip.into(), port)]),
            Some(Host::Domain(name)) => {
                let found = self.resolver.lookup(name, port).await.map_err(|error| {
                    FetchError::Failed(format!("{name} could not be looked up: {error}"))
                })?;
                (name.to_owned(), found)
            }
            None => return Err(FetchError::Address("it names no host".into())),
        };
        // One bad address among good ones is a trick, not an accident.
        if addresses.is_empty() || addresses.iter().any(|a| !(self.allowed)(a.ip())) {
            return Err(FetchError::NotPublic(name));
        }
        self.egress
            .pinned(&name, addresses)
            .map_err(failed)?
            .get(url.clone())
            .header(
                header::ACCEPT,
                HeaderValue::from_static("image/png, image/jpeg, image/webp, image/gif"),
            )
            .send()
            .await
            .map_err(failed)
    }
}

fn failed(error: EgressError) -> FetchError {
    match error {
        EgressError::Offline => FetchError::Offline,
        error => FetchError::Failed(error.without_url().to_string()),
    }
}

async fn read(response: Answer) -> Result<ImageData, FetchError> {
    if response
        .content_length()
        .is_some_and(|length| length > MAX_BYTES as u64)
    {
        return Err(FetchError::TooLarge);
    }
    let mut bytes = Vec::new();
    let mut body = Box::pin(response.bytes_stream());
    // Counted after decompression: a small body may unfold without end.
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(failed)?;
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    // The server's word on the type is not taken.
    let media_type = sniff::media_type(&bytes).ok_or(FetchError::NoImage)?;
    Ok(ImageData {
        media_type: media_type.into(),
        base64: STANDARD.encode(bytes),
    })
}

#[cfg(test)]
mod tests;
