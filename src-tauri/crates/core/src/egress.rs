//! The only place of the core that makes HTTP clients: one egress policy.
//!
//! No proxy variables, no redirects, rustls. Providers get the shared client; a fetched image gets one that is pinned to the
//! addresses that were checked; the hub of models gets one of its own kind.

use std::{net::SocketAddr, time::Duration};

use nexus_llm::Timeouts;
use nexus_protocol::ErrorCard;

use crate::{StartError, cards};

/// What may talk to the network.
#[derive(Clone, Debug)]
pub struct Egress {
    providers: reqwest::Client,
}

impl Egress {
    /// Builds the shared client.
    pub fn new(timeouts: &Timeouts) -> Result<Self, StartError> {
        let providers = nexus_llm::http_client_with(timeouts)
            .map_err(|error| StartError::Network(error.to_string()))?;
        Ok(Self { providers })
    }

    /// For providers.
    pub fn providers(&self) -> reqwest::Client {
        self.providers.clone()
    }

    /// For the hub of models: redirects are followed by its own crate, which keeps the token from other hosts, and each part of a
    /// file has a connection of its own.
    ///
    /// # Errors
    /// What to tell people where there is no way out.
    pub fn hub(&self) -> Result<reqwest::Client, ErrorCard> {
        nexus_hub::http_client(Duration::from_secs(10)).map_err(cards::internal)
    }

    /// For one host at exactly these addresses: the name is not looked up again.
    pub fn pinned(host: &str, addresses: &[SocketAddr]) -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .resolve_to_addrs(host, addresses)
            .user_agent(concat!("NexusAgent/", env!("CARGO_PKG_VERSION")))
            .build()
    }
}
