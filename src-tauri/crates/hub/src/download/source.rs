//! One request for some bytes of a file, and a hard look at the answer.
//!
//! Owns: the way from the hub to the server behind it, and what may be believed of what that says. Refuses to own: the body
//! (`transfer`).

use std::{ops::Range, sync::Arc, time::Duration};

use nexus_egress::{
    Answer, StatusCode,
    header::{self, HeaderMap, HeaderValue},
};
use tokio::sync::Mutex;
use url::Url;

use super::{Limits, Trouble, journal::Identity};
use crate::{
    FilePath, ModelId,
    error::HubError,
    http::{Arrival, Endpoint, asked_to_wait, hub_refusal},
};

/// Where a file comes from. Shared by its connections.
#[derive(Debug)]
pub(crate) struct Source {
    endpoint: Endpoint,
    model: ModelId,
    /// At the hub.
    url: Url,
    name: String,
    identity: Identity,
    limits: Arc<Limits>,
    /// The signed address behind the hub, until it expires. One connection asks, the others use what it learned.
    link: Mutex<Option<Link>>,
}

#[derive(Clone, Debug)]
struct Link {
    url: Url,
    /// The hub said with it that the content is the one expected.
    confirmed: bool,
}

/// An answer that holds what was asked for.
pub(crate) struct Opened {
    pub(crate) body: Answer,
    pub(crate) etag: Option<String>,
    /// Where the answer ends; at most where it was asked to.
    pub(crate) end: u64,
}

impl Source {
    pub(crate) fn new(
        endpoint: Endpoint,
        model: ModelId,
        revision: &str,
        path: &FilePath,
        identity: (u64, crate::Checksum),
        limits: Arc<Limits>,
    ) -> Self {
        let mut segments = vec![model.author(), model.name(), "resolve", revision];
        segments.extend(path.as_str().split('/'));
        let url = endpoint.url(&segments);
        Self {
            identity: Identity {
                url: url.to_string(),
                size: identity.0,
                checksum: identity.1,
            },
            endpoint,
            model,
            url,
            name: path.file_name().to_owned(),
            limits,
            link: Mutex::new(None),
        }
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the hub said of the current link that it leads to the expected content.
    pub(crate) async fn is_confirmed(&self) -> bool {
        self.link
            .lock()
            .await
            .as_ref()
            .is_some_and(|link| link.confirmed)
    }

    /// The hub is asked anew by the next request.
    pub(crate) async fn forget_link(&self) {
        *self.link.lock().await = None;
    }

    /// Asks for a range, which must not be empty. `whole`: the server has no ranges, so ask for everything.
    pub(crate) async fn open(
        &self,
        range: &Range<u64>,
        whole: bool,
        etag: Option<&str>,
    ) -> Result<Opened, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        if !whole {
            let value = format!("bytes={}-{}", range.start, range.end - 1);
            headers.insert(header::RANGE, text(&value)?);
            // A weak one does not promise the same bytes, so servers must not honour it here.
            if let Some(etag) = etag.filter(|etag| etag.starts_with('"')) {
                headers.insert(header::IF_RANGE, text(etag)?);
            }
        }
        let arrival = self.arrive(&headers).await?;
        self.judge(arrival, range, whole, etag).await
    }

    /// Through the link that is known, or through the hub to a new one.
    async fn arrive(&self, headers: &HeaderMap) -> Result<Arrival, Trouble> {
        let mut link = self.link.lock().await;
        if let Some(known) = link.clone() {
            drop(link);
            let arrival = self.get(&known.url, headers).await?;
            if !matches!(arrival.response.status().as_u16(), 401 | 403 | 404 | 410) {
                return Ok(arrival);
            }
            // Expired. Another connection may have noticed first.
            link = self.link.lock().await;
            if link.as_ref().is_some_and(|now| now.url != known.url) {
                let url = link.as_ref().map_or(known.url, |now| now.url.clone());
                drop(link);
                return self.get(&url, headers).await;
            }
            *link = None;
        }
        let arrival = self.get(&self.url, headers).await?;
        let listed = &self.identity;
        if arrival
            .linked_sha256
            .is_some_and(|sum| crate::Checksum::from(sum) != listed.checksum)
        {
            return Err(HubError::Changed(self.name.clone()).into());
        }
        if let Some(got) = arrival.linked_size.filter(|size| *size != listed.size) {
            return Err(self.wrong_size(got).into());
        }
        if !arrival.from_hub && arrival.response.status().is_success() {
            *link = Some(Link {
                url: arrival.url.clone(),
                confirmed: arrival.linked_sha256.is_some(),
            });
        }
        Ok(arrival)
    }

