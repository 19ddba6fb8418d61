//! Who may talk to the network, and the switch that keeps all of them from it.
//!
//! Owns: the clients of the core, one for each purpose. Refuses to own: what a client may do, which is the same for all
//! ([`nexus_egress`]).

use std::{net::SocketAddr, time::Duration};

use nexus_egress::{Client, EgressError, Rules, Switch};
use nexus_llm::Timeouts;
use nexus_protocol::ErrorCard;

use crate::{StartError, cards};

/// What may talk to the network.
#[derive(Clone, Debug)]
pub struct Egress {
    switch: Switch,
    providers: Client,
}

impl Egress {
    /// Builds the shared client.
    pub fn new(timeouts: &Timeouts) -> Result<Self, StartError> {
        let switch = Switch::new();
        let providers = nexus_llm::http_client(timeouts, &switch)
            .map_err(|error| StartError::Network(error.to_string()))?;
        Ok(Self { switch, providers })
    }

    /// The switch that all clients are behind.
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    /// For providers.
    pub fn providers(&self) -> Client {
        self.providers.clone()
    }

    /// For the hub of models: redirects are followed by its own crate, which keeps the token from other hosts, and each part of a
    /// file has a connection of its own.
    ///
    /// # Errors
    /// What to tell people where there is no way out.
    pub fn hub(&self) -> Result<Client, ErrorCard> {
        nexus_hub::http_client(Duration::from_secs(10), &self.switch).map_err(cards::internal)
    }

    /// For one host at exactly these addresses: the name is not looked up again.
    pub fn pinned(&self, host: &str, addresses: Vec<SocketAddr>) -> Result<Client, EgressError> {
        let rules = Rules {
            pinned: Some((host.to_owned(), addresses)),
            ..Rules::default()
        };
        Client::new(rules, &self.switch)
    }
}
