//! One answer, whose body may still be coming.
//!
//! Owns: that nothing more of it is taken once the switch is on. Refuses to own: bounds and clocks.

use bytes::Bytes;
use futures::stream::{self, Stream};
use reqwest::{StatusCode, header::HeaderMap};
use url::Url;

use crate::{EgressError, Switch};

/// An answer.
#[derive(Debug)]
pub struct Answer {
    response: reqwest::Response,
    /// Present where it comes from another machine.
    switch: Option<Switch>,
}

impl Answer {
    pub(crate) fn new(response: reqwest::Response, switch: Option<Switch>) -> Self {
        Self { response, switch }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Where it comes from.
    pub fn url(&self) -> &Url {
        self.response.url()
    }

    /// Bytes of the body, where the server said.
    pub fn content_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`EgressError::Offline`] from the moment on that the switch is turned on; dropping the answer then closes its connection.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        match &self.switch {
            None => Ok(self.response.chunk().await?),
            Some(switch) => tokio::select! {
                biased;
                () = switch.wait_offline() => Err(EgressError::Offline),
                chunk = self.response.chunk() => Ok(chunk?),
            },
        }
    }

    /// The body as a stream; it ends after the first error.
    pub fn bytes_stream(self) -> impl Stream<Item = Result<Bytes, EgressError>> + Send + 'static {
        stream::unfold(Some(self), |answer| async {
            let mut answer = answer?;
            match answer.chunk().await {
                Ok(None) => None,
                Ok(Some(bytes)) => Some((Ok(bytes), Some(answer))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}
