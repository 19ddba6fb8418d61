//! The HTTP client for providers, and how long they may take.
//!
//! Owns: the client's set-up and the time limits' defaults. Refuses to own: when they are applied (`remote`).

use std::time::Duration;

use nexus_egress::{Client, EgressError, Rules, Switch};

/// How long a provider may take, and how often it is asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection. Part of the client: see [`http_client`].
    pub connect: Duration,
    /// From the call to the first line of the answer; longer where much is sent (a second for each 64 KiB).
    pub headers: Duration,
    /// Between two pieces of the answer, comments among them.
    pub idle: Duration,
    /// Between two pieces that say something: comments do not count. Past it the call is not tried again.
    pub content: Duration,
    /// For the token counts, once the answer's end was announced.
    pub tail: Duration,
    /// Tries after the first, as long as nothing was shown.
    pub retries: u32,
    /// Upper bound of the first random wait; doubles with each try.
    pub backoff_base: Duration,
    /// Upper bound of every random wait.
    pub backoff_cap: Duration,
    /// A provider that asks to wait longer is not waited for.
    pub retry_after_cap: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            headers: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            content: Duration::from_secs(300),
            tail: Duration::from_secs(2),
            retries: 4,
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(8),
            retry_after_cap: Duration::from_secs(60),
        }
    }
}

/// The client for providers, behind the offline switch.
///
/// # Errors
/// When TLS cannot be set up.
pub fn http_client(timeouts: &Timeouts, switch: &Switch) -> Result<Client, EgressError> {
    let rules = Rules {
        connect: timeouts.connect,
        ..Rules::default()
    };
    Client::new(rules, switch)
}
