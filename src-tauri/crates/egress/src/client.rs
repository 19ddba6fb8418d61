//! Clients.
//!
//! Owns: how every client is set up, and its connections. Refuses to own: requests and answers.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use url::Url;

use crate::{EgressError, Request, Switch, place};

/// How a client speaks and connects. What is not here is the same for all: redirects are never followed (a key would follow them, and
/// so would the switch's judgement), no proxy comes from the environment, certificates are always checked.
#[derive(Clone, Debug)]
pub struct Rules {
    /// For a connection.
    pub connect: Duration,
    /// How it speaks.
    pub protocol: Protocol,
    /// Whether it asks for compressed answers.
    pub gzip: bool,
    /// One host at exactly these addresses: the name is not looked up.
    pub pinned: Option<(String, Vec<SocketAddr>)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            protocol: Protocol::Any,
            gzip: true,
            pinned: None,
        }
    }
}

/// How a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// As the server prefers.
    #[default]
    Any,
    /// HTTP/1: a connection for each request under way.
    Http1,
    /// HTTP/2 from the first byte, also without TLS.
    Http2,
}

/// A client. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Arc<Pool>,
    switch: Switch,
}

/// A client's connections; none while it has not been asked since the switch was turned on.
#[derive(Debug)]
pub(crate) struct Pool {
    rules: Rules,
    http: Mutex<Option<reqwest::Client>>,
}

impl Client {
    /// A client behind a switch.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(rules: Rules, switch: &Switch) -> Result<Self, EgressError> {
        let http = Mutex::new(Some(build(&rules)?));
        let pool = Arc::new(Pool { rules, http });
        switch.remember(&pool);
        Ok(Self {
            pool,
            switch: switch.clone(),
        })
    }

    /// The switch it is behind.
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    /// A GET.
    pub fn get(&self, url: Url) -> Request {
        self.request(url, |http, url| http.get(url))
    }

    /// A POST.
    pub fn post(&self, url: Url) -> Request {
        self.request(url, |http, url| http.post(url))
    }

    fn request(
        &self,
        url: Url,
        method: impl FnOnce(&reqwest::Client, Url) -> reqwest::RequestBuilder,
    ) -> Request {
        let leaves = !place::is_this_machine(&url);
        // Refused before there is anything that could connect.
        let built = if leaves && self.switch.is_offline() {
            Err(EgressError::Offline)
        } else {
            self.pool.open().map(|http| method(&http, url))
        };
        Request::new(built, leaves.then(|| self.switch.clone()))
    }
}

impl Pool {
    /// The client, made anew where the switch has closed it.
    fn open(&self) -> Result<reqwest::Client, EgressError> {
        let mut http = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        match &*http {
            Some(http) => Ok(http.clone()),
            None => Ok(http.insert(build(&self.rules)?).clone()),
        }
    }

    /// Closes what is kept for later. Requests to this machine that are under way hold what they need.
    pub(crate) fn close(&self) {
        let mut http = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        drop(http.take());
    }
}

fn build(rules: &Rules) -> Result<reqwest::Client, EgressError> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .gzip(rules.gzip)
        .connect_timeout(rules.connect)
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(50))
        // What passes as this machine must be this machine, whatever a hosts file says.
        .resolve_to_addrs(
            place::LOCALHOST,
            &[
                SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
            ],
        )
        .user_agent(concat!("nexus-agent/", env!("CARGO_PKG_VERSION")));
    builder = match rules.protocol {
        Protocol::Any => builder,
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_prior_knowledge(),
    };
    if let Some((host, addresses)) = &rules.pinned {
        builder = builder.resolve_to_addrs(host, addresses);
    }
    Ok(builder.build()?)
}

/// The addresses of a name, by the system's resolver.
///
/// # Errors
/// [`EgressError::Offline`] before anything is asked, or while it is.
pub async fn lookup(
    switch: &Switch,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, EgressError> {
    tokio::select! {
        biased;
        () = switch.wait_offline() => Err(EgressError::Offline),
        found = tokio::net::lookup_host((host, port)) => Ok(found?.collect()),
    }
}

#[cfg(test)]
mod tests;