    async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Arrival, Trouble> {
        self.endpoint
            .get(url, headers, false)
            .await
            .map_err(|error| match error {
                // The user's own choice does not pass by itself.
                HubError::Redirect(_) | HubError::Offline => Trouble::Fatal(error),
                _ => Trouble::retry(error),
            })
    }

    async fn judge(
        &self,
        arrival: Arrival,
        range: &Range<u64>,
        whole: bool,
        etag: Option<&str>,
    ) -> Result<Opened, Trouble> {
        let response = arrival.response;
        let size = self.identity.size;
        let header = |name: header::HeaderName| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let total = header(header::CONTENT_RANGE)
                    .and_then(|value| value.strip_prefix("bytes */")?.parse().ok());
                return Err(match total {
                    Some(got) if got != size => self.wrong_size(got).into(),
                    _ => Trouble::retry(HubError::BadAnswer(
                        "the server refused a range that the file has".into(),
                    )),
                });
            }
            _ => return Err(self.refusal(arrival.from_hub, &response)),
        }
        if header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")) {
            return Err(Trouble::retry(HubError::WebPage));
        }
        if header(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(Trouble::retry(HubError::BadAnswer(
                "the file came compressed, which was not asked for".into(),
            )));
        }
        let now = header(header::ETAG)
            .filter(|etag| etag.len() <= 256)
            .map(str::to_owned);
        let end = if response.status() == StatusCode::PARTIAL_CONTENT {
            let parsed = header(header::CONTENT_RANGE).and_then(content_range);
            match parsed {
                Some((_, _, Some(total))) if total != size => {
                    return Err(self.wrong_size(total).into());
                }
                // Fewer bytes than asked for are allowed, others are not.
                Some((start, end, _)) if !whole && start == range.start && end <= range.end => end,
                _ => {
                    return Err(Trouble::retry(HubError::BadAnswer(
                        "another range came than was asked for".into(),
                    )));
                }
            }
        } else {
            if let (Some(before), Some(now)) = (etag, &now)
                && before != now
                && !whole
            {
                return Err(Trouble::Changed);
            }
            if let Some(got) = response.content_length().filter(|length| *length != size) {
                return Err(self.wrong_size(got).into());
            }
            if range.start != 0 || range.end != size {
                return Err(Trouble::NoRanges);
            }
            size
        };
        Ok(Opened {
            etag: now,
            end,
            body: response,
        })
    }

    fn refusal(&self, from_hub: bool, response: &Answer) -> Trouble {
        let status = response.status().as_u16();
        let error = if from_hub {
            let what = format!("file “{}” in “{}”", self.name, self.model);
            hub_refusal(
                &self.endpoint,
                Some(&self.model),
                &what,
                status,
                response.headers(),
            )
        } else {
            HubError::Status(status)
        };
        let asked = asked_to_wait(response.headers()).filter(|_| matches!(status, 429 | 503));
        match (error, asked) {
            (_, Some(wait)) if wait > self.limits.wait_cap => {
                Trouble::Fatal(HubError::Busy { wait })
            }
            (_, Some(wait)) => Trouble::Retry {
                error: HubError::Busy { wait },
                after: Some(wait),
            },
            (error @ HubError::Busy { .. }, None) => Trouble::Retry {
                error,
                after: None::<Duration>,
            },
            (error @ HubError::Status(_), None) => Trouble::retry(error),
            (error, None) => Trouble::Fatal(error),
        }
    }

    fn wrong_size(&self, got: u64) -> HubError {
        HubError::WrongSize {
            name: self.name.clone(),
            expected: self.identity.size,
            got,
        }
    }
}

fn text(value: &str) -> Result<HeaderValue, HubError> {
    HeaderValue::from_str(value).map_err(|_| HubError::BadAnswer("its ETag is no text".into()))
}

/// `bytes 0-9/10` is 0, 10, 10; `*` for the total is `None`.
fn content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = match total {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    let end = last.checked_add(1)?;
    (first < end).then_some((first, end, total))
}
