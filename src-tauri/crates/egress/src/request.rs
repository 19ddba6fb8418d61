//! One request.
//!
//! Owns: that it is sent only past the switch, and stops when that is turned on. Refuses to own: its meaning.

use reqwest::header::{HeaderMap, HeaderValue};

use crate::{Answer, EgressError, Switch};

/// A request that is not sent yet.
#[must_use]
pub struct Request {
    built: Result<reqwest::RequestBuilder, EgressError>,
    /// Present where it leaves this machine.
    switch: Option<Switch>,
}

impl Request {
    pub(crate) fn new(
        built: Result<reqwest::RequestBuilder, EgressError>,
        switch: Option<Switch>,
    ) -> Self {
        Self { built, switch }
    }

    /// Adds a header. One that cannot be written makes [`Self::send`] fail.
    pub fn header(self, name: impl AsRef<str>, value: HeaderValue) -> Self {
        self.with(|request| request.header(name.as_ref(), value))
    }

    /// Adds headers.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|request| request.headers(headers))
    }

    /// What it carries.
    pub fn body(self, body: bytes::Bytes) -> Self {
        self.with(|request| request.body(body))
    }

    /// Sends it and waits for the head of the answer.
    ///
    /// # Errors
    /// [`EgressError::Offline`] where it may not leave, or may no longer while it waits.
    pub async fn send(self) -> Result<Answer, EgressError> {
        let (request, switch) = (self.built?, self.switch);
        let response = match &switch {
            None => request.send().await?,
            Some(switch) => tokio::select! {
                biased;
                () = switch.wait_offline() => return Err(EgressError::Offline),
                response = request.send() => response?,
            },
        };
        Ok(Answer::new(response, switch))
    }

    fn with(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self {
            built: self.built.map(change),
            ..self
        }
    }
}
